package corpus

import (
	"fmt"
	"maps"
	"slices"
)

// Bounds of the promise, in parts of a thousand.
const (
	// maxLeaked bounds the occurrences that leak, of all difficulties. Known to
	// leak (docs/detection-scenarios.md says which occurrence): an opaque key in
	// a span name that stands nowhere else (dirty_traceloop), and the token that
	// is written backwards (S90), a documented limit.
	maxLeaked = 5
	// maxDestroyed bounds the look-alikes that do not survive.
	maxDestroyed = 1
)

// Faults lists what the result of all cases of one fill does not keep of what
// the processor promises. A result of few cases is a fault, too.
func (r Result) Faults() (faults []string) {
	if n := r.By["easy"].Leaked; n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d easy occurrences leaked", n, r.By["easy"].Rows))
	}
	damage := map[string]int{
		"broken JSON documents": r.JSONBroken, "changed shapes": r.Shape, "changed types": r.Types,
		"changed ids, times and counts": r.IDs, "unreadable payloads": r.Unreadable,
		"secrets where they were not before": r.Elsewhere, "secrets with more than one mask": r.Inconsistent,
	}
	for _, what := range slices.Sorted(maps.Keys(damage)) {
		if n := damage[what]; n > 0 {
			faults = append(faults, fmt.Sprintf("%d %s", n, what))
		}
	}
	if n, all := r.Leaked(), r.Rows(); n*1000 > all*maxLeaked {
		faults = append(faults, fmt.Sprintf("%d of %d occurrences leaked, more than %d in a thousand", n, all, maxLeaked))
	}
	if r.DecoysDestroyed*1000 > r.Decoys*maxDestroyed {
		faults = append(faults, fmt.Sprintf("%d of %d look-alikes destroyed, more than %d in a thousand", r.DecoysDestroyed, r.Decoys, maxDestroyed))
	}
	if r.Cases < 135 || r.By["easy"].Rows < 340 || r.Rows() < 600 || r.Decoys < 2800 {
		faults = append(faults, "the corpus is too small to say anything")
	}
	return faults
}
