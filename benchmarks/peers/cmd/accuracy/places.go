package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// The kinds of places, as the table has them.
const (
	inAttribute = "attributes: texts"
	inNested    = "attributes: texts in lists and maps"
	inBytes     = "attributes: bytes"
	inKey       = "attributes: keys"
	inBody      = "log bodies: texts, in lists and maps too"
	inBodyRest  = "log bodies: bytes and keys"
	elsewhere   = "names, descriptions, status, trace state, schema URLs"
)

var placeKinds = []string{inAttribute, inNested, inBytes, inKey, inBody, inBodyRest, elsewhere}

// tokenTemplate is a token whose form alone gives it away, checksum and all, and
// which every contender knows: a personal token of GitHub.
const tokenTemplate = "ghp_<30*base62><check:github-crc32>"

// planter puts a token of its own into each place that can hold text.
type planter struct {
	rng    *rand.Rand
	tokens []string
	kinds  []string // of the places they are in
	body   bool     // the value at hand is a log body
	err    error
}

func newPlanter(seed uint64) *planter { return &planter{rng: rand.New(rand.NewPCG(seed, 7))} }

func (p *planter) token(kind string) string {
	text, _, err := pack.Expand(tokenTemplate, p.rng)
	if err != nil {
		p.err = err
	}
	switch {
	case p.body && (kind == inKey || kind == inBytes):
		kind = inBodyRest
	case p.body:
		kind = inBody
	}
	p.tokens, p.kinds = append(p.tokens, text), append(p.kinds, kind)
	return text
}

// attributes plants every kind of value, and keys.
func (p *planter) attributes(m pcommon.Map) {
	m.PutStr("text", p.token(inAttribute))
	m.PutStr(p.token(inKey), "x")
	m.PutEmptyBytes("bytes").FromRaw([]byte(p.token(inBytes)))
	m.PutEmptySlice("list").AppendEmpty().SetStr(p.token(inNested))
	m.PutEmptyMap("map").PutStr("in", p.token(inNested))
	m.PutEmptyMap("names").PutStr(p.token(inKey), "x")
}

// plant fills every text that can be set and be reached from v, by reflection,
// so that it depends on no list of ours.
func (p *planter) plant(v reflect.Value) {
	switch x := v.Interface().(type) {
	case pcommon.Map:
		p.attributes(x)
		return
	case pcommon.StringSlice:
		x.Append(p.token(elsewhere))
		return
	case pcommon.TraceState:
		x.FromRaw("vendor=" + p.token(elsewhere))
		return
	case pcommon.Resource:
		p.plant(reflect.ValueOf(entity.ResourceEntityRefs(x)))
	case pmetric.MetricSlice:
		p.metrics(x)
		return
	case plog.LogRecordSlice:
		p.bodies(x)
	}
	for i := range v.NumMethod() {
		p.method(v, i)
	}
}

// method plants what one accessor leads to.
func (p *planter) method(v reflect.Value, i int) {
	name, m := v.Type().Method(i).Name, v.Method(i)
	switch t := m.Type(); {
	case name == "AppendEmpty":
		p.plant(m.Call(nil)[0])
	case t.NumIn() != 0 || t.NumOut() != 1 || name == "Body":
	case t.Out(0).Kind() == reflect.String:
		if set := v.MethodByName("Set" + name); set.IsValid() {
			set.Call([]reflect.Value{reflect.ValueOf(p.token(elsewhere))})
		}
	case t.Out(0).Kind() == reflect.Struct && strings.Contains(t.Out(0).PkgPath(), "/pdata/"):
		p.plant(m.Call(nil)[0])
	}
}

// metrics makes one of each kind.
func (p *planter) metrics(all pmetric.MetricSlice) {
	for _, data := range []func(pmetric.Metric) any{
		func(m pmetric.Metric) any { return m.SetEmptyGauge() },
		func(m pmetric.Metric) any { return m.SetEmptySum() },
		func(m pmetric.Metric) any { return m.SetEmptyHistogram() },
		func(m pmetric.Metric) any { return m.SetEmptyExponentialHistogram() },
		func(m pmetric.Metric) any { return m.SetEmptySummary() },
	} {
		m := all.AppendEmpty()
		m.SetName(p.token(elsewhere))
		m.SetDescription(p.token(elsewhere))
		m.SetUnit(p.token(elsewhere))
		p.attributes(m.Metadata())
		p.plant(reflect.ValueOf(data(m)))
	}
}

// bodies makes a record for each kind of body.
func (p *planter) bodies(all plog.LogRecordSlice) {
	p.body = true
	all.AppendEmpty().Body().SetStr(p.token(inAttribute))
	all.AppendEmpty().Body().SetEmptyBytes().FromRaw([]byte(p.token(inBytes)))
	all.AppendEmpty().Body().SetEmptySlice().AppendEmpty().SetStr(p.token(inNested))
	p.attributes(all.AppendEmpty().Body().SetEmptyMap())
	p.body = false
}

// signals are the three of them, as the tables have them.
var signals = []string{"spans", "logs", "metrics"}

// sent is a batch of a signal with a token in each place, as protobuf after a
// contender has had it.
func (c *contender) sent(ctx context.Context, signal string, p *planter) ([]byte, error) {
	switch signal {
	case "spans":
		td := ptrace.NewTraces()
		p.plant(reflect.ValueOf(td))
		td, err := c.traces(ctx, td)
		if err != nil {
			return nil, err
		}
		return (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	case "logs":
		ld := plog.NewLogs()
		p.plant(reflect.ValueOf(ld))
		ld, err := c.logs(ctx, ld)
		if err != nil {
			return nil, err
		}
		return (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	}
	md := pmetric.NewMetrics()
	p.plant(reflect.ValueOf(md))
	md, err := c.metrics(ctx, md)
	if err != nil {
		return nil, err
	}
	return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
}

// The tables of places: by signal with a row for each contender, and by kind of
// place with a column for each.
const (
	signalTable = "accuracy places"
	kindTable   = "accuracy kinds of places"
)

// cover counts the places that a contender covers: those whose token is gone.
// Of ours, none may be left out.
func (c *contender) cover(ctx context.Context, seed uint64) (all []figure.Figure, err error) {
	kinds, of := map[string]int{}, map[string]int{}
	masked, places := 0, 0
	for _, signal := range signals {
		p := newPlanter(seed)
		out, err := c.sent(ctx, signal, p)
		if err == nil {
			err = p.err
		}
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", c.name, signal, err)
		}
		n := 0
		for i, token := range p.tokens {
			of[p.kinds[i]]++
			if !bytes.Contains(out, []byte(token)) {
				kinds[p.kinds[i]]++
				n++
			}
		}
		all = append(all, counted(signalTable, c.name, signal, n, len(p.tokens))...)
		masked, places = masked+n, places+len(p.tokens)
	}
	if c.name == oursName && masked < places {
		return nil, fmt.Errorf("%s covers %d of %d places", c.name, masked, places)
	}
	if masked == 0 {
		return nil, fmt.Errorf("%s does not know the token", c.name)
	}
	all = append(all, counted(signalTable, c.name, "all", masked, places)...)
	for _, k := range placeKinds {
		all = append(all, counted(kindTable, k, c.name, kinds[k], of[k])...)
	}
	return all, nil
}
