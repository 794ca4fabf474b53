// Package collector measures a whole Collector: a process of its own that gets
// OTLP by gRPC on loopback and sends it on by gRPC to a sink in this process.
// The same binary runs with and without a processor, in turn, and what counts
// is the CPU time of its process for each span.
//
// Sender and sink handle requests as bytes, so that they leave the cores to
// the Collector. They count: every span must arrive, and every planted secret
// must be masked where the processor masks, and stand there where none does.
package collector
