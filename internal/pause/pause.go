// Package pause is the time between two attempts.
package pause

import (
	"context"
	"time"
)

// For waits, and returns the error of ctx if that has ended by then: whoever is
// asked to stop does not try again.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() // both may have come
}
