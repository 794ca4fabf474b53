package conformance

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// TestLinesAreCanonical: every line of a log is what RFC 8785 makes of it.
func TestLinesAreCanonical(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(200)
	r, err := read.Open(l.dir)
	require.NoError(t, err)
	n := 0
	for it, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		want, err := jcs.Transform(it.Line)
		require.NoError(t, err)
		require.Equal(t, string(want), string(it.Line))
		n++
	}
	require.Equal(t, 200, n)
	for _, e := range readVectors(t).Entries {
		want, err := jcs.Transform([]byte(e.Line))
		require.NoError(t, err)
		require.Equal(t, string(want), e.Line)
	}
}

// TestNotCanonical: lines that another writer may write of the same are refused.
func TestNotCanonical(t *testing.T) {
	v := readVectors(t)
	for _, e := range v.Entries {
		var x any
		d := json.NewDecoder(strings.NewReader(e.Line))
		d.UseNumber()
		require.NoError(t, d.Decode(&x))
		b, err := json.MarshalIndent(x, "", " ")
		require.NoError(t, err)
		_, err = entry.Parse(b)
		require.Error(t, err)
		back, err := jcs.Transform(b)
		require.NoError(t, err)
		_, err = entry.Parse(back)
		require.NoError(t, err, "and taken when another has brought them into their form")
	}
}

// value makes a value that an attribute may have.
func value(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n == 0 && depth < 5:
		a := make([]any, r.IntN(4))
		for i := range a {
			a[i] = value(r, depth+1)
		}
		return a
	case n <= 2 && depth < 5:
		m := map[string]any{}
		for range r.IntN(5) {
			m[name(r)] = value(r, depth+1)
		}
		return m
	case n == 3:
		return r.IntN(2) == 0
	case n == 4:
		return r.Int64N(1<<54-1) - (1<<53 - 1)
	}
	var s strings.Builder
	for range r.IntN(12) {
		c := rune(r.IntN(1 << (1 + r.IntN(21))))
		if c > 0x10ffff || c >= 0xd800 && c < 0xe000 {
			c = '"'
		}
		s.WriteRune(c)
	}
	return s.String()
}

func name(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_."
	b := make([]byte, 1+r.IntN(4))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// TestCanonicalValues: what we write of a value is what another makes of
// another writer's JSON.
func TestCanonicalValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := value(r, 0)
		got, err := entry.Canonical(v)
		require.NoError(t, err)
		other, err := json.Marshal(v)
		require.NoError(t, err)
		want, err := jcs.Transform(other)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

// FuzzObject: nothing is read that RFC 8785 would write otherwise.
func FuzzObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"a":-0}`, `{"a":1e3}`, `{"a":1.0}`, `{"a":"\u0041"}`, `{"a":"\/"}`, `{"b":1,"a":2}`, `{"a":1,"a":1}`,
		`{"a":9007199254740992}`, `{"a":"\u001F"}`, `{"a":"\u001f"}`, `{"a":"\ud83d\ude00"}`, `{"a":[true,false,{"x":""}]}`, `{"a":null}`, ` {}`, "{}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := entry.ParseObject(b); err != nil {
			return
		}
		if want, err := jcs.Transform(b); err != nil || !bytes.Equal(want, b) {
			t.Errorf("%q is read, and is not canonical: %q, %v", b, want, err)
		}
	})
}
