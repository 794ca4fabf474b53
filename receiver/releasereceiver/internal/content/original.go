package content

import (
	"errors"
	"fmt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

const original = release.ModeOriginal

// ErrPatches: what should restore an item does not fit it.
var ErrPatches = errors.New("the patches do not fit the item")

// restore puts back what was masked and returns the fingerprints of it.
func (t *Telemetry) restore(opener *unseal.Opener, capsule envelope.Capsule, e ledger.Entry, chunks [][]byte) (digests map[uint64]struct{}, err error) {
	var list []restore.Sealed
	if len(chunks) > 0 {
		plain, err := opener.Open(capsule, binding(envelope.Restore, e), chunks)
		if err != nil {
			return nil, err
		}
		if list, err = restore.UnmarshalList(plain); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPatches, err)
		}
	}
	switch t.Signal {
	case "traces":
		digests, err = restore.Apply(t.Traces, list, opener.OpenPacked)
	case "logs":
		digests, err = restore.Apply(t.Logs, list, opener.OpenPacked)
	default:
		digests, err = restore.Apply(t.Metrics, list, opener.OpenPacked)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPatches, err)
	}
	return digests, nil
}
