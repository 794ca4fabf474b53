package unseal

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/seal"
)

// FuzzOpenPacked: what opens is what was sealed; all else is one of two errors.
func FuzzOpenPacked(f *testing.F) {
	d := keyfiles.In(f.TempDir())
	if _, err := d.New(time.Now()); err != nil {
		f.Fatal(err)
	}
	s, err := seal.New(d.Public)
	if err != nil {
		f.Fatal(err)
	}
	k, err := New(d.Private)
	if err != nil {
		f.Fatal(err)
	}
	_, closer, err := s.Capsule()
	if err != nil {
		f.Fatal(err)
	}
	b := envelope.Binding{Part: envelope.Patch, Signal: "logs"}
	want := []byte("what was sealed")
	packed, err := closer.Packed(b, want)
	if err != nil {
		f.Fatal(err)
	}
	if got, err := k.OpenPacked(b, packed); err != nil || !bytes.Equal(got, want) {
		f.Fatalf("the seed does not open: %v", err)
	}
	// Where, and with what, the seed is changed; then where it is cut.
	f.Add(uint16(0), byte(0), uint16(0))
	f.Add(uint16(4), byte(1), uint16(0))
	f.Add(uint16(1200), byte(0x80), uint16(0))
	f.Add(uint16(2300), byte(1), uint16(1))
	f.Fuzz(func(t *testing.T, at uint16, change byte, cut uint16) {
		changed := bytes.Clone(packed)
		changed[int(at)%len(changed)] ^= change
		changed = changed[:len(changed)-int(cut)%len(changed)]
		got, err := k.OpenPacked(b, changed)
		if bytes.Equal(changed, packed) {
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("the same does not open: %v", err)
			}
		} else if got != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNoKey) {
			t.Errorf("%d bytes, error %v", len(got), err)
		}
	})
}

// TestBomb: a body that decompresses to more than it says costs what it says.
func TestBomb(t *testing.T) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 20
	body := e.EncodeAll(make([]byte, size), nil)
	frame := envelope.Frame{Zstd: true, Plain: 1000, Body: body}.Encode()
	o := (&Keyring{}).Opener(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := o.unpack(frame)
	runtime.ReadMemStats(&after)
	if got != nil || !errors.Is(err, ErrDamaged) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > size/8 {
		t.Errorf("%d bytes allocated for a body that says 1000", spent)
	}
	tiny := envelope.Frame{Zstd: true, Plain: envelope.MaxPlain, Body: body[:10]}.Encode()
	runtime.ReadMemStats(&before)
	got, err = o.unpack(tiny)
	runtime.ReadMemStats(&after)
	if got != nil || !errors.Is(err, ErrDamaged) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > size/8 {
		t.Errorf("%d bytes allocated for a body of 10", spent)
	}
}

// FuzzUnpack: an authentic frame of a malicious sealer gives at most what the
// limit allows, as long as it says, or ErrDamaged.
func FuzzUnpack(f *testing.F) {
	const limit = 1 << 20
	e, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []uint64{0, 10, 5000, limit, limit + 1, 2 * limit} {
		body := e.EncodeAll(make([]byte, n), nil)
		f.Add(true, n, body)
		f.Add(true, n/2, body)
		f.Add(true, n+1, body)
	}
	f.Add(false, uint64(3), []byte("abc"))
	f.Add(true, uint64(1)<<30, []byte("abc"))
	f.Add(true, uint64(1)<<63, []byte("abc"))
	o := (&Keyring{}).Opener(limit)
	f.Fuzz(func(t *testing.T, compressed bool, plain uint64, body []byte) {
		frame := envelope.Frame{Zstd: compressed, Plain: plain, Body: body}.Encode()
		got, err := o.unpack(frame)
		switch {
		case err != nil && (got != nil || !errors.Is(err, ErrDamaged)):
			t.Errorf("%d bytes, error %v", len(got), err)
		case err == nil && (uint64(len(got)) != plain || len(got) > limit):
			t.Errorf("%d bytes, said to be %d", len(got), plain)
		case !compressed && err == nil && !bytes.Equal(got, body):
			t.Error("not what was framed")
		}
	})
}

// TestReloadKeepsKeys: a key that is there still is the same one, which is
// locked in memory; a copy of it at each reload would be one more to lock.
func TestReloadKeepsKeys(t *testing.T) {
	d := keyfiles.In(t.TempDir())
	if _, err := d.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	k, err := New(d.Private)
	if err != nil {
		t.Fatal(err)
	}
	before := k.keys[0].HPKE()
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	if k.keys[0].HPKE() != before {
		t.Error("a key that was there was read anew")
	}
	if err := k.Unlocked(); err != nil {
		t.Logf("this system does not let keys be locked: %v", err)
	}
}
