// Package peers measures the engine beside those of others, on the same texts
// and in the same process (cmd/bench), and has a Collector with the processors
// of others (cmd/collector). It is a module of its own, so that their
// dependencies are not the product's.
package peers
