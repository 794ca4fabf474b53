package secretmaskprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// again prepares for a batch that was held and comes back from release_gate:
// it is scanned by the rules of today, but for what people approved.
func (s *scan) again(r *release.Release) {
	s.release = r
	if r != nil {
		s.where.Approved = r.Approved
	}
}

// approved says that people approved a secret to go on in the clear.
func (s *scan) approved(digest uint64) bool {
	_, ok := s.where.Approved[digest]
	return ok
}

// released keeps who sent the data of a resource: it says so itself, in an
// attribute that no sender can write, and should it be held again, the sender
// still must not approve it.
func (s *scan) released(attrs pcommon.Map) {
	who := ""
	if v, ok := attrs.Get(verdict.Producer); ok && v.Type() == pcommon.ValueTypeStr {
		who = v.Str()
	}
	s.sentBy(who)
}
