// Package releasereceiver is the receiver `release_gate`: it shows held
// telemetry to those who may decide about it and sends what they approve into
// the pipelines that it came through.
//
// It ties its parts together and decides nothing itself: package ledger knows
// what state every item is in, package keeper does what follows from it,
// package content opens items, packages api, login and page are how people
// come to it, package notify is how it comes to them. It is the only component
// that can open what was sealed.
package releasereceiver
