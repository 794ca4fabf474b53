// Package benchmarks holds what the benchmarks rest on: texts with known
// answers (corpus), loads for stores and for the pipelines that hold and
// release (stores, pipeline), the driver of whole Collectors (collector, run by
// cmd/collector), figures and the files that keep them (figure, record), the
// command that measures (cmd/bench), the page of numbers and its records, and
// the test that clean data costs no allocation.
package benchmarks
