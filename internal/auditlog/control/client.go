package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog"
)

// Client asks the process that writes the log in a directory.
type Client struct{ http http.Client }

var _ Log = (*Client)(nil)

// Dial returns a client, or ErrNobody.
func Dial(ctx context.Context, dir string) (*Client, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		path, done, err := address(dir, Socket)
		if err != nil {
			return nil, err
		}
		defer done()
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	conn, err := dial(ctx, "", "")
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNobody
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	conn.Close() // it only tells that somebody is there
	return &Client{http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, nil
}

// EraseSubject is that of auditlog.Writer, as are the others.
func (c *Client) EraseSubject(ctx context.Context, subject string) (erased int, err error) {
	a, err := c.ask(ctx, pathErase, question{Subject: subject})
	return a.Count, err
}

// Prune implements Log.
func (c *Client) Prune(ctx context.Context, before time.Time) (segments int, err error) {
	a, err := c.ask(ctx, pathPrune, question{Before: before})
	return a.Count, err
}

// RotateKey implements Log.
func (c *Client) RotateKey(ctx context.Context) error {
	_, err := c.ask(ctx, pathRotate, question{})
	return err
}

// Checkpoint implements Log.
func (c *Client) Checkpoint(ctx context.Context) (signed []byte, err error) {
	a, err := c.ask(ctx, pathCheckpoint, question{})
	return a.Checkpoint, err
}

func (c *Client) ask(ctx context.Context, path string, q question) (a answer, err error) {
	b, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	// The host is only there because HTTP wants one.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://audit-log"+path, bytes.NewReader(b))
	if err != nil {
		return a, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return a, fmt.Errorf("control socket: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxMessage)).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("control socket: status %d: %w", resp.StatusCode, err)
	}
	if a.Error != "" || resp.StatusCode != http.StatusOK {
		return answer{}, &remoteError{a.Error, a.Trouble}
	}
	return a, nil
}

// remoteError is what the writer said; a Trouble is one here, too.
type remoteError struct{ text, trouble string }

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Is(target error) bool {
	t, ok := target.(auditlog.Trouble)
	return ok && e.trouble != "" && t.Error() == e.trouble
}
