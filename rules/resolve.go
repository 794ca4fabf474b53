package rules

import "slices"

func (s *scanner) rankOf(f *Finding) rank {
	if f.Withheld != None {
		return rankWithheld
	}
	return s.e.rankOf(f.Rule)
}

// resolve sorts findings and merges those that overlap. The wider keeps its
// rule; of two that cover the same bytes the more specific does.
func resolve(fs []Finding, rankOf func(*Finding) rank) []Finding {
	if !slices.IsSortedFunc(fs, byPlace) { // mostly they are
		slices.SortStableFunc(fs, byPlace) // of equals the first stays, whatever else there is
	}
	out := fs[:0]
	for i := range fs {
		f := &fs[i]
		if len(out) == 0 || f.Start >= out[len(out)-1].End {
			out = append(out, *f)
			continue
		}
		last := &out[len(out)-1]
		if better(f, last, rankOf) {
			start, end := min(f.Start, last.Start), max(f.End, last.End)
			*last = *f
			last.Start, last.End = start, end
		} else {
			last.End = max(last.End, f.End)
		}
	}
	return out
}

func byPlace(a, b Finding) int {
	if a.Start != b.Start {
		return a.Start - b.Start
	}
	return b.End - a.End
}

// better says that a, which begins at or behind b and overlaps it, names the
// whole better than b.
func better(a, b *Finding, rankOf func(*Finding) rank) bool {
	ra, rb := rankOf(a), rankOf(b)
	if ra == rankWithheld || rb == rankWithheld {
		return ra > rb
	}
	if a.Start == b.Start && a.End == b.End {
		if ra != rb {
			return ra > rb
		}
		if a.levels != b.levels {
			return a.levels > b.levels // the digest of what the secret is once all is taken off
		}
		const found = Decoded | ChecksumPassed
		return a.Evidence&found == b.Evidence&found|ChecksumPassed && b.Evidence&ChecksumPassed == 0 // whichever came first
	}
	if a.End <= b.End { // inside
		return (ra == rankProvider || ra == rankKnown) && rb < rankGeneric && 2*(a.End-a.Start) > b.End-b.Start
	}
	return ra > rb
}
