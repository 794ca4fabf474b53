package gateapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/pause"
)

// The waits between attempts to open the stream of events again.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
	maxLine     = 64 << 10
)

// Watch calls each with every change until ctx ends or each fails. A stream
// that breaks is opened again; broken is told of it, with the reason. What
// cannot get better by waiting ends it.
func (c *Client) Watch(ctx context.Context, each func(Notice) error, broken func(error)) error {
	last, wait := "", firstWait
	for {
		err := c.stream(ctx, &last, func(n Notice) error {
			wait = firstWait
			return each(n)
		})
		var stop stopped
		if errors.As(err, &stop) {
			return stop.error
		}
		if p := AsProblem(err); p != nil && p.Status < 500 && p.Status != http.StatusTooManyRequests {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		broken(err)
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, longestWait)
	}
}

// stopped is an error of whoever watches.
type stopped struct{ error }

// stream reads one stream of events to its end.
func (c *Client) stream(ctx context.Context, last *string, each func(Notice) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.openStream(ctx, *last)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// A server that is there says so every quarter of a minute.
	silence := time.AfterFunc(answerTime, cancel)
	defer silence.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	var event, id, data string
	for lines.Scan() {
		silence.Reset(answerTime)
		line := lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if err := dispatch(event, data, each); err != nil {
				return err
			}
			if event != "" && id != "" {
				*last = id
			}
			event, data = "", ""
		case name == "event":
			event = value
		case name == "id":
			id = value
		case name == "data":
			data += value
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	return fmt.Errorf("reading events: %w", io.ErrUnexpectedEOF)
}

func (c *Client) openStream(ctx context.Context, last string) (*http.Response, error) {
	authorize := c.authorize
	with := *c
	with.authorize = func(r *http.Request) {
		authorize(r)
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
	}
	return with.do(ctx, http.MethodGet, "events", 0, nil, "text/event-stream")
}

func dispatch(event, data string, each func(Notice) error) error {
	var n Notice
	switch event {
	case "item":
		if err := json.Unmarshal([]byte(data), &n); err != nil || n.ID == "" {
			return errors.New("an event is not what the admin API sends")
		}
	case "reset": // n stays empty
	default:
		return nil
	}
	if err := each(n); err != nil {
		return stopped{err}
	}
	return nil
}
