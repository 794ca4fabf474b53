package collector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tracescrub/tracescrub/benchmarks/agentspans"
	"github.com/tracescrub/tracescrub/benchmarks/corpus"
)

// shape is what spans look like: 20 short attributes, and two long ones.
type shape struct {
	name  string
	long  int // bytes of each of the two
	spans int // in a request
	// sessions: requests are agents' sessions, with the messages so far in every span.
	sessions bool
}

// said is how many bytes each message of a session has.
const said = 1500

// shapes are those of the page. Requests of the last one would be too large
// for the usual limit of receivers with as many spans as the others have.
var shapes = []shape{
	{name: "20 x 64 B", spans: 200},
	{name: "20 x 64 B + 2 x 1 KB", long: 1 << 10, spans: 200},
	{name: "20 x 64 B + 2 x 16 KB", long: 16 << 10, spans: 50},
	{name: "agents' sessions", spans: agentspans.Turns, sessions: true},
}

// requests is how many different ones there are: of sessions so many that what
// they say is more than secret_mask remembers.
func (s shape) requests() int {
	if s.sessions {
		return 4 * loadRequests
	}
	return loadRequests
}

// request is one that can be sent again and again, each time with other traces.
type request struct {
	frame
	traces []int // where the trace ids stand
	tally
}

// load are requests of a shape. Who sends one takes it out and puts it back.
type load struct {
	ready chan *request
	next  atomic.Uint64
}

// In a load one secret is planted for every so many requests, and spans of a
// request belong to traces of so many spans.
const (
	loadRequests   = 20
	secretRequests = 2
	traceSpans     = 20
)

// traceMark begins trace ids. No text has such bytes.
var traceMark = [8]byte{0xff, 0xfe, 0xfd, 0xfc, 0xff, 0xfe, 0xfd, 0xfc}

func newLoad(s shape, mask ...string) (*load, error) {
	batches, planted, err := s.batches()
	if err != nil {
		return nil, err
	}
	l := &load{ready: make(chan *request, len(batches))}
	var all tally
	for _, td := range batches {
		r, err := newRequest(td, mask...)
		if err != nil {
			return nil, err
		}
		all.add(r.tally)
		l.ready <- r
	}
	if all.secrets != planted && !s.sessions || all.secrets < planted || planted == 0 || all.spans != s.spans*len(batches) {
		return nil, fmt.Errorf("%d secrets are in %d spans, want %d", all.secrets, all.spans, planted)
	}
	return l, nil
}

// batches makes the requests, and says how many secrets were planted, each in one text.
func (s shape) batches() (all []ptrace.Traces, planted int, err error) {
	count, size, long := agentspans.Short*s.spans, 64, [][]byte(nil)
	if s.sessions {
		count, size = 2*agentspans.Turns, said
	}
	texts := corpus.Values(6, size, count*s.requests())
	if planted, err = corpus.Plant(7, texts, count*secretRequests); err != nil {
		return nil, 0, err
	}
	if s.long > 0 {
		long = corpus.Values(8, s.long, agentspans.Long*s.spans*s.requests())
	}
	for range s.requests() {
		td := ptrace.NewTraces()
		to := agentspans.Of(td)
		if s.sessions {
			if err := agentspans.Session(to, traceID(0), texts[:count]); err != nil {
				return nil, 0, err
			}
		} else {
			s.fill(to, texts, long)
			long = long[min(agentspans.Long*s.spans, len(long)):]
		}
		texts, all = texts[count:], append(all, td)
	}
	return all, planted, nil
}

// fill adds the spans of a request.
func (s shape) fill(to ptrace.SpanSlice, short, long [][]byte) {
	for i := range s.spans {
		span := to.AppendEmpty()
		span.SetTraceID(traceID(i / traceSpans))
		span.SetSpanID([8]byte{1, byte(i)})
		span.SetStartTimestamp(1)
		span.SetEndTimestamp(2)
		agentspans.Fill(span, short, long)
		short, long = short[agentspans.Short:], long[min(agentspans.Long, len(long)):]
	}
}

