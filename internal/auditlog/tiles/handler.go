package tiles

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Handler serves the same from the log itself, while it is written: GET
// /checkpoint, /tile/<level>/<index>, /tile/entries/<index>. It asks nobody
// who they are.
func Handler(dir string) http.Handler {
	s := &source{dir: dir}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, _ *http.Request) {
		_, signed, err := s.checkpoint()
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(signed)
	})
	mux.HandleFunc("GET /tile/", s.serve)
	return mux
}

// serve answers with a tile or bundle of any width that the checkpoint covers.
func (s *source) serve(w http.ResponseWriter, r *http.Request) {
	t, ok := parse(strings.TrimPrefix(r.URL.Path, "/"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	c, _, err := s.checkpoint()
	if err == nil && !covers(c.Size, t) {
		err = fs.ErrNotExist
	}
	var b []byte
	if err == nil {
		b, err = s.data(t)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	// What is in it never changes. It is no business of a cache that many share.
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	if t.L != entries {
		w.Write(b)
		return
	}
	h.Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Write(b)
		return
	}
	h.Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(b) // an error is that the client is gone
	_ = z.Close()
}

func (s *source) data(t tlog.Tile) ([]byte, error) {
	if t.L != entries {
		return s.tile(t)
	}
	leaves, err := s.tile(tlog.Tile{H: height, L: 0, N: t.N, W: t.W})
	if err != nil {
		return nil, err
	}
	return s.bundle(t, leaves, nil)
}

// refuse says no more than that something is not there or is not what it
// should be: verify says what, to those who have the files.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errPruned):
		http.Error(w, "pruned", http.StatusNotFound)
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "not there", http.StatusNotFound)
	default:
		http.Error(w, "the log cannot be read", http.StatusInternalServerError)
	}
}
