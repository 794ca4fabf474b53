// Package witness has checkpoints of the audit log cosigned by a C2SP
// tlog-witness: somebody who signs that the log only ever grew.
package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

var (
	// ErrRolledBack: the witness has cosigned more entries than there are.
	ErrRolledBack = errors.New("the witness has cosigned a larger log than this: it was rolled back")
	// ErrForked: the log does not continue what the witness has cosigned.
	ErrForked = errors.New("the log does not continue the one that the witness has cosigned")
)

// Client asks one witness about one log. Only one goroutine may use it at a time.
type Client struct {
	HTTP *http.Client
	// URL is the witness's submission prefix.
	URL string
	// Key checks its cosignatures.
	Key note.Verifier
	// Dir is the log's directory, for proofs of consistency.
	Dir string
	// Old is how many entries the witness has cosigned, as far as is known; it
	// says so itself if that is wrong.
	Old int64
}

// maxAnswer is how much of an answer is read, much more than one can have.
const maxAnswer = 64 << 10

// Cosign returns a checkpoint's cosignature.
func (c *Client) Cosign(ctx context.Context, signed []byte) (note.Signature, error) {
	cp, err := proof.Read(signed)
	if err != nil {
		return note.Signature{}, err
	}
	old := c.Old
	if old > cp.Size {
		old = 0 // it is the witness that must say so
	}
	status, answer, size, err := c.ask(ctx, old, cp.Size, signed)
	if err == nil && status == http.StatusConflict && size >= 0 && size != old {
		if size > cp.Size {
			return note.Signature{}, fmt.Errorf("%w: %d entries, and %d are there", ErrRolledBack, size, cp.Size)
		}
		old = size
		status, answer, _, err = c.ask(ctx, old, cp.Size, signed)
	}
	switch {
	case err != nil:
		return note.Signature{}, err
	case status == http.StatusOK:
	case status == http.StatusUnprocessableEntity, status == http.StatusConflict && old == cp.Size:
		return note.Signature{}, fmt.Errorf("%w, of %d entries", ErrForked, old)
	case status == http.StatusNotFound:
		return note.Signature{}, errors.New("the witness answers 404: it does not know the log's origin")
	case status == http.StatusForbidden:
		return note.Signature{}, errors.New("the witness answers 403: it does not trust the log's key")
	default:
		return note.Signature{}, fmt.Errorf("the witness answers %d", status)
	}
	sig, err := take(c.Key, signed, answer)
	if err != nil {
		return note.Signature{}, err
	}
	c.Old = cp.Size
	return sig, nil
}

// ask posts a checkpoint with the proof that it continues one of old entries.
// Size is what the witness says it has cosigned, if it does, else -1.
func (c *Client) ask(ctx context.Context, old, size int64, signed []byte) (status int, answer []byte, cosigned int64, err error) {
	body, err := c.request(old, size, signed)
	if err != nil {
		return 0, nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, nil, 0, errors.New("no request can be made of the witness's address") // not err: it has the address
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, 0, err
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return 0, nil, 0, err
	}
	cosigned = -1
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && t == "text/x.tlog.size" && len(answer) > 0 {
		if n, err := strconv.ParseInt(string(bytes.TrimSuffix(answer, []byte{'\n'})), 10, 64); err == nil {
			cosigned = n
		}
	}
	return res.StatusCode, answer, cosigned, nil
}

func (c *Client) request(old, size int64, signed []byte) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 && old < size {
		f, err := regular.Open(filepath.Join(c.Dir, files.Hashes))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		path, err := tlog.ProveTree(size, old, proof.Hashes(f))
		if err != nil {
			return nil, err
		}
		for _, h := range path {
			b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
		}
	}
	b.WriteByte('\n')
	b.Write(signed)
	return b.Bytes(), nil
}

// Add returns what the file of cosigned checkpoints becomes by a cosignature:
// several witnesses may have signed the same checkpoint; of two checkpoints
// the larger stays. Before may be nil, or anything.
func Add(before, signed []byte, sig note.Signature) ([]byte, error) {
	cp, err := proof.Read(signed)
	if err != nil {
		return nil, err
	}
	switch was, err := proof.Read(before); {
	case err != nil, was.Origin != cp.Origin:
	case was == cp:
		if both, err := merge(before, sig); err == nil {
			return both, nil
		}
	case was.Size > cp.Size:
		return before, nil
	}
	return merge(signed, sig)
}
