package unseal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

// pair makes keys and both ends of them.
func pair(t testing.TB) (keyfiles.Dirs, *seal.Sealer, *unseal.Keyring) {
	t.Helper()
	d := keyfiles.In(t.TempDir())
	if _, err := d.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	return d, sealer(t, d), keyring(t, d)
}

func sealer(t testing.TB, d keyfiles.Dirs) *seal.Sealer {
	t.Helper()
	s, err := seal.New(d.Public)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyring(t testing.TB, d keyfiles.Dirs) *unseal.Keyring {
	t.Helper()
	k, err := unseal.New(d.Private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sealed is something sealed.
type sealed struct {
	capsule envelope.Capsule
	closer  *seal.Closer
	binding envelope.Binding
	chunks  [][]byte
}

func closed(t testing.TB, s *seal.Sealer, b envelope.Binding, plain []byte) sealed {
	t.Helper()
	c, closer, err := s.Capsule()
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := closer.Close(b, plain)
	if err != nil {
		t.Fatal(err)
	}
	return sealed{c, closer, b, chunks}
}

var (
	view  = envelope.Binding{Part: envelope.View, Signal: "traces", Item: envelope.ID{1}, Trace: [16]byte{2}, Policy: "p"}
	patch = envelope.Binding{Part: envelope.Patch, Signal: "traces", Trace: [16]byte{2}, Span: [8]byte{3}, Policy: "p"}
)

// text is n bytes in which no two chunks are alike. It does not compress.
func text(n int) []byte {
	out := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte(x)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	_, s, k := pair(t)
	for _, n := range []int{0, 1, 1000, envelope.Piece - 17, envelope.Piece, 3 * envelope.Piece, 50 << 20} {
		for name, plain := range map[string][]byte{"random": text(n), "zeros": make([]byte, n)} {
			for _, b := range []envelope.Binding{view, patch} {
				it := closed(t, s, b, plain)
				got, err := k.Open(it.capsule, b, it.chunks)
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d bytes, %s, %v: not what was sealed: %v", n, name, b.Part, err)
				}
				packed, err := it.closer.Packed(b, plain)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := k.OpenPacked(b, packed); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d bytes, %s, %v: not what was packed: %v", n, name, b.Part, err)
				}
			}
		}
	}
}

// refused wants an error of damage and nothing else, and no bytes of what was sealed.
func refused(t *testing.T, what string, got []byte, err error) {
	t.Helper()
	if !errors.Is(err, unseal.ErrDamaged) || got != nil {
		t.Errorf("%s: %d bytes, error %v", what, len(got), err)
	}
}

func TestWrongPlace(t *testing.T) {
	_, s, k := pair(t)
	restore := view
	restore.Part = envelope.Restore
	for _, good := range []envelope.Binding{view, restore, patch} {
		it := closed(t, s, good, text(100))
		if _, err := k.Open(it.capsule, good, it.chunks); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(b *envelope.Binding){
			"signal": func(b *envelope.Binding) { b.Signal = "logs" },
			"trace":  func(b *envelope.Binding) { b.Trace[15] ^= 1 },
			"policy": func(b *envelope.Binding) { b.Policy += "x" },
			"no policy": func(b *envelope.Binding) {
				b.Policy = ""
			},
			"item": func(b *envelope.Binding) {
				if b.Part == envelope.Patch {
					b.Span[7] ^= 1
				} else {
					b.Item[15] ^= 1
				}
			},
			"part": func(b *envelope.Binding) {
				switch b.Part {
				case envelope.View:
					b.Part = envelope.Restore
				case envelope.Restore:
					b.Part = envelope.View
				default:
					b.Part, b.Item, b.Span = envelope.View, envelope.ID{1}, [8]byte{}
				}
			},
		} {
			b := good
			change(&b)
			got, err := k.Open(it.capsule, b, it.chunks)
			refused(t, good.Part.String()+" with another "+name, got, err)
		}
	}
}

// TestImpossiblePlace: a binding that nothing can have is a mistake of the caller.
func TestImpossiblePlace(t *testing.T) {
	_, s, k := pair(t)
	it := closed(t, s, view, nil)
	b := view
	b.Item = envelope.ID{}
	if got, err := k.Open(it.capsule, b, it.chunks); err == nil || got != nil {
		t.Error("opened without an item")
	}
}

// TestSwapped: parts of two payloads, of the same capsule and of another one.
func TestSwapped(t *testing.T) {
	_, s, k := pair(t)
	n := 3*envelope.Piece + envelope.Piece/2 // so that no chunk but the last has padding
	a, b := closed(t, s, patch, text(n)), closed(t, s, patch, text(n))
	again, err := a.closer.Close(patch, text(n))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.chunks) < 4 {
		t.Fatalf("%d chunks, too few to shuffle", len(a.chunks))
	}
	last := len(a.chunks) - 1
	for name, chunks := range map[string][][]byte{
		"no chunks":             nil,
		"the first missing":     a.chunks[1:],
		"the last missing":      a.chunks[:last],
		"one missing":           slices.Concat(a.chunks[:1], a.chunks[2:]),
		"only the last":         a.chunks[last:],
		"one twice":             slices.Concat(a.chunks[:2], a.chunks[1:]),
		"the last twice":        append(slices.Clone(a.chunks), a.chunks[last]),
		"two exchanged":         {a.chunks[1], a.chunks[0], a.chunks[2], a.chunks[3]},
		"two others exchanged":  {a.chunks[0], a.chunks[2], a.chunks[1], a.chunks[3]},
		"one instead of other":  {a.chunks[0], a.chunks[1], a.chunks[1], a.chunks[3]},
		"one of another item":   {a.chunks[0], b.chunks[1], a.chunks[2], a.chunks[3]},
		"one of another salt":   {a.chunks[0], again[1], a.chunks[2], a.chunks[3]},
		"the first of another":  {again[0], a.chunks[1], a.chunks[2], a.chunks[3]},
		"all of another item":   b.chunks,
		"one cut by a byte":     {a.chunks[0], a.chunks[1][:len(a.chunks[1])-1], a.chunks[2], a.chunks[3]},
		"one longer by a byte":  {a.chunks[0], append(slices.Clone(a.chunks[1]), 0), a.chunks[2], a.chunks[3]},
		"the last longer":       {a.chunks[0], a.chunks[1], a.chunks[2], append(slices.Clone(a.chunks[3]), 0)},
		"an empty one":          {a.chunks[0], {}, a.chunks[2], a.chunks[3]},
		"header of one only":    {a.chunks[0], a.chunks[1][:61], a.chunks[2], a.chunks[3]},
		"one with nothing left": {a.chunks[0][:61+16]},
	} {
		got, err := k.Open(a.capsule, patch, chunks)
		refused(t, name, got, err)
	}
	if _, err := k.Open(a.capsule, patch, a.chunks); err != nil {
		t.Errorf("what was shuffled does not open any more: %v", err)
	}
}

