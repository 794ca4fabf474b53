// Package otlpstream masks OTLP files of any size: it takes the resource
// elements out of a document one by one, hands them on in batches, and writes
// what comes back in the same frame.
//
// A document of up to BatchBytes is one batch, so it is masked exactly as the
// processor masks a request of that content. Of a larger one no more than a
// batch and one resource element are in memory.
package otlpstream

import (
	"errors"
	"fmt"
)

// Signal is the kind of telemetry.
type Signal uint8

// The signals. Unknown asks for detection.
const (
	Unknown Signal = iota
	Traces
	Logs
	Metrics
)

// members are the names of the top-level field of each signal.
var members = [...]string{"", "resourceSpans", "resourceLogs", "resourceMetrics"}

// ParseSignal reads the word of a flag: traces, logs, metrics, or empty for Unknown.
func ParseSignal(word string) (Signal, error) {
	for s, name := range [...]string{"", "traces", "logs", "metrics"} {
		if word == name {
			return Signal(s), nil
		}
	}
	return Unknown, fmt.Errorf("unknown signal %q: use traces, logs or metrics", word)
}

// String returns the word of the flag.
func (s Signal) String() string {
	return [...]string{"unknown", "traces", "logs", "metrics"}[s]
}

// ofMember returns the signal of a top-level member, in lowerCamel or snake case.
func ofMember(name string) Signal {
	switch name {
	case "resourceSpans", "resource_spans":
		return Traces
	case "resourceLogs", "resource_logs":
		return Logs
	case "resourceMetrics", "resource_metrics":
		return Metrics
	}
	return Unknown
}

// Batch masks a whole request that is given in one of OTLP's encodings and
// returns it in the same encoding. An error means that the request cannot be
// parsed, or that it could not be masked; its text never quotes the input.
type Batch func(s Signal, request []byte) ([]byte, error)

// Options say how a stream is read.
type Options struct {
	// Signal is what the stream must hold; Unknown detects it.
	Signal Signal
	// BatchBytes is how much is masked at once; default 16 MiB. A single
	// resource element that is larger is a batch of its own.
	BatchBytes int
	// ElementBytes is the largest resource element; default 1 GiB.
	ElementBytes int
	// Mask masks a batch.
	Mask Batch
}

func (o Options) withDefaults() Options {
	if o.BatchBytes <= 0 {
		o.BatchBytes = 16 << 20
	}
	if o.ElementBytes <= 0 {
		o.ElementBytes = 1 << 30
	}
	return o
}

// InputError is a defect of the input.
type InputError struct {
	// Line counts from 1; 0 where the format has no lines.
	Line int64
	// Byte is the offset in the stream, from 0.
	Byte int64
	// Record counts the resource elements that were read whole before.
	Record int64
	Err    error
}

// Error names the place, never the content.
func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d, byte %d: %v", e.Line, e.Byte, e.Err)
	}
	return fmt.Sprintf("byte %d: %v", e.Byte, e.Err)
}

// Unwrap returns the defect.
func (e *InputError) Unwrap() error { return e.Err }

var (
	errTooLarge = errors.New("a resource element is larger than the limit")
	errMixed    = errors.New("one document holds more than one signal")
)
