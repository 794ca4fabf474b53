package ledger

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func fill[T [16]byte | [8]byte | envelope.ID](b byte) (v T) {
	for i := range len(v) {
		v[i] = b
	}
	return v
}

// TestVector compares what is written with docs/format/decisions.md.
func TestVector(t *testing.T) {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	r := Record{
		Nonce: fill[[16]byte](0x11), Item: fill[envelope.ID](0x22), Trace: fill[[16]byte](0x33), Kind: Approve, Expect: 3, At: t0,
		By: "issuer ann", Reason: "agreed", Mode: release.ModeOriginal, Required: 2,
		Owner: Owner{Process: fill[[8]byte](0x44), Instance: fill[[8]byte](0x55)},
	}
	entry := r.Encode(key)
	doc, err := os.ReadFile("../../../../docs/format/decisions.md")
	require.NoError(t, err)
	_, vector, found := strings.Cut(string(doc), "```\n")
	require.True(t, found)
	vector, _, found = strings.Cut(vector, "```")
	require.True(t, found)
	want, err := hex.DecodeString(strings.Join(strings.Fields(vector), ""))
	require.NoError(t, err, "%x", entry.Data)
	require.True(t, bytes.Equal(want, entry.Data), "%x", entry.Data)
	got, err := Decode(key, entry)
	require.NoError(t, err)
	require.Equal(t, &r, got)
}

func TestForged(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	r := deny("a")
	r.Item, r.Expect, r.At = envelope.ID{1}, 1, t0
	good := r.Encode(testKey)
	for name, change := range map[string]func(*holdstore.Record){
		"another key":        func(e *holdstore.Record) { *e = r.Encode([]byte("not the key")) },
		"another item":       func(e *holdstore.Record) { e.Item[0]++ },
		"another trace":      func(e *holdstore.Record) { e.Trace[0]++ },
		"a changed byte":     func(e *holdstore.Record) { e.Data = append([]byte{}, e.Data...); e.Data[1] = byte(Approve) },
		"cut":                func(e *holdstore.Record) { e.Data = e.Data[:len(e.Data)-1] },
		"nothing":            func(e *holdstore.Record) { e.Data = nil },
		"a kind of tomorrow": func(e *holdstore.Record) { r := r; r.Kind = 9; *e = r.Encode(testKey) },
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			change(&e)
			out := w.event(holdstore.Event{Record: &e})
			require.True(t, out.Invalid)
			require.Nil(t, out.Record)
			require.Equal(t, gate.Pending, w.state(1))
		})
	}
	require.True(t, w.event(holdstore.Event{Record: &good}).Applied)
	require.Equal(t, whyDecided, w.event(holdstore.Event{Record: &good}).Why, "copied")
	w.at = 0
	require.Equal(t, Outcome{Item: envelope.ID{1}}, w.event(holdstore.Event{Record: &good}), "told again")
}
