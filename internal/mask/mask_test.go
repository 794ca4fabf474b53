package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// fake is an engine that finds words. It is deliberately dull about masks: it
// looks into them as into any text.
type fake struct{}

var (
	word   = regexp.MustCompile(`SECRET[a-z0-9_]*`)
	pinned = regexp.MustCompile(`pin[\\":\[\s]*([0-9, ]*[0-9])`)
	number = regexp.MustCompile(`[0-9]+`)
	gap    = regexp.MustCompile(`UNREADABLE[a-z]*`)
	keyed  = regexp.MustCompile(`^[^\s]+$`)
)

func (fake) Rules() []rules.Info {
	return []rules.Info{{ID: "word", Severity: pack.High}, {ID: "pin", Severity: pack.Medium}, {ID: "by-key", Severity: pack.Low}}
}

func (fake) Scan(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding {
	if bytes.Contains(text, []byte("PANIC")) {
		panic(string(text))
	}
	if bytes.Contains(text, []byte("NONSENSE")) {
		return append(dst, rules.Finding{Start: 3, End: len(text) + 1})
	}
	if ctx.Key == "password" && keyed.Match(text) {
		return append(dst, rules.Finding{End: len(text), Rule: 2, Severity: pack.Low, Evidence: rules.ByKey, Digest: ctx.Digest(text)})
	}
	for _, r := range word.FindAllIndex(text, -1) {
		dst = append(dst, rules.Finding{Start: r[0], End: r[1], Severity: pack.High, Digest: ctx.Digest(text[r[0]:r[1]])})
	}
	for _, r := range pinned.FindAllSubmatchIndex(text, -1) {
		for _, n := range number.FindAllIndex(text[r[2]:r[3]], -1) {
			start, end := r[2]+n[0], r[2]+n[1]
			dst = append(dst, rules.Finding{
				Start: start, End: end, Rule: 1, Severity: pack.Medium,
				Evidence: rules.Bare, Quote: quoteLevel(text[:start]), Digest: ctx.Digest(text[start:end]),
			})
		}
	}
	for _, r := range gap.FindAllIndex(text, -1) {
		dst = append(dst, rules.Finding{Start: r[0], End: r[1], Withheld: rules.Depth})
	}
	return dst
}

// quoteLevel counts the backslashes of the last quote before a number.
func quoteLevel(before []byte) uint16 {
	q := bytes.LastIndexByte(before, '"')
	n := uint16(0)
	for q > 0 && before[q-1] == '\\' {
		n, q = n+1, q-1
	}
	return n
}

func (fake) ScanNumber(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding {
	if ctx.Key != "pin" {
		return dst
	}
	return append(dst, rules.Finding{End: len(text), Rule: 1, Severity: pack.Medium, Evidence: rules.Bare, Digest: ctx.Digest(text)})
}

var testKey = []byte("0123456789abcdef")

func masker(t testing.TB, o Options) *Masker {
	t.Helper()
	o.Engine, o.Key = fake{}, testKey
	m, err := New(o)
	require.NoError(t, err)
	return m
}

// maskText masks until nothing changes and checks that this is at once.
func maskText(t testing.TB, m *Masker, text string, at Where) (string, []Hit) {
	t.Helper()
	out, hits := m.Text(nil, []byte(text), &at)
	if out == nil {
		return text, hits
	}
	again, more := m.Text(nil, out, &at)
	require.Empty(t, string(again), "masking twice changed something")
	for _, h := range more {
		require.Equal(t, Pass, h.Action, "masking twice found something")
	}
	return string(out), hits
}

func TestStyles(t *testing.T) {
	label := "[MASKED:word:87aa9056]"
	for _, c := range []struct {
		name      string
		style     Style
		in, want  string
		nameStays bool
	}{
		{"label", Style{}, "a SECRETx b", "a " + label + " b", true},
		{"label is the default", Style{Kind: "label"}, "a SECRETx b", "a " + label + " b", true},
		{"hash", Style{Kind: "hash"}, "a SECRETx b", "a [MASKED:word:87aa9056d2b5b2a6] b", true},
		{"fixed", Style{Kind: "fixed", Text: "no SECRET here"}, "a SECRETx b", "a no SECRET here b", false},
		{"remove", Style{Kind: "remove"}, "a SECRETx b", "a  b", false},
		{"remove all", Style{Kind: "remove"}, "SECRETx", "", false},
		{"partial", Style{Kind: "partial", First: 1, Last: 1}, "a SECRETx b", "a S" + label + "x b", false},
		{"partial reveals a third at most", Style{Kind: "partial", First: 5, Last: 5}, "a SECRETx b", "a S" + label + "x b", false},
		{"same secret, same mask", Style{}, "SECRETx=SECRETx", label + "=" + label, true},
		{"unreadable", Style{Kind: "remove"}, "a UNREADABLE b", "a [WITHHELD:depth:d4e44fbf] b", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := masker(t, Options{Style: c.style})
			got, _ := maskText(t, m, c.in, Where{})
			require.Equal(t, c.want, got)
			got, _ = maskText(t, m, c.in, Where{Name: true})
			if c.nameStays {
				require.Equal(t, c.want, got)
			} else {
				require.Contains(t, got, label, "a key is masked by a label")
			}
		})
	}
}

func TestPartialRevealsNothingEncoded(t *testing.T) {
	s := Style{Kind: "partial", First: 4, Last: 4}
	for _, c := range []struct {
		secret   string
		evidence rules.Evidence
		want     int
	}{
		{strings.Repeat("a", 30), 0, 8},
		{strings.Repeat("a", 12), 0, 4},
		{"ab", 0, 0},
		{strings.Repeat("a", 30), rules.Decoded, 0},
		{strings.Repeat("1", 30), rules.Bare, 0},
		{strings.Repeat("a", 26) + `\u00e4`, 0, 0},
		{strings.Repeat("a", 26) + "%20", 0, 0},
		{strings.Repeat("a", 26) + "ä", 0, 0},
	} {
		first, last := s.reveal([]byte(c.secret), c.evidence)
		require.Equal(t, c.want, first+last, "%d bytes, evidence %d", len(c.secret), c.evidence)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		style Style
		want  string
	}{
		{"unknown", Style{Kind: "blur"}, `style "blur" is none of`},
		{"fixed without text", Style{Kind: "fixed"}, "text has 0 bytes"},
		{"text without fixed", Style{Text: "***"}, "text is for style fixed only"},
		{"quote", Style{Kind: "fixed", Text: `a"b`}, "byte 1 is not"},
		{"control", Style{Kind: "fixed", Text: "ab\n"}, "must not begin or end"},
		{"control inside", Style{Kind: "fixed", Text: "a\tb"}, "byte 1 is not"},
		{"not ASCII", Style{Kind: "fixed", Text: "secrét"}, "byte 4 is not"},
		{"negative", Style{Kind: "partial", First: -1}, "must not be negative"},
		{"partial of nothing", Style{Kind: "partial"}, "needs first or last"},
		{"first without partial", Style{First: 1}, "for style partial only"},
	} {
		t.Run(c.name, func(t *testing.T) { require.ErrorContains(t, c.style.Validate(), c.want) })
	}
	for i := range len(unsafe) {
		require.Error(t, Style{Kind: "fixed", Text: "ab" + unsafe[i:i+1]}.Validate())
	}
}

func TestNewReportsEverything(t *testing.T) {
	_, err := New(Options{Style: Style{Kind: "blur"}, Policy: []Entry{
		{Action: Mask},
		{Action: Mask, Distinct: 2},
		{Action: 9, Style: &Style{First: 1}},
		{Action: Drop, Distinct: -1},
		{Action: Drop, Distinct: 2, Style: &Style{}},
		{Action: Pass},
	}})
	for _, want := range []string{
		"no engine", "key for fingerprints has 0 bytes", "style:", "policy[1]: a number of distinct secrets is for",
		"policy[2]: there is no action 9", "first and last are for style partial only",
		"policy[3]: a number of distinct secrets", "policy[4]: a number of distinct secrets",
		"policy[5]: action pass must stand before all numbers of distinct secrets",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(Options{Policy: slices.Repeat([]Entry{{Action: Drop, Distinct: 2}}, maxLate+1)})
	require.ErrorContains(t, err, "policy: 33 entries have a number of distinct secrets, 32 may")
}

// TestBareScalars: JSON stays JSON at every depth of strings in strings, in
// every style of a mask.
func TestBareScalars(t *testing.T) {
	nested := func(doc string, levels int) string {
		for range levels {
			b, err := json.Marshal(map[string]string{"in": doc})
			require.NoError(t, err)
			doc = string(b)
		}
		return doc
	}
	for _, doc := range []string{
		`{"pin":1234}`, `{"pin" : 1234, "b":2}`, `{"a":{"pin":1234},"x":"y"}`, `{"pin":[1234,99, 5]}`,
		"{\n  \"pin\": 1234\n}", `{"a":"\"","pin":1234}`, `{"a":[1,{"pin":[ 1, 2 ]}]}`,
	} {
		for levels := range 4 {
			for _, style := range []Style{{}, {Kind: "remove"}, {Kind: "hash"}, {Kind: "fixed", Text: "***"}, {Kind: "partial", First: 3}} {
				in := nested(doc, levels)
				out, hits := maskText(t, masker(t, Options{Style: style}), in, Where{})
				require.NotEmpty(t, hits)
				got := out
				for level := 0; level <= levels; level++ {
					var v map[string]any
					require.NoError(t, json.Unmarshal([]byte(got), &v), "%s at level %d of %d: %s", doc, level, levels, out)
					if level < levels {
						got = v["in"].(string)
					}
				}
				require.NotContains(t, got, "1234")
			}
		}
	}
}

func TestLongArrayKeepsItsQuotes(t *testing.T) {
	doc := `{"in":"{\"pin\":[1` + strings.Repeat(",1", 20_000) + `]}"}`
	out, hits := maskText(t, masker(t, Options{}), doc, Where{})
	require.Len(t, hits, 20_001)
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.True(t, json.Valid([]byte(v["in"])))
}

func TestNumber(t *testing.T) {
	m := masker(t, Options{})
	got, hits := maskText(t, m, "1234", Where{Key: "pin", Number: true})
	require.Equal(t, "[MASKED:pin:"+hits[0].Fingerprint+"]", got, "the value becomes a string of its own, without quotes")
	got, hits = maskText(t, m, "1234", Where{Key: "port", Number: true})
	require.Equal(t, "1234", got)
	require.Empty(t, hits)
}

func TestFailClosed(t *testing.T) {
	m := masker(t, Options{MaxBytes: 1000})
	for _, c := range []struct {
		name, in, rule string
		withheld       rules.Reason
	}{
		{"panic", "a PANIC b", "withheld-panic", rules.Panic},
		{"nonsense offsets", "a NONSENSE b", "withheld-panic", rules.Panic},
		{"too long", strings.Repeat("x", 1001), "withheld-size", rules.Size},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, hits := maskText(t, m, c.in, Where{Field: func() string { return "here" }})
			require.Regexp(t, `^\[WITHHELD:`+c.withheld.String()+`:[0-9a-f]{8}\]$`, out)
			require.Len(t, hits, 1)
			require.Equal(t, []any{c.rule, c.withheld, "here", Mask}, []any{hits[0].RuleID, hits[0].Withheld, hits[0].Field, hits[0].Action})
			other, _ := maskText(t, m, c.in+"x", Where{})
			require.NotEqual(t, out, other, "two texts that are withheld must not collide")
		})
	}
}

