package envelope

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func testCapsule() Capsule {
	enc := make([]byte, encSize)
	for i := range enc {
		enc[i] = byte(i)
	}
	return Capsule{Key: KeyID{1, 2, 3, 4, 5, 6, 7, 8}, Enc: enc}
}

func testHeader() Header {
	return Header{Part: Restore, Index: 1, Count: 3, Salt: [16]byte{4}, Commitment: [32]byte{5}}
}

func TestIDs(t *testing.T) {
	id := ID{0xab, 15: 0xcd}
	if got := id.String(); got != "ab0000000000000000000000000000cd" {
		t.Errorf("id is %s", got)
	}
	if back, err := ParseID(id.String()); err != nil || back != id {
		t.Errorf("%v came back as %v: %v", id, back, err)
	}
	for _, bad := range []string{"", "ab", strings.Repeat("g", 32), strings.Repeat("a", 33), strings.Repeat("a", 31)} {
		if back, err := ParseID(bad); err == nil || back != (ID{}) {
			t.Errorf("%d characters taken", len(bad))
		}
	}
	if got := (KeyID{0xab, 7: 0xcd}).String(); got != "ab000000000000cd" {
		t.Errorf("key id is %s", got)
	}
}

func TestParts(t *testing.T) {
	for part, want := range map[Part]string{View: "view", Restore: "restore", Patch: "patch", 0: "part 0", 9: "part 9"} {
		if part.String() != want {
			t.Errorf("part %d is called %v", uint8(part), part)
		}
	}
}

// TestContexts: bindings that differ in anything have other contexts, also
// where one field's bytes could be another one's.
func TestContexts(t *testing.T) {
	base := Binding{Part: View, Signal: "traces", Item: ID{1}, Trace: [16]byte{2}, Policy: "ab"}
	bindings := map[string]Binding{"base": base}
	vary := func(name string, f func(b *Binding)) {
		b := base
		f(&b)
		bindings[name] = b
	}
	vary("restore", func(b *Binding) { b.Part = Restore })
	vary("patch", func(b *Binding) { b.Part, b.Item = Patch, ID{} })
	vary("patch with span", func(b *Binding) { b.Part, b.Item, b.Span = Patch, ID{}, [8]byte{1} })
	vary("logs", func(b *Binding) { b.Signal = "logs" })
	vary("metrics", func(b *Binding) { b.Signal = "metrics" })
	vary("item", func(b *Binding) { b.Item[15] = 1 })
	vary("trace", func(b *Binding) { b.Trace[15] = 1 })
	vary("item and trace exchanged", func(b *Binding) { b.Item, b.Trace = ID(b.Trace), [16]byte(b.Item) })
	vary("no trace", func(b *Binding) { b.Trace = [16]byte{} })
	vary("policy", func(b *Binding) { b.Policy = "abc" })
	vary("shorter policy", func(b *Binding) { b.Policy = "a" })
	vary("no policy", func(b *Binding) { b.Policy = "" })
	seen := map[[32]byte]string{}
	for name, b := range bindings {
		for _, key := range []KeyID{{}, {1}} {
			c, err := b.Context(key)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if other, is := seen[c]; is {
				t.Errorf("%s and %s have the same context", name, other)
			}
			seen[c] = name
			if again, _ := b.Context(key); again != c {
				t.Errorf("%s: another context the second time", name)
			}
		}
	}
}

