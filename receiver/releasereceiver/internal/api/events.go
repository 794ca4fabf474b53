package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// The times of an event stream. It ends after maxStream, so that whoever lost
// their permissions does not watch on; a browser connects again by itself.
const (
	heartbeat = 15 * time.Second
	maxStream = 15 * time.Minute
)

// minStreams is how many streams one person may have at least.
const minStreams = 4

// streams counts the open ones. Safe for concurrent use.
type streams struct {
	// epoch is part of each event's id: those of another process count otherwise.
	epoch string
	limit int

	mu sync.Mutex
	// of and all are guarded by mu.
	of  map[string]int
	all int
}

func newStreams(limit int) *streams {
	return &streams{epoch: rand.Text()[:8], limit: limit, of: map[string]int{}}
}

func (s *streams) open(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.limit || s.of[who] >= max(minStreams, s.limit/10) {
		return false
	}
	s.all++
	s.of[who]++
	return true
}

func (s *streams) close(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[who]--; s.of[who] == 0 {
		delete(s.of, who)
	}
}

// id names the event of a notice.
func (s *streams) id(seq uint64) string { return s.epoch + "." + strconv.FormatUint(seq, 10) }

// after reads the id of the last event that a client has seen, or gate.Now if
// it has seen none of this process.
func (s *streams) after(id string) uint64 {
	epoch, seq, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil || epoch != s.epoch {
		return gate.Now
	}
	return n
}

// events streams the changes. The event `reset` says that the client has to
// look at the list again: it comes first, unless the client was here before
// and nothing it has missed is forgotten.
func (a *API) events(c *call) error {
	if !a.streams.open(c.who.Identity) {
		return newProblem("too-many-requests", "too many event streams are open").retryAfter(heartbeat)
	}
	defer a.streams.close(c.who.Identity)
	ctx, cancel := context.WithTimeout(c.ctx(), a.streamTime(c.who))
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()

	rc := http.NewResponseController(c.w)
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	c.w.WriteHeader(http.StatusOK)

	notices := make(chan gate.Notice)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel() // before the wait
	wg.Go(func() {
		defer cancel()
		a.subscribe(ctx, c, notices)
	})
	send := func(format string, args ...any) bool {
		c.more()
		_, err := fmt.Fprintf(c.w, format, args...)
		return err == nil && rc.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var ok bool
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			ok = send(": still here\n\n")
		case n := <-notices:
			ok = a.sendNotice(send, n)
		}
		if !ok {
			return nil // the client is gone
		}
	}
}

// streamTime is how long a stream may last: not longer than the session.
func (a *API) streamTime(who *caller) time.Duration {
	if who.session == nil {
		return maxStream
	}
	return min(maxStream, who.session.Expires.Sub(a.now()))
}

func (a *API) sendNotice(send func(string, ...any) bool, n gate.Notice) bool {
	if n.ID == "" {
		return send("event: reset\nid: %s\ndata: {}\n\n", a.streams.id(n.Seq))
	}
	data, err := json.Marshal(n)
	return err == nil && send("event: item\nid: %s\ndata: %s\n\n", a.streams.id(n.Seq), data)
}

// subscribe brings notices to the stream until ctx ends.
func (a *API) subscribe(ctx context.Context, c *call, notices chan<- gate.Notice) {
	defer func() {
		// Here nobody else would recover, and the whole Collector would end.
		if v := recover(); v != nil {
			a.log(c, problemOf(fmt.Errorf("panic of type %T in an event stream", v)))
		}
	}()
	bring := func(n gate.Notice) error {
		select {
		case notices <- n:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	seq := a.streams.after(c.r.Header.Get("Last-Event-ID"))
	complete, err := a.Gate.Subscribe(ctx, seq, bring)
	if !complete && err == nil && seq != gate.Now {
		_, err = a.Gate.Subscribe(ctx, gate.Now, bring)
	}
	if err != nil && ctx.Err() == nil {
		a.log(c, problemOf(err))
	}
}
