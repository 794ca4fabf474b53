// Package documents runs what documents show: the policies of docs/policy.md
// against the tables below them. That every command and every YAML elsewhere
// is right is for internal/housetest, cmd/tracescrub and test/e2e.
package documents
