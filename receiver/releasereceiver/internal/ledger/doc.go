// Package ledger is release_gate's state machine: a fold over the events of a
// store (package holdstore). It has no clock, no goroutines and no randomness
// of its own, so that all gates on one store, and a gate after a crash, come to
// the same states, whatever order items and decisions arrive in.
//
// A record of the log says which version of its item it expects and changes
// something only if that is the version at that place of the log: the log's
// order decides who was faster, and whoever lost learns it by reading on.
package ledger
