// Package release is what goes with the context of a batch that release_gate
// sends into the pipelines: nobody outside this process can make one.
package release

import (
	"context"
	"sync/atomic"
)

// What a released item carries at its resources, for back ends that drop duplicates:
// a release is delivered at least once.
const (
	AttrItem    = "tracescrub.release.item"    // the item's id
	AttrMode    = "tracescrub.release.mode"    // masked or original
	AttrAttempt = "tracescrub.release.attempt" // 1, 2, ...
)

// The values of AttrMode.
const (
	ModeMasked   = "masked"
	ModeOriginal = "original"
)

// Release goes with the context of a batch that release_gate sends on its way
// again. secret_mask scans it with its current rules, lets pass what was
// approved and marks the resources; verdict lets it out.
type Release struct {
	Item    string
	Mode    string
	Attempt int
	// Approved are the fingerprints (rules.Finding.Digest) of the secrets
	// that people approved to be released in the clear; empty in mode masked.
	Approved map[uint64]struct{}

	scanned atomic.Bool
}

// SetScanned is secret_mask's word that the batch was scanned again.
func (r *Release) SetScanned() { r.scanned.Store(true) }

// Scanned reports whether secret_mask saw the batch. verdict refuses one it did not.
func (r *Release) Scanned() bool { return r.scanned.Load() }

type (
	releaseKey struct{}
	eventKey   struct{}
)

// With returns a context for a released batch.
func With(ctx context.Context, r *Release) context.Context {
	return context.WithValue(ctx, releaseKey{}, r)
}

// From returns the release that ctx goes with, nil for ordinary telemetry.
func From(ctx context.Context) *Release {
	r, _ := ctx.Value(releaseKey{}).(*Release)
	return r
}

// WithEvent returns a context for a batch of audit events of ours (package
// event): secret_mask passes it untouched, verdict sends it to the audit
// pipelines and nowhere else.
func WithEvent(ctx context.Context) context.Context {
	return context.WithValue(ctx, eventKey{}, true)
}

// IsEvent reports whether ctx goes with audit events of ours.
func IsEvent(ctx context.Context) bool {
	is, _ := ctx.Value(eventKey{}).(bool)
	return is
}
