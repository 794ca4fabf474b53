// Package e2e drives the built binary, bin/otelcol-tracescrub, over the
// network, as a sender, an operator and a reader of its output would.
//
// The tests have the build tag e2e and run by `make e2e`, which builds the
// binary first; without the binary they fail. Each promise of the project has
// a test of its own. What each was seen to fail on, once, when it was written:
//
//	promise                 test                        planted fault
//	no bypass               TestMaskEverywhere          a processor that passes everything on
//	telemetry stays useful  TestMaskEverywhere          the same; and a mask with a space appended
//	fail closed             TestTooLarge, TestBadStart  size limit raised above the value; a good pack
//	no plaintext at rest    TestMaskEverywhere          a debug exporter with verbosity detailed on the terminal
//	nothing is lost         TestKill                    the file exporter without rotation
package e2e
