package content

import (
	"errors"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

const original = release.ModeOriginal

// restore puts back what was masked and returns the fingerprints of it.
func (t *Telemetry) restore(*unseal.Opener, envelope.Capsule, ledger.Entry, [][]byte) (map[uint64]struct{}, error) {
	return nil, errors.New("not written yet")
}
