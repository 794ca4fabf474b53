package quarantineexporter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
)

// parallel is how many items of a batch are sealed and stored at a time: they
// then share the syncs of the store.
const parallel = 16

// maxWaiting is how many bytes of items may wait for the store. While it does
// not answer, each batch with something to hold waits for the timeout: without
// a bound they would fill the memory that clean traffic needs. A larger batch
// waits alone.
const maxWaiting = 128 << 20

var errBusy = errors.New("too much waits for the store")

func sizeOf(items []item.Item) (n int64) {
	for i := range items {
		n += int64(len(items[i].View))
		for _, p := range items[i].Patches {
			n += int64(len(p.Packed))
		}
	}
	return n
}

var errNotRunning = errors.New("the exporter is not running")

// hold stores all items of a batch. Its errors are never permanent: the sender
// tries again, and items that were stored are then known by their ids.
func (s *shared) hold(ctx context.Context, signal string, items func() ([]item.Item, error)) error {
	o := s.opened.Load()
	if o == nil {
		return errNotRunning
	}
	all, err := items()
	if err != nil {
		o.tel.failed(ctx, signal, reasonEncode, 1)
		return retryable(err)
	}
	size := sizeOf(all)
	if waiting := o.waiting.Add(size); waiting > s.maxWaiting && waiting > size {
		o.waiting.Add(-size)
		o.tel.failed(ctx, signal, reasonBusy, int64(len(all)))
		return errBusy
	}
	defer o.waiting.Add(-size)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.holdOne(ctx, o, &all[i])
		})
	}
	wg.Wait()
	failed := 0
	for _, e := range errs {
		if e != nil {
			if failed++; err == nil {
				err = e
			}
		}
	}
	s.outcome(o, err)
	if err != nil {
		return retryable(fmt.Errorf("holding %d of %d items failed: %w", failed, len(all), err))
	}
	return nil
}

// retryable cuts an error off from what it wraps, so that nothing within can
// tell a receiver that trying again is in vain.
func retryable(err error) error { return errors.New(err.Error()) }

func (s *shared) holdOne(ctx context.Context, o *opened, it *item.Item) error {
	stored, err := sealItem(o.sealer.Load(), it, s.now())
	if err != nil {
		o.tel.failed(ctx, it.Signal, reasonSeal, 1)
		return err
	}
	began := time.Now()
	err = o.store.Put(ctx, stored)
	o.tel.put(ctx, it.Signal, stored, time.Since(began), err)
	return err
}

// sealItem makes of an item what the store keeps of it.
func sealItem(sealer *seal.Sealer, it *item.Item, now time.Time) (*holdstore.Item, error) {
	capsule, closer, err := sealer.Capsule()
	if err != nil {
		return nil, err
	}
	out := &holdstore.Item{Capsule: capsule, Meta: holdstore.Meta{
		ID: it.ID, Signal: it.Signal, Trace: it.Trace, Service: it.Service, Severity: it.Severity, Rules: it.Rules,
		Findings: it.Findings, Secrets: it.Secrets, Spans: it.Spans, Bytes: int64(len(it.View)),
		HeldAt: now, Policy: it.Policy, Producer: it.Producer,
	}}
	bound := envelope.Binding{Part: envelope.View, Signal: it.Signal, Item: it.ID, Trace: it.Trace, Policy: it.Policy}
	if out.View, err = closer.Close(bound, it.View); err != nil {
		return nil, err
	}
	if len(it.Patches) > 0 {
		bound.Part = envelope.Restore
		if out.Restore, err = closer.Close(bound, restore.MarshalList(restore.Of(it))); err != nil {
			return nil, err
		}
	}
	sum := sha256.New()
	for _, c := range slices.Concat(out.View, out.Restore) {
		sum.Write(c)
	}
	sum.Sum(out.Sum[:0])
	return out, nil
}

// outcome logs when the store begins to fail and when it takes items again.
func (s *shared) outcome(o *opened, err error) {
	switch {
	case err != nil && !o.tel.failing.Swap(true):
		s.log.Warn("held items cannot be stored; senders are told to try again", zap.Error(err))
	case err == nil && o.tel.failing.Swap(false):
		s.log.Info("held items are stored again")
	}
}
