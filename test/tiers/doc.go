// Package tiers is a module of its own for the first tier of a set-up with two
// (docs/scale.md): cmd/router is the program, router.yaml its configuration.
// TestTwoTiers in test/e2e builds and runs both.
package tiers
