// Package judged holds what secret_mask has to know of the configuration around
// it: whether the connector verdict is there, which reads stamps, tells what was
// dropped and takes away what is left of it. No component gets to see the
// configuration but the converters.
package judged

import "sync/atomic"

var unjudged atomic.Bool

// Set says whether this process has the connector in its pipelines.
func Set(is bool) { unjudged.Store(!is) }

// Get is what was last set. Until then it is true: that something is left over
// is the better mistake.
func Get() bool { return !unjudged.Load() }
