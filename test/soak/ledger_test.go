//go:build e2e

package soak

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// key names a span.
type key struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

func (k key) String() string { return k.trace.String() + "/" + k.span.String() }

// What a span carries.
const (
	clean    = "nothing"
	masked   = "a key"   // is masked and goes on
	critical = "a token" // is held with all of its trace
)

// span is what is known of one.
type span struct {
	carries string
	sent    *request
	came    []delivery
	refused bool // by the backend, for good
}

// request is what a sender sends until somebody takes it.
type request struct {
	keys     []key
	attempts int
	taken    bool
	first    time.Time
	via      string // who took it
}

// delivery is a span that came to the backend.
type delivery struct {
	at       time.Time
	by       string // name of the process
	answered bool   // with success, in time
	item     string // of a release
	attempt  int64  // of a release
}

// item is what is known of one from the gates.
type item struct {
	id, state string
	trace     pcommon.TraceID
	keys      []key // by a preview, before anything was decided
}

// fate is what the approvers do about a trace.
type fate string

const (
	releaseMasked   fate = "released masked"
	releaseOriginal fate = "released as original"
	deny            fate = "denied"
	leave           fate = "left"
)

// ledger has every span.
type ledger struct {
	seed  uint64
	a, b  string   // stand at both ends of every secret
	forms [][]byte // of those

	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	next    uint64
	spans   map[key]*span
	held    map[pcommon.TraceID]bool // traces with a critical span
	recent  []pcommon.TraceID        // of those
	items   map[string]*item
	wrong   []string // what must not be
	refused int      // requests that senders were told to send again
}

func newLedger(seed uint64) *ledger {
	l := &ledger{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		spans: map[key]*span{}, held: map[pcommon.TraceID]bool{}, items: map[string]*item{},
	}
	l.a, l.b = l.random(10), l.random(10)
	l.forms = forms(l.a, l.b)
	return l
}

// complain notes what must not be; what says it must hold no secret.
func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (l *ledger) random(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = base62[l.rng.IntN(len(base62))]
	}
	return string(b)
}

// secret makes thirty characters that a leak of either half gives away.
func (l *ledger) secret() string { return l.a + l.random(10) + l.b }

// token makes a GitHub token with its checksum.
func (l *ledger) token() string {
	body := l.secret()
	sum := crc32.ChecksumIEEE([]byte(body))
	check := ""
	for range 6 {
		check = string(base62[sum%62]) + check
		sum /= 62
	}
	return "gh" + "p_" + body + check
}

// compose makes a request of one to three traces, and notes it.
func (l *ledger) compose() (*request, ptrace.Traces) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, td := &request{first: time.Now()}, ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "soak")
	ss := rs.ScopeSpans().AppendEmpty()
	for range 1 + l.rng.IntN(3) {
		l.next++
		var trace pcommon.TraceID
		binary.BigEndian.PutUint64(trace[:8], l.seed|1)
		binary.BigEndian.PutUint64(trace[8:], l.next)
		carries := clean
		switch n := l.rng.IntN(100); {
		case n < 5:
			carries = critical
			l.held[trace] = true
			l.recent = append(l.recent, trace)
		case n < 30:
			carries = masked
		case n < 35 && len(l.recent) > 0: // a later span of a trace that is held
			trace = l.recent[max(0, len(l.recent)-1-l.rng.IntN(20))]
		}
		for i := range 2 + l.rng.IntN(4) {
			l.next++
			k := key{trace: trace}
			binary.BigEndian.PutUint64(k.span[:], l.next)
			what := clean
			if i == 0 {
				what = carries
			}
			l.spans[k] = &span{carries: what, sent: r}
			r.keys = append(r.keys, k)
			l.fill(ss.Spans().AppendEmpty(), k, what)
		}
	}
	return r, td
}

func (l *ledger) fill(s ptrace.Span, k key, carries string) {
	s.SetTraceID(k.trace)
	s.SetSpanID(k.span)
	s.SetName("step")
	now := time.Now()
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Millisecond)))
	s.Attributes().PutStr("soak.text", text(k))
	switch carries {
	case masked:
		s.Attributes().PutStr("note", "use gs"+"k_"+l.secret()+l.random(22)+" for it")
	case critical:
		s.Attributes().PutStr("tool.result", "export GITHUB_TOKEN="+l.token())
	}
}

// text is what a span says, of which each byte must arrive.
func text(k key) string {
	words := []string{"the", "agent", "reads", "a", "file", "and", "writes", "what", "it", "found", "to", "another", "one", "then", "asks", "again"}
	sum := sha256.Sum256([]byte(k.String()))
	out := "step " + k.span.String()
	for range 4 {
		for _, b := range sum {
			out += " " + words[b%16] + " " + words[b>>4]
		}
	}
	return out
}

// decide says what becomes of a trace that is held.
func (l *ledger) decide(trace pcommon.TraceID) fate {
	sum := sha256.Sum256(append(trace[:], "fate"...))
	return []fate{
		releaseMasked, releaseMasked, releaseMasked, releaseMasked, releaseOriginal,
		deny, deny, leave, leave, leave,
	}[sum[0]%10]
}

func parseTrace(text string) (id pcommon.TraceID, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(id) {
		err = fmt.Errorf("a trace id of %d bytes", len(raw))
	}
	copy(id[:], raw)
	return id, err
}