func TestPassDoesNotReleaseWhatWasNotScanned(t *testing.T) {
	m := masker(t, Options{Policy: []Entry{{Action: Pass}}})
	out, hits := maskText(t, m, "SECRETx UNREADABLE", Where{})
	require.Regexp(t, `^SECRETx \[WITHHELD:depth:[0-9a-f]{8}\]$`, out)
	require.Equal(t, Pass, hits[0].Action)
	require.Equal(t, Mask, hits[1].Action)
}

// TestForgedMasks: only what a masker could have written is left alone.
func TestForgedMasks(t *testing.T) {
	m := masker(t, Options{})
	for _, in := range []string{
		"[MASKED:SECRETx:87aa9056]", "[MASKED:word:SECRETx]", "[MASKED:word:87aa9056SECRETx]",
		"[MASKED:word:87aa9056]SECRETx", "[WITHHELD:SECRETx]", "[MASKED:SECRETx]", "[MASKED:word:87aa9056 SECRETx",
	} {
		out, _ := maskText(t, m, in, Where{})
		require.NotContains(t, out, "SECRETx", "%s", in)
	}
	for _, in := range []string{"[MASKED:word:87aa9056]", "[MASKED:by-key:87aa9056d2b5b2a6]", "[WITHHELD:size:87aa9056]"} {
		out, hits := m.Text(nil, []byte(in), &Where{Key: "password"})
		require.Nil(t, out)
		require.Empty(t, hits)
	}
	out, _ := m.Text(nil, []byte("[MASKED:word:87aa9056]hunter2"), &Where{Key: "password"})
	require.NotContains(t, string(out), "hunter2")
}

