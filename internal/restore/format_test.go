package restore

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/walk"
)

func example() []byte {
	p := Patch{Digests: []uint64{3, 1, 3}, Edits: []walk.Edit{
		{Spot: spots["span.events[].attributes"], Index: [2]int{300}, Steps: []int{1, 2, 70000}, Kind: walk.InKey, Offset: 4, Length: 900, Original: "a\xffb", Sum: 1 << 31},
		{Spot: spots["log.body"], Kind: walk.WasInt, Length: 3, Original: "12345678"},
	}}
	return p.Marshal()
}

func exampleList() []byte {
	return MarshalList([]Sealed{
		{Unit: walk.Unit{}, Blob: []byte("a")},
		{Unit: walk.Unit{Level: walk.Scope}, Blob: []byte("b")},
		{Unit: walk.Unit{Level: walk.Metric}, Blob: nil},
		{Unit: walk.Unit{Level: walk.Item}, Blob: []byte("c")},
		{Unit: walk.Unit{Level: walk.Item, Item: 1}, Blob: []byte("d")},
		{Unit: walk.Unit{Level: walk.Metric, Metric: 1}, Blob: []byte("e")},
		{Unit: walk.Unit{Level: walk.Item, Scope: 1}, Blob: []byte("f")},
		{Unit: walk.Unit{Resource: 1}, Blob: []byte("g")},
	})
}

// FuzzPatch: what is read is written the same way, so there is one form.
func FuzzPatch(f *testing.F) {
	f.Add(example())
	f.Add((&Patch{}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Unmarshal(b)
		if err == nil && !bytes.Equal(b, p.Marshal()) {
			t.Fatal("two forms of one patch")
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add(exampleList())
	f.Add(MarshalList(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := UnmarshalList(b)
		if err == nil && !bytes.Equal(b, MarshalList(list)) {
			t.Fatal("two forms of one list")
		}
	})
}

// TestBounds: whatever is cut off, added or too large is refused, without
// memory for what is only announced.
func TestBounds(t *testing.T) {
	for name, b := range map[string][]byte{"patch": example(), "list": exampleList()} {
		read := func(b []byte) error { _, err := Unmarshal(b); return err }
		if name == "list" {
			read = func(b []byte) error { _, err := UnmarshalList(b); return err }
		}
		require.NoError(t, read(b), name)
		for n := range b {
			require.Error(t, read(b[:n]), "%s cut off at %d", name, n)
		}
		require.ErrorIs(t, read(append(bytes.Clone(b), 0)), errLong, name)
		require.ErrorIs(t, read(append([]byte{2}, b[1:]...)), errVersion, name)
		huge := []byte{version, 0x80, 0x80, 0x80, 0x80, 0x04} // 2^30 entries
		require.ErrorIs(t, read(huge), errShort, name)
		require.ErrorIs(t, read([]byte{version, 0x80, 0x80, 0x80, 0x80, 0x08}), errNumber, name)
		require.ErrorIs(t, read([]byte{version, 0x80, 0x00}), errNumber, name)
		require.ErrorIs(t, read(bytes.Repeat([]byte{0xff}, 20)), errVersion, name)
	}
	for name, c := range map[string]struct {
		list []Sealed
		want error
	}{
		"twice":              {[]Sealed{{}, {}}, errOrder},
		"backwards":          {[]Sealed{{Unit: walk.Unit{Resource: 1}}, {}}, errOrder},
		"scope after item":   {[]Sealed{{Unit: walk.Unit{Level: walk.Item}}, {Unit: walk.Unit{Level: walk.Scope}}}, errOrder},
		"resource in scope":  {[]Sealed{{Unit: walk.Unit{Scope: 1}}}, errPosition},
		"no such level":      {[]Sealed{{Unit: walk.Unit{Level: 4}}}, errPosition},
		"metric with a item": {[]Sealed{{Unit: walk.Unit{Level: walk.Metric, Item: 1}}}, errPosition},
	} {
		_, err := UnmarshalList(MarshalList(c.list))
		require.ErrorIs(t, err, c.want, name)
	}
	for name, c := range map[string]struct {
		edit walk.Edit
		want error
	}{
		"kind 0":         {walk.Edit{}, errKind},
		"kind 7":         {walk.Edit{Kind: 7}, errKind},
		"too many steps": {walk.Edit{Kind: 1, Steps: make([]int, maxSteps+1)}, errShort},
		"huge step":      {walk.Edit{Kind: 1, Steps: []int{maxIndex + 1}}, errNumber},
	} {
		p := Patch{Edits: []walk.Edit{c.edit}}
		_, err := Unmarshal(p.Marshal())
		require.ErrorIs(t, err, c.want, name)
	}
	unknown := bytes.Replace(example(), []byte("log.body"), []byte("log.bodi"), 1)
	_, err := Unmarshal(unknown)
	require.ErrorIs(t, err, errSpot)
}
