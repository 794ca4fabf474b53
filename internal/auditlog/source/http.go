package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// maxAnswer is more than any answer has: a line of 64 KiB in base64, a path
// and a checkpoint.
const maxAnswer = 1 << 20

// Handler serves what a Source answers: GET /status, GET
// /items/{item}/receipt, GET /checkpoint, GET /log.pub. It knows nothing of who
// asks: that is for whoever wraps it.
func Handler(s Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{item}/receipt", func(w http.ResponseWriter, r *http.Request) {
		b, err := s.Decision(r.Context(), r.PathValue("item"))
		answer(w, "text/plain; charset=utf-8", b, err)
	})
	status := func(contentType string, part func(Status) ([]byte, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			st, err := s.Status(r.Context())
			if err != nil {
				answer(w, "", nil, err)
				return
			}
			b, err := part(st)
			answer(w, contentType, b, err)
		}
	}
	mux.HandleFunc("GET /status", status("application/json", func(st Status) ([]byte, error) { return json.Marshal(st) }))
	mux.HandleFunc("GET /checkpoint", status("text/plain; charset=utf-8", func(st Status) ([]byte, error) { return []byte(st.Checkpoint), nil }))
	mux.HandleFunc("GET /log.pub", status("text/plain; charset=utf-8", func(st Status) ([]byte, error) {
		return []byte(strings.Join(st.Keys, "\n") + "\n"), nil
	}))
	return mux
}

func answer(w http.ResponseWriter, contentType string, body []byte, err error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case errors.Is(err, ErrNone):
		http.Error(w, ErrNone.Error(), http.StatusNotFound)
	case err != nil: // which may name files
		http.Error(w, "the audit log cannot be asked now", http.StatusServiceUnavailable)
	default:
		h.Set("Content-Type", contentType)
		w.Write(body)
	}
}

// remote is a log that somebody else serves.
type remote struct {
	client *http.Client
	base   string
}

// URL is the log that Handler serves at an address.
func URL(client *http.Client, base string) Source {
	return &remote{client, strings.TrimSuffix(base, "/")}
}

func (r *remote) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for the audit log: %w", err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for the audit log: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("asking for the audit log: %w", err)
	case len(b) > maxAnswer:
		return nil, errors.New("asking for the audit log: the answer is too long")
	case resp.StatusCode == http.StatusNotFound && strings.TrimSpace(string(b)) == ErrNone.Error():
		return nil, ErrNone // any other server says 404 in other words
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("asking for the audit log: status %d", resp.StatusCode)
	}
	return b, nil
}

func (r *remote) Status(ctx context.Context) (Status, error) {
	b, err := r.get(ctx, "/status")
	if err != nil {
		return Status{}, err
	}
	var s Status
	if err := json.Unmarshal(b, &s); err != nil {
		return Status{}, fmt.Errorf("asking for the audit log: %w", err)
	}
	if _, _, err := proof.Open([]byte(s.Checkpoint), s.Keys); err != nil {
		return Status{}, fmt.Errorf("asking for the audit log: %w", err)
	}
	if s.Published == nil {
		s.Published = []Published{}
	}
	return s, nil
}

func (r *remote) Decision(ctx context.Context, item string) ([]byte, error) {
	if !itemForm.MatchString(item) {
		return nil, ErrNone
	}
	b, err := r.get(ctx, "/items/"+item+"/receipt")
	if err != nil {
		return nil, err
	}
	p, err := proof.ParseReceipt(b)
	if err != nil {
		return nil, fmt.Errorf("asking for the audit log: %w", err)
	}
	if e, err := entry.Parse(p.Extra); err != nil || Decided(e) != item {
		return nil, errors.New("asking for the audit log: the receipt is not about this item")
	}
	return b, nil
}
