package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog"
)

// Server answers at a socket.
type Server struct {
	path string
	http *http.Server
	done chan struct{}
	once sync.Once
	err  error
}

// Serve begins to answer for the log in a directory, until Close. A socket that
// a dead process left is replaced; the caller holds the log's lock.
func Serve(dir string, log Log) (*Server, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &Server{
		path: filepath.Join(dir, Socket),
		http: &http.Server{Handler: handler(log), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second},
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Close only
	}()
	return s, nil
}

// listen makes the socket in a directory of its own, which nobody else can
// enter, and moves it to its place when it is for its owner only.
func listen(dir string) (_ net.Listener, err error) {
	own, err := os.MkdirTemp(dir, ".control-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	path, done, err := address(own, "s")
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it will have another name
	if err = os.Chmod(path, 0o600); err == nil {
		err = os.Rename(path, filepath.Join(dir, Socket))
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends the server and removes the socket. What was asked before is
// answered, if that does not take long.
func (s *Server) Close(ctx context.Context) error {
	s.once.Do(func() {
		if s.err = os.Remove(s.path); errors.Is(s.err, fs.ErrNotExist) {
			s.err = nil
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.err = errors.Join(s.err, s.http.Close())
		}
		<-s.done
	})
	return s.err
}

// handler answers questions with the log.
func handler(log Log) http.Handler {
	mux := http.NewServeMux()
	on := func(path string, do func(ctx context.Context, q question, a *answer) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var q question
			var a answer
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage))
			d.DisallowUnknownFields()
			status := http.StatusOK
			if err := d.Decode(&q); err != nil {
				// The decoder's error may quote what was sent.
				a.Error, status = "the question is not in its form", http.StatusBadRequest
			} else if _, err := d.Token(); !errors.Is(err, io.EOF) {
				a.Error, status = "the question is not in its form", http.StatusBadRequest
			} else if err := do(r.Context(), q, &a); err != nil {
				a.Error, a.Trouble, status = err.Error(), troubleOf(err), http.StatusInternalServerError
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(a) // who asked is gone
		})
	}
	on(pathErase, func(ctx context.Context, q question, a *answer) (err error) {
		a.Count, err = log.EraseSubject(ctx, q.Subject)
		return err
	})
	on(pathPrune, func(ctx context.Context, q question, a *answer) (err error) {
		a.Count, err = log.Prune(ctx, q.Before)
		return err
	})
	on(pathRotate, func(ctx context.Context, _ question, _ *answer) error { return log.RotateKey(ctx) })
	on(pathCheckpoint, func(ctx context.Context, _ question, a *answer) (err error) {
		a.Checkpoint, err = log.Checkpoint(ctx)
		return err
	})
	return mux
}

func troubleOf(err error) string {
	if t := auditlog.Trouble(0); errors.As(err, &t) {
		return t.Error()
	}
	return ""
}
