// Package secretmaskprocessor is the processor `secret_mask`: it scans every
// text of traces, logs, metrics and profiles for secrets and replaces what it
// finds, in place, before anything downstream can store it.
//
// It ties four parts together and decides nothing itself: package walk knows
// where texts are, package rules what a secret looks like, package mask what
// policy makes of it, package verdict how the outcome is written onto the data.
package secretmaskprocessor
