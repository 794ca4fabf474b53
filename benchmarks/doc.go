// Package benchmarks holds what the benchmarks rest on: texts with known
// answers (corpus), the command that measures (cmd/bench), the page of numbers
// and its records, and the test that clean data costs no allocation.
package benchmarks
