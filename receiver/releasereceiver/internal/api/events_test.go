package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// message is one server-sent event, or a comment.
type message struct{ event, id, data, comment string }

// stream is an open one.
type stream struct {
	*http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func listen(t *testing.T, c *http.Client, last string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r := request("GET", "/api/v1/events", "", headers...).WithContext(ctx)
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "127.0.0.1:8686"
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := c.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return &stream{resp, bufio.NewScanner(resp.Body), cancel}
}

// next reads a message; false: the stream has ended.
func (s *stream) next() (message, bool) {
	var m message
	some := false
	for s.lines.Scan() {
		line := s.lines.Text()
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && some:
			return m, true
		case line == "" || field == "retry":
			continue
		case field == "event":
			m.event = value
		case field == "id":
			m.id = value
		case field == "data":
			m.data = value
		case field == "":
			m.comment = value
		}
		some = true
	}
	return m, false
}

// item reads the next event, which must be about an item, and holds it against the document.
func (s *stream) item(t *testing.T) (gate.Notice, string) {
	t.Helper()
	m, ok := s.next()
	require.True(t, ok)
	require.Equal(t, "item", m.event)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(m.data))
	require.NoError(t, err)
	require.NoError(t, theContract().validate("/components/schemas/Notice", value))
	var n gate.Notice
	require.NoError(t, json.Unmarshal([]byte(m.data), &n))
	return n, m.id
}

func (s *stream) reset(t *testing.T) string {
	t.Helper()
	m, ok := s.next()
	require.True(t, ok)
	require.Equal(t, message{event: "reset", id: m.id, data: "{}"}, m)
	return m.id
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		c, _ := serve(t, a, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout = time.Second, time.Second })
		s := listen(t, c, "")
		require.Equal(t, "text/event-stream", s.Header.Get("Content-Type"))
		s.reset(t)
		a.fake().Move(apitest.ID(3), gate.Expired, "expired")
		n, id := s.item(t)
		require.Equal(t, gate.Notice{Seq: n.Seq, ID: apitest.ID(3), State: gate.Expired, Version: 2}, n)

		// What happens while nobody listens is not missed.
		s.cancel()
		a.fake().Move(apitest.ID(4), gate.Expired, "expired")
		a.fake().Move(apitest.ID(5), gate.Expired, "expired")
		s = listen(t, c, id)
		for i := 4; i <= 5; i++ {
			n, _ := s.item(t)
			require.Equal(t, apitest.ID(i), n.ID)
		}
		// Nor is it told twice.
		a.fake().Move(apitest.ID(6), gate.Expired, "expired")
		n, _ = s.item(t)
		require.Equal(t, apitest.ID(6), n.ID)
	})
}

// An id of which nothing is known any more leads to a new look at the list.
func TestEventsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		c, _ := serve(t, a, nil)
		id := listen(t, c, "").reset(t)
		_, seq, _ := strings.Cut(id, ".")
		listen(t, c, "another."+seq).reset(t) // of a gate that ran before, or of one beside this
		a.fake().Forget(100)
		for _, last := range []string{id, "another.5", "5", "nonsense", a.streams.epoch + ".x", a.streams.id(99999), a.streams.id(gate.Now)} {
			s := listen(t, c, last)
			require.NotEmpty(t, s.reset(t), last)
			a.fake().Move(apitest.ID(3), gate.Pending, "held")
			n, _ := s.item(t)
			require.Equal(t, apitest.ID(3), n.ID)
			s.cancel()
			synctest.Wait()
		}
	})
}

// A quiet stream has a sign of life every 15 seconds, and ends after 15 minutes.
func TestEventsHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		c, _ := serve(t, a, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout = time.Second, time.Second })
		began := time.Now()
		s := listen(t, c, "")
		s.reset(t)
		beats := 0
		for {
			m, ok := s.next()
			if !ok {
				break
			}
			beats++
			require.Equal(t, message{comment: "still here"}, m)
			require.Equal(t, time.Duration(beats)*heartbeat, time.Since(began))
		}
		require.NoError(t, s.lines.Err())
		require.InDelta(t, maxStream/heartbeat, beats, 1)
		require.Equal(t, maxStream, time.Since(began))
	})
}

// A stream does not outlive the session.
func TestEventsEndWithSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, withLogin)
		c, _ := serve(t, a, nil)
		token := a.sessions.begin(login.Person{Issuer: issuer, ID: "alice", Groups: []string{"all"}})
		time.Sleep(8*time.Hour - time.Minute)
		s := listen(t, c, "", "Authorization", "", "Cookie", a.cookie("session")+"="+token)
		began := time.Now()
		_, err := io.Copy(io.Discard, s.Body)
		require.NoError(t, err)
		require.Equal(t, time.Minute, time.Since(began))
		require.Nil(t, a.sessions.find(token))
	})
}

func TestEventsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(o *Options) { o.Config.Limits.Streams = 6 })
		c, _ := serve(t, a, nil)
		var open []*stream
		for range 4 {
			s := listen(t, c, "")
			require.Equal(t, 200, s.StatusCode)
			open = append(open, s)
		}
		require.Equal(t, 429, listen(t, c, "").StatusCode, "one person's fifth")
		bob := bearer(person("bob", "all"))
		require.Equal(t, 200, listen(t, c, "", "Authorization", bob).StatusCode)
		require.Equal(t, 200, listen(t, c, "", "Authorization", bob).StatusCode)
		require.Equal(t, 429, listen(t, c, "", "Authorization", bob).StatusCode, "the seventh of all")
		open[0].cancel()
		synctest.Wait()
		require.Equal(t, 200, listen(t, c, "", "Authorization", bob).StatusCode)
	})
}

// A client that does not read ends its own stream, and nothing else.
func TestEventsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		c, _ := serve(t, a, nil)
		stalled, awake := listen(t, c, ""), listen(t, c, "")
		awake.reset(t)
		stalled.reset(t)
		go func() { // keeps reading
			for _, ok := awake.next(); ok; _, ok = awake.next() {
			}
		}()
		// The transport reads ahead a little; what follows is more.
		for range 2000 {
			a.fake().Move(apitest.ID(3), gate.Pending, "held")
			synctest.Wait()
		}
		require.Equal(t, 2, a.openStreams())
		time.Sleep(answerTime + time.Second)
		synctest.Wait()
		require.Equal(t, 1, a.openStreams())
		a.Close()
		synctest.Wait()
		require.Zero(t, a.openStreams())
	})
}

func (a *API) openStreams() int {
	a.streams.mu.Lock()
	defer a.streams.mu.Unlock()
	return a.streams.all
}

// Close lets the server shut down though streams are open.
func TestEventsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		var server *http.Server
		c, _ := serve(t, a, func(s *http.Server) { server = s; s.RegisterOnShutdown(a.Close) })
		s := listen(t, c, "")
		s.reset(t)
		began := time.Now()
		ended := make(chan bool)
		go func() {
			_, ok := s.next()
			ended <- !ok
		}()
		require.NoError(t, server.Shutdown(t.Context()))
		require.True(t, <-ended)
		require.Less(t, time.Since(began), heartbeat)
	})
}

// silent is a gate whose Subscribe is broken.
type silent struct {
	gate.Gate
	how func() error
}

func (s silent) Subscribe(context.Context, uint64, func(gate.Notice) error) (bool, error) {
	return true, s.how()
}

func TestEventsTrouble(t *testing.T) {
	for _, how := range []func() error{func() error { return gate.ErrNotReady }, func() error { panic("what is held") }} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, func(o *Options) { o.Gate = silent{o.Gate, how} })
			c, _ := serve(t, a, nil)
			body, err := io.ReadAll(listen(t, c, "").Body)
			require.NoError(t, err)
			require.Equal(t, "retry: 2000\n\n", string(body))
			require.Zero(t, a.openStreams())
		})
	}
}

// A body that trickles in, or stops, ends its own request only.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		_, p := serve(t, a, nil)
		conn, err := p.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		head := "POST " + itemPath(0, ":deny") + " HTTP/1.1\r\nHost: gate\r\nIf-Match: \"1\"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n" +
			"Authorization: " + bearer(person("root", "all")) + "\r\n\r\n{\"reason\":"
		_, err = conn.Write([]byte(head))
		require.NoError(t, err)
		began := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 400, resp.StatusCode)
		require.Equal(t, bodyTime, time.Since(began))
		require.True(t, resp.Close)
	})
}

// After a body was read in time, its deadline does not end what comes after.
func TestDeadlinesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended error
		a := newAPI(t, func(o *Options) { o.Gate = slow{o.Gate, &ended} })
		c, _ := serve(t, a, nil)
		r := request("POST", itemPath(0, ":deny"), `{"reason":"r"}`, "If-Match", `"1"`)
		r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "127.0.0.1:8686"
		resp, err := c.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.NoError(t, ended)
		require.Equal(t, 200, resp.StatusCode)
	})
}

// slow is a gate that takes more time than a body may.
type slow struct {
	gate.Gate
	ended *error
}

func (s slow) Vote(ctx context.Context, who gate.Actor, b gate.Ballot, reveal bool) (gate.Item, error) {
	time.Sleep(bodyTime + time.Second)
	*s.ended = ctx.Err()
	return s.Gate.Vote(ctx, who, b, reveal)
}

// Whoever does not read a large answer loses the connection, and only that.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		_, p := serve(t, a, nil)
		conn, err := p.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte("GET " + itemPath(0, "/preview") + " HTTP/1.1\r\nHost: gate\r\nAuthorization: " + bearer(person("root", "all")) + "\r\n\r\n"))
		require.NoError(t, err)
		time.Sleep(answerTime + time.Second)
		synctest.Wait()
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Empty(t, got)
		require.Len(t, a.fake().Viewed(), 1, "it was given out")
	})
}
