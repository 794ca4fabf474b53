//go:build !vectorscan || !cgo

package vectorscan

// Database finds nothing: it cannot be made.
type Database struct{}

// Literals fails.
func Literals([]string) (*Database, error) { return nil, ErrAbsent }

// Regexps fails.
func Regexps([]string) (*Database, Support, error) { return nil, Support{}, ErrAbsent }

// Scan fails.
func (*Database) Scan(hits []Hit, _ []byte) ([]Hit, error) { return hits, ErrAbsent }

// Close does nothing.
func (*Database) Close() {}
