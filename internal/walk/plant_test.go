package walk

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// planter puts canaries, texts that occur once, into telemetry.
type planter struct{ n int }

func (p *planter) text() string {
	p.n++
	return fmt.Sprintf("canary-%05d", p.n)
}

func (p *planter) number() int64 {
	p.n++
	return 7_700_000 + int64(p.n)
}

// isCanary reports whether a text as the walker hands it over was planted, and which one.
func isCanary(s string) (int, bool) {
	if _, digits, ok := strings.Cut(s, "canary-"); ok && len(digits) >= 5 {
		n, err := strconv.Atoi(digits[:5])
		return n, err == nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, ".5"))
	return n - 7_700_000, err == nil && n > 7_700_000
}

// plantMap plants every kind of value, and keys.
func (p *planter) plantMap(m pcommon.Map) {
	m.PutStr("text", p.text())
	m.PutBool("bool", true)
	m.PutEmpty("empty")
	m.PutStr("empty_text", "")
	m.PutStr("key "+p.text(), "x"+p.text())
	m.PutInt("int", p.number())
	m.PutDouble("double", float64(p.number())+0.5)
	m.PutEmptyBytes("bytes").FromRaw([]byte(p.text()))
	s := m.PutEmptySlice("slice")
	p.plantValue(s.AppendEmpty(), "text")
	p.plantValue(s.AppendEmpty(), "int")
	p.plantValue(s.AppendEmpty(), "bytes")
	p.plantValue(s.AppendEmpty(), "slice")
	p.plantValue(s.AppendEmpty(), "map")
	p.plantValue(m.PutEmptyMap("map").PutEmptyMap("in").PutEmpty(p.text()), "slice")
}

func (p *planter) plantValue(v pcommon.Value, kind string) {
	switch kind {
	case "text":
		v.SetStr(p.text())
	case "int":
		v.SetInt(p.number())
	case "double":
		v.SetDouble(float64(p.number()) + 0.5)
	case "bytes":
		v.SetEmptyBytes().FromRaw([]byte(p.text()))
	case "slice":
		v.SetEmptySlice().AppendEmpty().SetStr(p.text())
	case "map":
		v.SetEmptyMap().PutStr(p.text(), p.text())
	}
}

var kindsOfValue = []string{"text", "int", "double", "bytes", "slice", "map"}

// plant fills every settable text that can be reached from v, by reflection,
// so that a field which a new version of pdata brings is planted, and missed
// by the walker, before anyone has read the release notes.
func (p *planter) plant(v reflect.Value) {
	switch x := v.Interface().(type) {
	case pcommon.Map:
		p.plantMap(x)
		return
	case pcommon.Value:
		p.plantMap(x.SetEmptyMap())
		return
	case pcommon.StringSlice:
		x.Append("", p.text(), p.text())
		return
	case pcommon.ByteSlice:
		x.FromRaw([]byte(p.text()))
		return
	case pcommon.TraceState:
		x.FromRaw("k=" + p.text() + ", vendor=" + p.text())
		return
	case pcommon.Resource:
		p.plant(reflect.ValueOf(entity.ResourceEntityRefs(x)))
	case pmetric.MetricSlice:
		for _, m := range [...]pmetric.Metric{x.AppendEmpty(), x.AppendEmpty(), x.AppendEmpty(), x.AppendEmpty(), x.AppendEmpty()} {
			m.SetName(p.text())
			m.SetDescription(p.text())
			m.SetUnit(p.text())
			p.plantMap(m.Metadata())
		}
		p.plant(reflect.ValueOf(x.At(0).SetEmptyGauge()))
		p.plant(reflect.ValueOf(x.At(1).SetEmptySum()))
		p.plant(reflect.ValueOf(x.At(2).SetEmptyHistogram()))
		p.plant(reflect.ValueOf(x.At(3).SetEmptyExponentialHistogram()))
		p.plant(reflect.ValueOf(x.At(4).SetEmptySummary()))
		return
	case plog.LogRecordSlice:
		for _, kind := range kindsOfValue {
			p.plantValue(x.AppendEmpty().Body(), kind)
		}
	}
	for i := range v.NumMethod() {
		p.plantMethod(v, i)
	}
}

// plantMethod plants what one accessor leads to.
func (p *planter) plantMethod(v reflect.Value, i int) {
	name, m := v.Type().Method(i).Name, v.Method(i)
	if name == "AppendEmpty" {
		p.plant(m.Call(nil)[0])
		return
	}
	if !isAccessor(m.Type()) {
		return
	}
	if set := v.MethodByName("Set" + name); m.Type().Out(0).Kind() == reflect.String && set.IsValid() {
		set.Call([]reflect.Value{reflect.ValueOf(p.text())})
	} else if isPdata(m.Type().Out(0)) {
		p.plant(m.Call(nil)[0])
	}
}

func isAccessor(m reflect.Type) bool { return m.NumIn() == 0 && m.NumOut() == 1 }

func isPdata(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.Contains(t.PkgPath(), "/pdata/")
}

// batch is one signal's data with its walk.
type batch struct {
	letter string
	data   any
	walk   func(*Walker) int
}

func batches() []batch {
	td, ld, md, pd := ptrace.NewTraces(), plog.NewLogs(), pmetric.NewMetrics(), pprofile.NewProfiles()
	return []batch{
		{"t", td, func(w *Walker) int { return w.Traces(td) }},
		{"l", ld, func(w *Walker) int { return w.Logs(ld) }},
		{"m", md, func(w *Walker) int { return w.Metrics(md) }},
		{"p", pd, func(w *Walker) int { return w.Profiles(pd) }},
	}
}
