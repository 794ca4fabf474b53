// Package peers measures the engine beside those of others, on the same texts
// and in the same process (cmd/bench), sets its processor beside those of
// others on the same telemetry (cmd/accuracy), and has a Collector with those
// (cmd/collector). It is a module of its own, so that their
// dependencies are not the product's.
package peers
