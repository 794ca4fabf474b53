package keeper

import (
	"context"
	"errors"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// Ready implements gate.Gate.
func (k *Keeper) Ready() (ready bool, done, total int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ready, k.done, max(k.total, k.done)
}

// List implements gate.Gate.
func (k *Keeper) List(q gate.Query) (gate.Page, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.ready {
		return gate.Page{}, gate.ErrNotReady
	}
	return k.ledger.List(q)
}

// Stats implements gate.Gate.
func (k *Keeper) Stats() (gate.Stats, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.ready {
		return gate.Stats{}, gate.ErrNotReady
	}
	return k.ledger.Stats(), nil
}

func (k *Keeper) named(id string) (ledger.Entry, error) {
	key, err := envelope.ParseID(id)
	if err != nil {
		return ledger.Entry{}, gate.ErrNotFound
	}
	return k.entry(key)
}

// lost says that an item cannot be opened and never will be, rather than that
// its store does not answer at the moment.
func lost(err error) bool {
	for _, e := range []error{holdstore.ErrGone, holdstore.ErrCorrupt, unseal.ErrNoKey, unseal.ErrDamaged, content.ErrOther} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// destroyed says so in the API's words.
func destroyed(err error) error {
	if errors.Is(err, holdstore.ErrGone) || errors.Is(err, unseal.ErrNoKey) {
		return errors.Join(gate.ErrDestroyed, err)
	}
	return err
}

// Get implements gate.Gate. An item that cannot be opened has no list of findings.
func (k *Keeper) Get(ctx context.Context, id string) (gate.Detail, error) {
	e, err := k.named(id)
	if err != nil {
		return gate.Detail{}, err
	}
	d := gate.Detail{Item: e.Item, FindingList: []gate.Finding{}, History: e.History}
	if !e.HasKey {
		return d, nil
	}
	err = k.look(ctx, e, func(t *content.Telemetry) error {
		d.FindingList = t.Findings()
		return nil
	})
	if err != nil && !lost(err) {
		return gate.Detail{}, err
	}
	return d, nil
}

// Preview implements gate.Gate.
func (k *Keeper) Preview(ctx context.Context, who gate.Actor, id string) ([]byte, error) {
	e, err := k.named(id)
	if err != nil {
		return nil, err
	}
	if !e.HasKey {
		return nil, gate.ErrDestroyed
	}
	var out []byte
	err = k.look(ctx, e, func(t *content.Telemetry) (err error) {
		if out, err = t.JSON(); err != nil {
			return errors.New("writing the view as JSON failed") // not err: it may quote
		}
		return nil
	})
	if err != nil {
		return nil, destroyed(err)
	}
	viewed := about(event.Viewed, k.Now(), e)
	viewed.User, viewed.Via, viewed.Version = who.Identity, who.Via, e.Version
	if err := k.audit(ctx, viewed); err != nil {
		return nil, err
	}
	k.Observer.Viewed()
	return out, nil
}
