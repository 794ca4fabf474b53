package walk

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// funcVisitor is a visitor of functions; nil ones do nothing.
type funcVisitor struct {
	text  func(at *Place, text []byte) []byte
	attrs func(at *Place, m pcommon.Map)
	done  func(Level, pcommon.Map) bool
}

func (f funcVisitor) Text(at *Place, text []byte) []byte {
	if f.text == nil {
		return nil
	}
	return f.text(at, text)
}

func (f funcVisitor) Attributes(at *Place, m pcommon.Map) {
	if f.attrs != nil {
		f.attrs(at, m)
	}
}

func (f funcVisitor) Done(at *Place, m pcommon.Map) bool {
	return f.done == nil || f.done(at.Unit.Level, m)
}

// TestEveryPlaceIsVisited plants a text in every place and counts: each is
// visited once, each is masked, and the places visited are those of the table.
func TestEveryPlaceIsVisited(t *testing.T) {
	places := map[string]bool{}
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		seen := make([]int, p.n+1)
		spots := map[string]bool{}
		b.walk(New(funcVisitor{text: func(at *Place, text []byte) []byte {
			n, ok := isCanary(string(text))
			if !ok {
				return nil
			}
			seen[n]++
			spots[at.Spot.String()] = true
			places[b.letter+" "+placeKind(at)] = true
			return []byte(fmt.Sprintf("masked-%05d", n))
		}}, Options{}))
		for n, times := range seen[1:] {
			require.Equal(t, 1, times, "signal %s, canary %d of %d", b.letter, n+1, p.n)
		}
		want := map[string]bool{}
		for _, i := range Places() {
			if strings.Contains(i.Signals, b.letter) {
				want[i.Name] = true
			}
		}
		require.Equal(t, want, spots, "signal %s: the table of places against the places visited", b.letter)
		left, masked := 0, map[string]bool{}
		b.walk(New(funcVisitor{text: func(_ *Place, text []byte) []byte {
			if _, ok := isCanary(string(text)); ok {
				left++
			}
			for _, m := range regexp.MustCompile(`masked-\d{5}`).FindAllString(string(text), -1) {
				masked[m] = true
			}
			return nil
		}}, Options{}))
		require.Zero(t, left, "signal %s: texts that kept their canary", b.letter)
		require.Len(t, masked, p.n, "signal %s: texts that were masked", b.letter)
	}
	t.Logf("%d distinct places", len(places))
	require.GreaterOrEqual(t, len(places), 113)
}

// placeKind names a place apart from indices and planted keys.
func placeKind(at *Place) string {
	s := at.Field()
	s = regexp.MustCompile(`\[\d+\]`).ReplaceAllString(s, "[]")
	s = regexp.MustCompile(`(canary|masked)-\d+`).ReplaceAllString(s, "planted")
	return fmt.Sprintf("%s name=%t number=%t", s, at.Name, at.Number)
}

// TestTableIsComplete compares the table with all accessors of pdata that
// lead to text, so that a new field fails here before it leaks.
func TestTableIsComplete(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []any{
		ptrace.Traces{}, plog.Logs{}, pmetric.Metrics{}, pprofile.Profiles{}, entity.EntityRef{},
	} {
		accessors(reflect.TypeOf(root), found, map[reflect.Type]bool{})
	}
	require.Greater(t, len(found), 35)
	matched := map[string]bool{}
	for accessor := range found {
		for _, i := range Places() {
			if ok, err := path.Match(i.Reach, accessor); ok && err == nil {
				matched[i.Reach], matched[accessor] = true, true
			}
		}
		require.True(t, matched[accessor], "%s leads to text and is not in the table of places", accessor)
	}
	for _, i := range Places() {
		require.True(t, matched[i.Reach], "%s: pdata has no accessor %s", i.Name, i.Reach)
	}
}

// accessors collects what leads to text from t.
func accessors(t reflect.Type, found map[string]bool, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumMethod() {
		m := t.Method(i)
		if m.Name == "At" && isPdata(m.Type.Out(0)) {
			accessors(m.Type.Out(0), found, seen)
		}
		if m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
			continue
		}
		out := m.Type.Out(0)
		switch name := t.String() + "." + m.Name; out {
		case reflect.TypeFor[pcommon.Map](), reflect.TypeFor[pcommon.Value](), reflect.TypeFor[pcommon.Slice](),
			reflect.TypeFor[pcommon.ByteSlice](), reflect.TypeFor[pcommon.StringSlice](), reflect.TypeFor[pcommon.TraceState]():
			found[name] = true
			continue
		}
		if _, settable := t.MethodByName("Set" + m.Name); out.Kind() == reflect.String && settable {
			found[t.String()+"."+m.Name] = true
		} else if isPdata(out) {
			accessors(out, found, seen)
		}
	}
}

