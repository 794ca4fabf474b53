// Package control lets a command ask the process that writes an audit log for
// what only the writer can do. They speak HTTP over a Unix socket in the
// directory of the log, which is for its owner only.
package control

import (
	"context"
	"errors"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog"
)

// Socket is the name of the socket in the directory of a log.
const Socket = "control.sock"

// ErrNobody: no process writes the log, or it does not listen.
var ErrNobody = errors.New("nobody listens at the control socket of the audit log")

// Log is what can be asked for: a *auditlog.Writer, or a Client.
type Log interface {
	EraseSubject(ctx context.Context, subject string) (erased int, err error)
	Prune(ctx context.Context, before time.Time) (segments int, err error)
	RotateKey(ctx context.Context) error
	Checkpoint(ctx context.Context) (signed []byte, err error)
}

var _ Log = (*auditlog.Writer)(nil)

// Server answers at a socket.
type Server struct{}

// Serve begins to answer for the log in a directory, until Close. A socket that
// a dead process left is replaced; the caller holds the log's lock.
func Serve(dir string, log Log) (*Server, error) { return &Server{}, nil }

// Close ends the server and removes the socket.
func (s *Server) Close() error { return nil }

// Client asks the process that writes the log in a directory.
type Client struct{ Log }

// Dial returns a client, or ErrNobody.
func Dial(dir string) (*Client, error) { return nil, ErrNobody }