// TestNonces: one for each number and whether it is the last.
func TestNonces(t *testing.T) {
	seen := map[string]string{}
	for _, count := range []uint32{1, 2, 300, 1 << 20} {
		for _, i := range []uint32{0, 1, 255, 256, count - 1} {
			if i >= count {
				continue
			}
			nonce := string(Header{Index: i, Count: count}.Nonce())
			what := fmt.Sprintf("%d, last: %v", i, i == count-1)
			if other, is := seen[nonce]; is && other != what || len(nonce) != 12 {
				t.Errorf("%s: the nonce of %s", what, other)
			}
			seen[nonce] = what
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different nonces", len(seen))
	}
}

// TestPadded: never shorter, at most 12 % longer, a fixed point of itself, and
// never shrinking.
func TestPadded(t *testing.T) {
	last := 0
	for n := range 1 << 21 {
		p := padded(n)
		if p < n || p < minPadded || n > minPadded && float64(p-n) > 0.12*float64(n) || padded(p) != p || p < last {
			t.Fatalf("%d bytes are padded to %d", n, p)
		}
		last = p
	}
}

func TestHeaderRefused(t *testing.T) {
	good := append(testHeader().Append(nil), make([]byte, 20)...)
	var h Header
	if sealed, err := h.Parse(good); err != nil || len(sealed) != 20 || h != testHeader() {
		t.Fatalf("%d bytes, error %v", len(sealed), err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"no piece":       func(b []byte) []byte { return b[:headerSize+tagSize] },
		"too long":       func(b []byte) []byte { return append(b, make([]byte, Piece)...) },
		"version":        func(b []byte) []byte { b[3] = 2; return b },
		"magic":          func(b []byte) []byte { b[2] = 'k'; return b },
		"part 0":         func(b []byte) []byte { b[4] = 0; return b },
		"part 4":         func(b []byte) []byte { b[4] = 4; return b },
		"number = count": func(b []byte) []byte { b[8] = 3; return b },
		"no chunks":      func(b []byte) []byte { b[12] = 0; return b },
	} {
		if _, err := h.Parse(change(bytes.Clone(good))); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestFrameSaysTooMuch: lengths that no body can have are refused before
// anybody makes room for them.
func TestFrameSaysTooMuch(t *testing.T) {
	var f Frame
	for _, test := range []struct {
		name string
		make Frame
		ok   bool
	}{
		{"zstd, as much as can be", Frame{Zstd: true, Plain: 11*maxRatio - 1, Body: make([]byte, 10)}, true},
		{"zstd, more", Frame{Zstd: true, Plain: 11 * maxRatio, Body: make([]byte, 10)}, false},
		{"zstd, all there is", Frame{Zstd: true, Plain: 1<<64 - 1, Body: make([]byte, 10)}, false},
		{"stored", Frame{Plain: 10, Body: make([]byte, 10)}, true},
		{"stored, more", Frame{Plain: 11, Body: make([]byte, 10)}, false},
		{"stored, less", Frame{Plain: 9, Body: make([]byte, 10)}, false},
	} {
		if err := f.Parse(test.make.Encode()); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzPacked: what is taken encodes to the same bytes.
func FuzzPacked(f *testing.F) {
	c := testCapsule()
	good := c.AppendPacked(nil, [][]byte{make([]byte, minChunk), make([]byte, 200), make([]byte, 100)})
	if chunks, err := c.ParsePacked(good); err != nil || len(chunks) != 3 {
		f.Fatalf("the seed is refused: %v", err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(c.AppendPacked(nil, nil))
	f.Add(append(c.Append(nil), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	f.Add(append(c.Append(nil), 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Capsule
		chunks, err := c.ParsePacked(b)
		if err == nil && !bytes.Equal(c.AppendPacked(nil, chunks), b) {
			t.Error("encodes to other bytes")
		}
	})
}

// FuzzHeader: what is taken encodes to the same bytes.
func FuzzHeader(f *testing.F) {
	good := append(testHeader().Append(nil), make([]byte, 20)...)
	f.Add(good)
	f.Add(good[:headerSize+tagSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		sealed, err := h.Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(append(h.Append(nil), sealed...), b) {
			t.Error("encodes to other bytes")
		}
		if h.Index >= h.Count || h.Part.Exporter() == "" || len(sealed) == 0 {
			t.Error("a header that none can have")
		}
	})
}

// FuzzFrame: what is taken encodes to the same bytes, and says a length that
// its body can have.
func FuzzFrame(f *testing.F) {
	f.Add(Frame{}.Encode())
	f.Add(Frame{Zstd: true, Plain: 5000, Body: make([]byte, 2000)}.Encode())
	f.Add(Frame{Plain: 3, Body: []byte("abc")}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		var fr Frame
		if err := fr.Parse(b); err != nil {
			return
		}
		if !bytes.Equal(fr.Encode(), b) {
			t.Error("encodes to other bytes")
		}
		if fr.Plain > uint64(len(b))*maxRatio {
			t.Error("a length that its body cannot have")
		}
	})
}
