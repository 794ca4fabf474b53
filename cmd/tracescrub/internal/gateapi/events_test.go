package gateapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

var errSeen = errors.New("seen enough")

// TestWatch: a stream that breaks goes on where it ended; comments, unknown
// events and those in pieces do no harm.
func TestWatch(t *testing.T) {
	var from []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from = append(from, r.Header.Get("Last-Event-ID"))
		switch len(from) {
		case 1:
			fmt.Fprint(w, "retry: 2000\n\nevent: reset\nid: e.4\ndata: {}\n\n: still here\n\nevent: item\nid: e.5\ndata: {\"seq\":5,\"id\":\"a\",\ndata: \"state\":\"pending\",\"version\":1}\n\nevent: item\nid: e.6\ndata: {\"seq\":6,\"id\":\"cut")
		default:
			fmt.Fprint(w, "event: novelty\nid: e.6\ndata: 7\n\nevent: item\nid: e.7\ndata: {\"seq\":7,\"id\":\"b\",\"state\":\"denied\",\"version\":2}\n\n")
		}
	}))
	defer server.Close()
	c, err := New(server.URL, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	breaks := 0
	err = c.Watch(t.Context(), func(n Notice) error {
		got = append(got, fmt.Sprint(n.ID, n.State))
		if n.ID == "b" {
			return errSeen
		}
		return nil
	}, func(error) { breaks++ })
	if !errors.Is(err, errSeen) || breaks != 1 {
		t.Errorf("%d breaks, %v", breaks, err)
	}
	if want := []string{"", "apending", "bdenied"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if want := []string{"", "e.5"}; !slices.Equal(from, want) {
		t.Errorf("the streams began after %q, want %q", from, want)
	}
}

// TestWatchEnds: what waiting does not mend ends it.
func TestWatchEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	c, err := New(server.URL, Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Watch(t.Context(), func(Notice) error { return nil }, func(error) { t.Error("it is tried again") })
	if p := AsProblem(err); p == nil || p.Status != http.StatusForbidden {
		t.Errorf("%v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Watch(gone, func(Notice) error { return nil }, func(error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