func TestContextHasNoMasks(t *testing.T) {
	require.Equal(t, "x-  key", withoutMasks("x- [MASKED:api:00] key"))
	require.Equal(t, "", withoutMasks("[WITHHELD:size:00][MASKED:api"))
	m := masker(t, Options{})
	out, _ := m.Text(nil, []byte("hunter2"), &Where{Key: "pass[MASKED:by-key:87aa9056]word"})
	require.NotNil(t, out)
}

func TestCleanTextCostsNothing(t *testing.T) {
	m := masker(t, Options{MaxBytes: 1000})
	m.engine = silent{}
	text := []byte("an ordinary value")
	where := Where{Key: "k", Prev: "p", Field: func() string { panic("asked for the field of a clean text") }}
	require.Zero(t, testing.AllocsPerRun(100, func() { m.Text(nil, text, &where) }))
}

// silent finds nothing and, unlike the fake's regular expressions, allocates nothing.
type silent struct{ fake }

func (silent) Scan(dst []rules.Finding, _ []byte, _ rules.Context) []rules.Finding { return dst }

// FuzzMask: masking never panics, leaves no finding, changes nothing the
// second time, and nothing outside the findings.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"", "a SECRETx b", "SECRETSECRET", `{"pin":1}`, `{"in":"{\"pin\":[1,22]}"}`, "UNREADABLESECRETx", "[MASKED:word:00000000]", "\xff\x00SECRET\xff"} {
		for style := range uint8(5) {
			f.Add(s, style)
		}
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		if strings.Contains(text, "PANIC") || strings.Contains(text, "NONSENSE") {
			return
		}
		styles := []Style{{}, {Kind: "hash"}, {Kind: "partial", First: 2, Last: 2}, {Kind: "fixed", Text: "#####"}, {Kind: "label"}}
		m := masker(t, Options{Style: styles[int(n)%len(styles)]})
		out, hits := m.Text(nil, []byte(text), &Where{})
		if out == nil {
			out = []byte(text)
		}
		if word.Match(out) && !bytes.Contains(out, []byte("[MASKED:")) {
			t.Fatalf("a secret is left")
		}
		bare := slices.ContainsFunc(hits, func(h Hit) bool { return h.Evidence&rules.Bare != 0 })
		if !bare && json.Valid([]byte(text)) && !json.Valid(out) { // the fake calls bare what is not
			t.Fatalf("valid JSON became invalid")
		}
		again, _ := m.Text(nil, out, &Where{})
		if again != nil {
			t.Fatalf("masking twice changed something")
		}
		var want []byte
		pos := 0
		for _, h := range hits {
			want = append(want, text[pos:h.Start]...)
			quote := ""
			if h.Evidence&rules.Bare != 0 {
				quote = strings.Repeat(`\`, int(h.Quote)) + `"`
			}
			want = append(want, quote...)
			want = m.style.append(want, []byte(text[h.Start:h.End]), h, false)
			want = append(want, quote...)
			pos = h.End
		}
		if string(append(want, text[pos:]...)) != string(out) {
			t.Fatalf("bytes outside the %d findings changed", len(hits))
		}
	})
}

func Example() {
	m, err := New(Options{Engine: fake{}, Key: []byte("a key of 16 byte")})
	if err != nil {
		panic(err)
	}
	out, hits := m.Text(nil, []byte("token SECRETx"), &Where{})
	fmt.Println(string(out), len(hits))
	// Output: token [MASKED:word:581089a4] 1
}