func TestContext(t *testing.T) {
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	a := s.Attributes()
	a.PutStr("db.query.text", "t0")
	a.PutEmptySlice("http.request.header.authorization").AppendEmpty().SetStr("t1")
	argv := a.PutEmptySlice("process.command_args")
	argv.AppendEmpty().SetStr("--api-key")
	argv.AppendEmpty().SetStr("t2")
	argv.AppendEmpty().SetInt(123)
	argv.AppendEmpty().SetStr("t3")
	h := a.PutEmptySlice("headers").AppendEmpty().SetEmptyMap()
	h.PutStr("value", "t4")
	h.PutStr("Name", "x-api-key")
	kv := a.PutEmptyMap("otlp")
	kv.PutStr("key", "password")
	kv.PutEmptyMap("value").PutStr("stringValue", "t5")
	deep := a.PutEmptyMap("m").PutEmptyMap("a b").PutEmptySlice("list")
	deep.AppendEmpty().SetEmptySlice().AppendEmpty().SetStr("t6")
	a.PutInt("pin", 1234)
	a.PutStr("secret-key", "t7")
	s.Events().AppendEmpty()
	s.Events().AppendEmpty().Attributes().PutStr("x", "t8")
	s.TraceState().FromRaw("vendor=t9")

	want := map[string][3]string{ // key, previous, path
		"t0":   {"db.query.text", "", `span.attributes["db.query.text"]`},
		"t1":   {"authorization", "", `span.attributes["http.request.header.authorization"][0]`},
		"t2":   {"process.command_args", "--api-key", `span.attributes["process.command_args"][1]`},
		"123":  {"process.command_args", "t2", `span.attributes["process.command_args"][2]`},
		"t3":   {"process.command_args", "", `span.attributes["process.command_args"][3]`},
		"t4":   {"x-api-key", "", `span.attributes["headers"][0].value`},
		"t5":   {"password", "", `span.attributes["otlp"].value.stringValue`},
		"t6":   {"list", "", `span.attributes["m"]["a b"].list[0][0]`},
		"1234": {"pin", "", `span.attributes["pin"]`},
		"t7":   {"[X]", "", `span.attributes["[X]"]`},
		"t8":   {"x", "", `span.events[1].attributes["x"]`},
		"t9":   {"vendor", "", `span.trace_state["vendor"]`},

		"secret-key": {"", "", `span.attributes.keys[7]`},
	}
	got := map[string][3]string{}
	New(funcVisitor{text: func(at *Place, text []byte) []byte {
		if _, ok := want[string(text)]; ok {
			got[string(text)] = [3]string{at.Key, at.Prev, at.Field()}
		}
		if string(text) == "secret-key" {
			return []byte("[X]")
		}
		return nil
	}}, Options{}).Traces(td)
	require.Equal(t, want, got)
}

func TestFieldIsBounded(t *testing.T) {
	m := pcommon.NewMap()
	m.PutEmptyMap(strings.Repeat("\xff", 1000)).PutStr(strings.Repeat("a", 1000), "t")
	New(funcVisitor{text: func(at *Place, _ []byte) []byte {
		require.LessOrEqual(t, len(at.Field()), maxField+3)
		return nil
	}}, Options{}).attributes(spanAttributes, m)
}

func TestRenamedKeysKeepPositionAndStayApart(t *testing.T) {
	m := pcommon.NewMap()
	for _, k := range []string{"first", "secret 1", "masked-2", "secret 2", "masked", "last"} {
		m.PutStr(k, "value of "+k)
	}
	New(funcVisitor{text: func(at *Place, text []byte) []byte {
		if at.Name && strings.HasPrefix(string(text), "secret") {
			return []byte("masked")
		}
		return nil
	}}, Options{}).attributes(spanAttributes, m)
	var keys, values []string
	for k, v := range m.All() {
		keys, values = append(keys, k), append(values, v.Str())
	}
	require.Equal(t, []string{"first", "masked-3", "masked-2", "masked-4", "masked", "last"}, keys)
	require.Equal(t, []string{
		"value of first", "value of secret 1", "value of masked-2", "value of secret 2", "value of masked", "value of last",
	}, values)
}

func TestDepth(t *testing.T) {
	const limit = 8
	for _, levels := range []int{limit - 1, limit, 40, 10_000} {
		ld := plog.NewLogs()
		v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
		for i := range levels {
			if i%2 == 0 {
				v = v.SetEmptySlice().AppendEmpty()
			} else {
				v = v.SetEmptyMap().PutEmpty("k")
			}
		}
		v.SetStr("canary-00001")
		tooDeep, reached := 0, 0
		New(funcVisitor{text: func(at *Place, text []byte) []byte {
			if at.TooDeep {
				tooDeep++
				return []byte("[WITHHELD]")
			}
			if _, ok := isCanary(string(text)); ok {
				reached++
			}
			return nil
		}}, Options{Depth: limit}).Logs(ld)
		require.Equal(t, levels < limit, reached == 1, "%d levels: reached", levels)
		require.Equal(t, levels >= limit, tooDeep == 1, "%d levels: withheld", levels)
		json, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		require.Equal(t, levels < limit, strings.Contains(string(json), "canary"), "%d levels: still there", levels)
	}
}

func TestOptionsNarrowTheWalk(t *testing.T) {
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		names, urls := 0, 0
		b.walk(New(funcVisitor{text: func(at *Place, _ []byte) []byte {
			if at.Name {
				names++
			}
			if strings.HasSuffix(at.Spot.String(), "schema_url") {
				urls++
			}
			return nil
		}}, Options{SkipNames: true, SkipSchemaURLs: true}))
		require.Zero(t, names)
		require.Zero(t, urls)
	}
}

// TestSkip: of the units that are skipped no text is visited, of all others
// every one, and Done is called for each.
func TestSkip(t *testing.T) {
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		texts := func(o Options) (all map[Unit]int, done int) {
			all = map[Unit]int{}
			b.walk(New(funcVisitor{
				text: func(at *Place, _ []byte) []byte { all[at.Unit]++; return nil },
				done: func(Level, pcommon.Map) bool { done++; return true },
			}, o))
			return all, done
		}
		want, units := texts(Options{})
		for unit := range want {
			if b.letter == "p" && unit == (Unit{}) {
				continue // texts of the dictionary have no unit, and are called that
			}
			got, done := texts(Options{Skip: func(at *Place) bool { return at.Unit == unit }})
			left := maps.Clone(want)
			delete(left, unit)
			require.Equal(t, left, got, "signal %s, without %s", b.letter, unit)
			require.Equal(t, units, done)
		}
	}
}
