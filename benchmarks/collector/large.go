package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// large is a request with one span that has very much in it.
type large struct {
	name       string
	family     string // those of one family differ in size only
	attributes int
	size       int // bytes of each value
	times      int // how often it is sent
}

// larges are those of the page, each family from small to large.
var larges = []large{
	{"a value of 1 MB", "value", 1, 1_000_000, 50},
	{"a value of 10 MB", "value", 1, 10_000_000, 5},
	{"a value of 100 MB", "value", 1, 100_000_000, 2},
	{"10,000 attributes", "attributes", 10_000, 32, 50},
	{"100,000 attributes", "attributes", 100_000, 32, 5},
	{"1,000,000 attributes", "attributes", 1_000_000, 32, 2},
}

// patient has limits above what is sent here: what exceeds them is withheld.
const patient = `secret_mask: {limits: {max_value_bytes: 268435456, max_batch_time: 300s}}`

// request makes it, with one secret in the middle. It is written field by
// field: pdata looks for a key in all of a map before it adds one.
func (g large) request() (*request, error) {
	values := corpus.Values(9, g.size, g.attributes)
	for _, v := range values {
		// In texts that are cut into small pieces it is at the end of some, and
		// then a token could have been cut there.
		copy(v, bytes.ReplaceAll(v, []byte("secret_"), []byte("secret ")))
	}
	// Far enough apart that one is planted, in the middle of all.
	if _, err := corpus.Plant(10, values, max(1, g.attributes)); err != nil {
		return nil, err
	}
	id := append(append([]byte{}, traceMark[:]...), make([]byte, 8)...)
	span := field(nil, 1, id)
	span = field(span, 2, []byte{1, 1, 1, 1, 1, 1, 1, 1})
	span = field(span, 5, []byte("chat"))
	for i, v := range values {
		pair := field(nil, 1, fmt.Appendf(nil, "app.field_%07d", i))
		span = field(span, 9, field(pair, 2, field(nil, 1, v)))
	}
	raw := field(nil, 1, field(nil, 2, field(nil, 2, span)))
	r := &request{frame: frame{raw: raw}, traces: []int{bytes.Index(raw, traceMark[:]) + len(traceMark)}}
	var err error
	r.tally, err = count(raw, "")
	if err == nil && r.secrets != 1 {
		err = fmt.Errorf("%d secrets are in %s, want 1", r.secrets, g.name)
	}
	return r, err
}

// field appends a field of bytes.
func field(to []byte, num protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, num, protowire.BytesType), value)
}

// Large measures the CPU time of single large requests for each of their
// bytes, what that is of the time of smaller ones, and the most memory that
// the Collector had, with and without secret_mask.
func Large(ctx context.Context, o Options) ([]figure.Figure, error) { return o.large(ctx, larges) }

func (o Options) large(ctx context.Context, list []large) (all []figure.Figure, err error) {
	s := with(o.Binaries)
	s.processor = patient
	first := map[string]float64{}
	for _, g := range list {
		req, err := g.request()
		if err != nil {
			return nil, err
		}
		var perMB, peak [2]float64
		for i, s := range []setup{without(o.Binaries), s} {
			if perMB[i], peak[i], err = o.single(ctx, s, g, req); err != nil {
				return nil, fmt.Errorf("%s: %w", g.name, err)
			}
		}
		if first[g.family] == 0 {
			first[g.family] = perMB[1]
		}
		at := func(col, unit string, v float64) figure.Figure {
			return figure.Figure{Table: LargeTable, Row: g.name, Col: col, Unit: unit, Value: v}
		}
		all = append(
			all, at("per byte : that of the smallest", "ratio", perMB[1]/first[g.family]),
			at("secret_mask : none", "ratio", perMB[1]/perMB[0]),
			at("secret_mask", "ms/MB", perMB[1]), at("none", "ms/MB", perMB[0]),
			at("memory", "MB", peak[1]), at("memory, none", "MB", peak[0]),
		)
		o.Progress("large, %s: %.2f ms of CPU for each MB without, %.2f with secret_mask; %.0f and %.0f MB of memory", g.name, perMB[0], perMB[1], peak[0], peak[1])
	}
	return all, nil
}

// single sends a request some times to a Collector of its own.
func (o Options) single(ctx context.Context, s setup, g large, req *request) (perMB, peak float64, err error) {
	rigs, err := o.startAll(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, closeAll(rigs)) }()
	r := rigs[0]
	l := &load{ready: make(chan *request, 1)}
	l.ready <- req
	before, err := r.cpu()
	if err != nil {
		return 0, 0, err
	}
	var sent tally
	for range g.times {
		one, err := l.one(ctx, r.senders[0])
		if err != nil {
			return 0, 0, errors.Join(err, r.ended())
		}
		sent.add(one)
	}
	after, err := r.cpu()
	if err != nil {
		return 0, 0, err
	}
	if err := r.check(sent); err != nil {
		return 0, 0, err
	}
	_, most, err := r.resident()
	return float64((after - before).Nanoseconds()) / float64(time.Millisecond) / (float64(sent.bytes) / 1e6), float64(most) / 1e6, err
}
