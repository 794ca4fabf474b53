package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The times a client has for sending a body, and for taking an answer or the
// next part of a long one. They hold whatever the server's own limits are.
const (
	bodyTime   = 10 * time.Second
	answerTime = 30 * time.Second
)

// call is one request on its way through the API.
type call struct {
	w http.ResponseWriter
	r *http.Request
	// id is what stands for {id} in the route.
	id string
	// instance names the request, in its answer and in the log.
	instance string
	// who sends it; nil on open routes.
	who *caller
}

func (c *call) ctx() context.Context { return c.r.Context() }

// more gives the client another answerTime. Without an own deadline for each
// request, one that an earlier request on the connection set would hold.
func (c *call) more() { c.moreTime(answerTime) }

func (c *call) moreTime(d time.Duration) {
	// A recorder in a test has no deadlines; a server always has.
	http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(d)) //nolint:errcheck // see above
}

// readBy gives the client bodyTime for its body, whoever it is and whether
// anybody reads it: what is left of one the server reads before it answers. A
// request without one has no deadline, or the end of the server's read_timeout
// would end a stream of events.
func (c *call) readBy() {
	var by time.Time
	if c.r.ContentLength != 0 {
		by = time.Now().Add(bodyTime)
	}
	http.NewResponseController(c.w).SetReadDeadline(by) //nolint:errcheck // a recorder in a test has no deadlines
}

// json answers with v.
func (c *call) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.bytes("application/json", body)
}

// bytes answers with body, in parts: a slow client may take its time, one that stands still may not.
func (c *call) bytes(contentType string, body []byte) error {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	const part = 256 << 10
	for len(body) > 0 {
		n := min(part, len(body))
		c.more()
		if _, err := c.w.Write(body[:n]); err != nil {
			return nil // the client is gone
		}
		body = body[n:]
	}
	return nil
}

// members reads the body, which must be one JSON object, each member of which
// is at most once there and has one of the names.
func (c *call) members(limit int64, names ...string) (map[string]json.RawMessage, error) {
	if mt, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || mt != "application/json" {
		return nil, newProblem("unsupported-media-type", "send application/json")
	}
	body, err := c.body(limit)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, badRequest("body", "is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, badRequest("body", "is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, badRequest("body", "is not valid JSON")
		}
		if !slices.Contains(names, name) {
			return nil, badRequest("body", "has an unknown member; known are "+strings.Join(names, ", "))
		}
		if _, twice := members[name]; twice {
			return nil, badRequest(name, "is there twice")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, badRequest(name, "is not valid JSON")
		}
		members[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, badRequest("body", "is not valid JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badRequest("body", "goes on after the JSON object")
	}
	return members, nil
}

func (c *call) body(limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, newProblem("body-too-large", "at most "+strconv.FormatInt(large.Limit, 10)+" bytes are read").set("Connection", "close")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, badRequest("body", "did not arrive in time").set("Connection", "close")
	case err != nil:
		return nil, badRequest("body", "did not arrive whole").set("Connection", "close")
	}
	http.NewResponseController(c.w).SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	return body, nil
}