// TestFlippedBits flips each bit of a small payload, with its capsule, in turn.
func TestFlippedBits(t *testing.T) {
	_, s, k := pair(t)
	packed, err := closed(t, s, patch, nil).closer.Packed(patch, text(10))
	if err != nil {
		t.Fatal(err)
	}
	opener := k.Opener(0)
	for at := range packed {
		bit := byte(1) << (at % 8)
		packed[at] ^= bit
		got, err := opener.OpenPacked(patch, packed)
		packed[at] ^= bit
		switch {
		case got != nil || err == nil:
			t.Errorf("byte %d: opened", at)
		case at >= 4 && at < 12: // the key id
			if !errors.Is(err, unseal.ErrNoKey) {
				t.Errorf("byte %d: error %v", at, err)
			}
		case !errors.Is(err, unseal.ErrDamaged):
			t.Errorf("byte %d: error %v", at, err)
		}
	}
	if _, err := opener.OpenPacked(patch, packed); err != nil {
		t.Errorf("it does not open any more: %v", err)
	}
}

// TestCutPacked cuts a packed payload at each byte.
func TestCutPacked(t *testing.T) {
	_, s, k := pair(t)
	packed, err := closed(t, s, patch, nil).closer.Packed(patch, text(10))
	if err != nil {
		t.Fatal(err)
	}
	for n := range packed {
		got, err := k.OpenPacked(patch, packed[:n])
		refused(t, fmt.Sprintf("%d bytes of it", n), got, err)
	}
	got, err := k.OpenPacked(patch, append(slices.Clone(packed), 0))
	refused(t, "one byte more", got, err)
}

