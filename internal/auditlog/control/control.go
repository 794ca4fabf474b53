// Package control lets a command ask the process that writes an audit log for
// what only the writer can do. They speak HTTP over a Unix socket in the
// directory of the log, which is for its owner only.
package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// The paths that are asked for, all with POST.
const (
	pathErase      = "/erase-subject"
	pathPrune      = "/prune"
	pathRotate     = "/rotate-key"
	pathCheckpoint = "/checkpoint"
)

// question is what is asked, answer what comes back. A subject goes in the
// body, so that no log of requests can have it.
type question struct {
	Subject string    `json:"subject,omitempty"`
	Before  time.Time `json:"before,omitzero"`
}

type answer struct {
	Count      int    `json:"count,omitempty"`
	Checkpoint []byte `json:"checkpoint,omitempty"`
	Error      string `json:"error,omitempty"`
	// Trouble is the text of the Trouble that the error is, if it is one.
	Trouble string `json:"trouble,omitempty"`
}

const maxMessage = 64 << 10

// maxAddress is how long the path of a socket may be: sun_path without its end.
const maxAddress = 103

// address is the path of a socket as the operating system takes it. A longer
// one goes by way of the open directory, where /proc has it.
func address(dir, name string) (path string, done func(), err error) {
	path = filepath.Join(dir, name)
	if len(path) <= maxAddress {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path of the audit log's directory is too long for a socket: more than %d bytes", maxAddress-len(name)-1)
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name), func() { d.Close() }, nil
}
