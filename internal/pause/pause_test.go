package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ends, pause, took time.Duration
		want              error
	}{
		"the time is over":       {time.Hour, time.Minute, time.Minute, nil},
		"the context ends first": {time.Second, time.Minute, time.Second, context.DeadlineExceeded},
		"no time":                {time.Hour, 0, 0, nil},
		"less than none":         {time.Hour, -time.Minute, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.ends)
				defer cancel()
				begun := time.Now()
				if err := For(ctx, c.pause); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
	if err := For(ended, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it has ended", err)
	}
}