func TestWrongKey(t *testing.T) {
	_, s, _ := pair(t)
	_, other, k := pair(t)
	it := closed(t, s, view, text(10))
	if got, err := k.Open(it.capsule, view, it.chunks); !errors.Is(err, unseal.ErrNoKey) || got != nil {
		t.Errorf("a capsule for another key: error %v", err)
	}
	it.capsule.Key = other.Key()
	got, err := k.Open(it.capsule, view, it.chunks)
	refused(t, "a capsule under the name of our key", got, err)
	it.capsule.Enc = it.capsule.Enc[1:]
	got, err = k.Open(it.capsule, view, it.chunks)
	refused(t, "a short capsule", got, err)
	it.capsule.Enc = make([]byte, 1120)
	got, err = k.Open(it.capsule, view, it.chunks)
	refused(t, "a capsule of zeros", got, err)
}

// TestRotation: keys come and go under a keyring.
func TestRotation(t *testing.T) {
	d, s, k := pair(t)
	first := closed(t, s, view, []byte("first"))
	p, err := d.Rotate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second := closed(t, sealer(t, d), view, []byte("second"))
	if second.capsule.Key != p.ID {
		t.Fatalf("sealed for %v after rotation to %v", second.capsule.Key, p.ID)
	}
	if _, err := k.Open(second.capsule, view, second.chunks); !errors.Is(err, unseal.ErrNoKey) || k.Has(p.ID) {
		t.Errorf("before the reload: %v", err)
	}
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	for _, it := range []sealed{first, second} {
		if _, err := k.Open(it.capsule, view, it.chunks); err != nil {
			t.Errorf("after the reload: %v", err)
		}
	}
	if got := k.Keys(); !slices.Equal(got, []envelope.KeyID{s.Key(), p.ID}) {
		t.Errorf("keys %v", got)
	}
	opener := k.Opener(0)
	if _, err := opener.Open(first.capsule, view, first.chunks); err != nil {
		t.Fatal(err)
	}
	gone, err := keyfiles.DestroySuperseded(d.Private, time.Hour, time.Now().Add(2*time.Hour), nil)
	if err != nil || len(gone) != 1 || gone[0].ID != s.Key() {
		t.Fatalf("destroyed %v: %v", gone, err)
	}
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(envelope.Capsule, envelope.Binding, [][]byte) ([]byte, error){"keyring": k.Open, "opener of before": opener.Open} {
		if _, err := open(first.capsule, view, first.chunks); !errors.Is(err, unseal.ErrNoKey) {
			t.Errorf("%s, key destroyed: %v", name, err)
		}
		if _, err := open(second.capsule, view, second.chunks); err != nil {
			t.Errorf("%s, other key destroyed: %v", name, err)
		}
	}
}

// TestFailedReload: a keyring keeps what it has.
func TestFailedReload(t *testing.T) {
	d, s, k := pair(t)
	it := closed(t, s, view, nil)
	broken := filepath.Join(d.Private, "broken.key")
	if err := os.WriteFile(broken, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err == nil || !strings.Contains(err.Error(), "broken.key: line 1: ") {
		t.Errorf("error %v, want one that names the file and the line", err)
	}
	if _, err := k.Open(it.capsule, view, it.chunks); err != nil {
		t.Error(err)
	}
}

// TestManyAtOnce uses one keyring from many goroutines, under reloads.
func TestManyAtOnce(t *testing.T) {
	_, s, k := pair(t)
	it := closed(t, s, view, make([]byte, 10000))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := k.Open(it.capsule, view, it.chunks); err != nil {
					t.Error(err)
				}
				if err := k.Reload(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
