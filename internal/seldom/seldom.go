// Package seldom writes log lines that data or trouble could cause over and
// over: each at most once a minute, with the count of all since the last one.
package seldom

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// interval is how far apart two log lines with the same words are.
const interval = time.Minute

// Log writes such lines. It never writes data. It is safe for concurrent use.
type Log struct {
	logger *zap.Logger
	now    func() time.Time

	// mu guards lines.
	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	next    time.Time
	pending int
}

// New returns a log that writes to logger and asks now what time it is.
func New(logger *zap.Logger, now func() time.Time) *Log {
	return &Log{logger: logger, now: now, lines: map[string]*line{}}
}

// Warn counts n more of what message says. The fields must come from a
// bounded set; the first one tells lines with the same message apart.
func (l *Log) Warn(message string, n int, fields ...zap.Field) {
	key := message
	if len(fields) > 0 {
		key += " " + fields[0].String
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lines[key]
	if at == nil {
		at = &line{}
		l.lines[key] = at
	}
	at.pending += n
	now := l.now()
	if now.Before(at.next) {
		return
	}
	l.logger.Warn(message, append(fields, zap.Int("count", at.pending))...)
	at.next, at.pending = now.Add(interval), 0
}
