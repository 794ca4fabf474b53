// Package vectorscan calls the C library Vectorscan, a fork of Hyperscan for
// all processors, in block mode. Without the build tag vectorscan, cgo and the
// library there is only ErrAbsent: nothing else of this repository needs C.
package vectorscan

import "errors"

// ErrAbsent is what a build without the library answers.
var ErrAbsent = errors.New("vectorscan: not built in: build with -tags vectorscan and CGO_ENABLED=1")

// Hit says that a match of a pattern ends at To. Where it begins the library
// says only at a cost that nobody asks it for here.
type Hit struct {
	To      uint64
	Pattern uint32
	_       uint32 // as C lays it out
}

// Support says what became of regular expressions, by their index.
type Support struct {
	// Loose are those that the library takes only as a filter: it reports all
	// matches and others besides.
	Loose []int
	// Refused are those that it does not take at all, and does not look for.
	Refused []int
}
