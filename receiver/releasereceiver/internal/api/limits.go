package api

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets is how many clients a bucket is kept for.
const maxBuckets = 10_000

// buckets are token buckets by client. Safe for concurrent use.
type buckets struct {
	limit rate.Limit
	burst int
	now   func() time.Time

	mu sync.Mutex
	// of is guarded by mu.
	of map[string]*rate.Limiter
}

func newBuckets(limit rate.Limit, burst int, now func() time.Time) *buckets {
	return &buckets{limit: limit, burst: burst, now: now, of: map[string]*rate.Limiter{}}
}

// bucket returns a client's own. If there are too many, full ones are
// forgotten (a new one is the same), and if none is full, all of them: to
// forget is better than to refuse whoever comes next. mu must be held.
func (b *buckets) bucket(client string, now time.Time) *rate.Limiter {
	l := b.of[client]
	if l != nil {
		return l
	}
	if len(b.of) >= maxBuckets {
		for c, l := range b.of {
			if l.TokensAt(now) >= float64(b.burst) {
				delete(b.of, c)
			}
		}
		if len(b.of) >= maxBuckets {
			clear(b.of)
		}
	}
	l = rate.NewLimiter(b.limit, b.burst)
	b.of[client] = l
	return l
}

// take takes a token; without one it says how long the client has to wait.
func (b *buckets) take(client string) (wait time.Duration, ok bool) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.bucket(client, now)
	if l.AllowN(now, 1) {
		return 0, true
	}
	return b.missing(l, now), false
}

// empty says whether a client has no token left, without taking one.
func (b *buckets) empty(client string) (wait time.Duration, empty bool) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[client]
	if l == nil || l.TokensAt(now) >= 1 {
		return 0, false
	}
	return b.missing(l, now), true
}

func (b *buckets) missing(l *rate.Limiter, now time.Time) time.Duration {
	seconds := (1 - l.TokensAt(now)) / float64(b.limit)
	return time.Duration(math.Ceil(seconds)) * time.Second
}

// addressOf turns a remote address into what a client is known by: the
// address, or the /64 network of an IPv6 address, of which one client has all.
func addressOf(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