func traceID(n int) (id [16]byte) {
	copy(id[:], traceMark[:])
	id[15] = byte(n)
	return id
}

// newRequest marshals and counts. Nothing may look like one of the masks.
func newRequest(td ptrace.Traces, masks ...string) (*request, error) {
	raw, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		return nil, fmt.Errorf("marshalling a request: %w", err)
	}
	r := &request{frame: frame{raw: raw}}
	if r.tally, err = count(raw, ""); err != nil {
		return nil, err
	}
	for _, m := range masks {
		if m != "" && bytes.Contains(raw, []byte(m)) {
			return nil, errors.New("a text of the corpus has what a mask looks like")
		}
	}
	for at := 0; ; {
		i := bytes.Index(raw[at:], traceMark[:])
		if i < 0 {
			return r, nil
		}
		at += i + len(traceMark)
		r.traces = append(r.traces, at)
		at += 8
	}
}

// renew gives the traces ids that they never had.
func (r *request) renew(n uint64) {
	for _, at := range r.traces {
		trace := r.raw[at+7]
		binary.BigEndian.PutUint64(r.raw[at:], n<<8|uint64(trace))
	}
}

// sender is a client of the Collector.
type sender struct{ conn *grpc.ClientConn }

func newSender(addr string) (sender, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: time.Second}, MinConnectTimeout: patience,
		}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(frames{}), grpc.MaxCallSendMsgSize(maxMessage), grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return sender{}, fmt.Errorf("connecting: %w", err)
	}
	return sender{conn}, nil
}

// send sends a request, of which all must be taken.
func (s sender) send(ctx context.Context, raw []byte) error {
	var answer frame
	if err := s.conn.Invoke(ctx, method, &frame{raw: raw}, &answer); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	resp := ptraceotlp.NewExportResponse()
	if err := resp.UnmarshalProto(answer.raw); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if n := resp.PartialSuccess().RejectedSpans(); n != 0 {
		return fmt.Errorf("%d spans were rejected", n)
	}
	return nil
}

// one sends the next request of the load and says what was in it.
func (l *load) one(ctx context.Context, s sender) (tally, error) {
	r := <-l.ready
	defer func() { l.ready <- r }()
	r.renew(l.next.Add(1))
	return r.tally, s.send(ctx, r.raw)
}

// flood sends from so many senders at once, each the next one when the last
// was answered, until the time is over.
func (l *load) flood(ctx context.Context, senders []sender, each time.Duration) (tally, error) {
	var wg sync.WaitGroup
	sent, errs := make([]tally, len(senders)), make([]error, len(senders))
	end := time.Now().Add(each)
	for i, s := range senders {
		wg.Go(func() {
			for time.Now().Before(end) && errs[i] == nil {
				var t tally
				t, errs[i] = l.one(ctx, s)
				sent[i].add(t)
			}
		})
	}
	wg.Wait()
	var total tally
	for _, t := range sent {
		total.add(t)
	}
	return total, errors.Join(errs...)
}

// wait is how long a request took from the time at which it was due.
type wait struct {
	due  time.Time
	took time.Duration
}

func durations(waits []wait) []time.Duration {
	all := make([]time.Duration, len(waits))
	for i, w := range waits {
		all[i] = w.took
	}
	return all
}

// pace sends a request every interval as long as there are to be more,
// whether or not those before were answered.
func (l *load) pace(ctx context.Context, senders []sender, interval time.Duration, more func(sent int) bool) ([]wait, tally, error) {
	var mu sync.Mutex
	var waits []wait
	var total tally
	var failed error
	var wg sync.WaitGroup
	began := time.Now()
	for i := 0; more(i); i++ {
		due := began.Add(time.Duration(i) * interval)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			sent, err := l.one(ctx, senders[i%len(senders)])
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, wait{due, took})
			total.add(sent)
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	return waits, total, failed
}
