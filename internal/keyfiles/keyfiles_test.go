package keyfiles

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

var day1 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return day1.AddDate(0, 0, n) }

// store makes a key store with a pair for each day.
func store(t *testing.T, on ...int) (Dirs, []Pair) {
	t.Helper()
	d := In(filepath.Join(t.TempDir(), "keys"))
	var pairs []Pair
	for i, n := range on {
		make := d.Rotate
		if i == 0 {
			make = d.New
		}
		p, err := make(days(n))
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	return d, pairs
}

func ids(pairs []Pair) (out []envelope.KeyID) {
	for _, p := range pairs {
		out = append(out, p.ID)
	}
	return out
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNew(t *testing.T) {
	d, pairs := store(t, 0)
	p := pairs[0]
	if !p.Private || !p.Public || !p.Created.Equal(day1) || p.Name() != "20260301-"+p.ID.String() {
		t.Errorf("pair %+v", p)
	}
	for path, want := range map[string]os.FileMode{
		d.Private: 0o700 | os.ModeDir, filepath.Join(d.Private, p.Name()+".key"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v", filepath.Base(path), info.Mode(), want)
		}
	}
	if got := slices.Concat(names(t, d.Private), names(t, d.Public)); len(got) != 2 {
		t.Errorf("files %v", got)
	}
	for range 2 {
		if _, err := d.New(days(1)); !errors.Is(err, ErrExists) {
			t.Errorf("again: %v", err)
		}
	}
	if got := slices.Concat(names(t, d.Private), names(t, d.Public)); len(got) != 2 {
		t.Errorf("files after that: %v", got)
	}
}

// TestNewOnPublicOnly: a host that seals is no place for a private key.
func TestNewOnPublicOnly(t *testing.T) {
	d, pairs := store(t, 0)
	remove(t, filepath.Join(d.Private, pairs[0].Name()+".key"))
	if _, err := d.New(days(1)); !errors.Is(err, ErrExists) {
		t.Errorf("new: %v", err)
	}
	if _, err := d.Rotate(days(1)); err == nil || !strings.Contains(err.Error(), "release_gate") {
		t.Errorf("rotate: %v", err)
	}
	if got := names(t, d.Private); len(got) != 0 {
		t.Errorf("files %v", got)
	}
}

// TestNewAfterCrash: the private key is there, the public one was not written.
func TestNewAfterCrash(t *testing.T) {
	d, pairs := store(t, 0)
	remove(t, filepath.Join(d.Public, pairs[0].Name()+".pub"))
	p, err := d.New(days(1))
	if err != nil || p.ID != pairs[0].ID {
		t.Fatalf("pair %v: %v", p.ID, err)
	}
	list, err := d.List(days(1))
	if err != nil || len(list) != 1 || !list[0].Seals || !list[0].Public || !list[0].Private {
		t.Errorf("list %+v: %v", list, err)
	}
}

func TestRotate(t *testing.T) {
	d, pairs := store(t, 0, 10, 10, 10)
	for i := 1; i < len(pairs); i++ {
		if !pairs[i].Created.After(pairs[i-1].Created) {
			t.Errorf("pair %d is not newer than the one before", i)
		}
	}
	list, err := d.List(days(10))
	if err != nil || !slices.Equal(ids(list), ids(pairs)) {
		t.Fatalf("list %v: %v", list, err)
	}
	for i, p := range list {
		if p.Seals != (i == 3) || !p.Private || !p.Public || !p.Destroyed.IsZero() {
			t.Errorf("pair %d: %+v", i, p)
		}
	}
	private, err := ReadPrivate(d.Private)
	if err != nil || len(private) != 4 {
		t.Fatalf("%d private keys: %v", len(private), err)
	}
	public, err := ReadPublic(d.Public)
	if err != nil || len(public) != 4 {
		t.Fatalf("%d public keys: %v", len(public), err)
	}
	for i, k := range private {
		if k.ID != pairs[i].ID || public[i].ID != k.ID || !slices.Equal(k.Public().Key.Bytes(), public[i].Key.Bytes()) || !k.Created.Equal(public[i].Created) {
			t.Errorf("pair %d does not belong together", i)
		}
	}
}

// TestClock: a key from the future stops rotation, since no newer one can be made.
func TestClock(t *testing.T) {
	d, _ := store(t, 10)
	if _, err := d.Rotate(days(8)); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("two days back: %v", err)
	}
	if _, err := d.Rotate(days(9)); err != nil {
		t.Errorf("one day back: %v", err)
	}
}

func TestDestroy(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name string
		now  int
		keep int // which is needed; -1 none
		want []int
	}{
		{"nothing is superseded long enough", 17, -1, nil},
		{"exactly as long", 17, -1, nil},
		{"the first", 18, -1, []int{0}},
		{"all but the newest", 100, -1, []int{0, 1}},
		{"all but the newest and one that is needed", 100, 0, []int{1}},
		{"the newest is never destroyed", 10000, 2, []int{0, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, pairs := store(t, 0, 10, 20)
			var keep func(envelope.KeyID) bool
			if test.keep >= 0 {
				keep = func(id envelope.KeyID) bool { return id == pairs[test.keep].ID }
			}
			now := days(test.now)
			got, err := DestroySuperseded(d.Private, 7*day, now, keep)
			if err != nil || len(got) != len(test.want) {
				t.Fatalf("destroyed %v: %v", got, err)
			}
			for i, n := range test.want {
				if got[i].ID != pairs[n].ID || !got[i].Destroyed.Equal(now) {
					t.Errorf("destroyed %+v", got[i])
				}
			}
			list, err := d.List(now)
			if err != nil || len(list) != 3 {
				t.Fatalf("list %v: %v", list, err)
			}
			for i, p := range list {
				if gone := slices.Contains(test.want, i); p.Private == gone || p.Destroyed.IsZero() == gone || !p.Public {
					t.Errorf("pair %d: %+v", i, p)
				}
			}
			keys, err := ReadPrivate(d.Private)
			if err != nil || len(keys) != 3-len(test.want) {
				t.Errorf("%d private keys: %v", len(keys), err)
			}
			if again, err := DestroySuperseded(d.Private, 7*day, now, keep); err != nil || len(again) != 0 {
				t.Errorf("again: %v: %v", again, err)
			}
		})
	}
}

// TestDestroyAfterCrash: with a tombstone a key is not used any more, whatever
// is left of its file, and the next call finishes the work, needed or not.
func TestDestroyAfterCrash(t *testing.T) {
	for name, left := range map[string]func(t *testing.T, path string){
		"not overwritten":  func(*testing.T, string) {},
		"half overwritten": func(t *testing.T, path string) { t.Helper(); put(t, path, strings.Repeat("\x00", 200)) },
		"brought back under another name": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(path, filepath.Join(filepath.Dir(path), "backup.key")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, pairs := store(t, 0, 10)
			p := pairs[0]
			base := filepath.Join(d.Private, p.Name())
			put(t, base+".destroyed", string(encode(destroyedKind, p.ID, p.Created, days(11), nil)))
			put(t, filepath.Join(d.Private, "."+p.Name()+".key.tmp-X"), "what a crash left")
			left(t, base+".key")
			if keys, err := ReadPrivate(d.Private); err != nil || len(keys) != 1 || keys[0].ID != pairs[1].ID {
				t.Errorf("%d keys are used: %v", len(keys), err)
			}
			list, err := d.List(days(12))
			if err != nil || !list[0].Private || list[0].Destroyed.IsZero() {
				t.Errorf("list %+v: %v", list, err)
			}
			got, err := DestroySuperseded(d.Private, time.Hour, days(12), func(envelope.KeyID) bool { return true })
			if err != nil || len(got) != 1 || !got[0].Destroyed.Equal(days(11)) {
				t.Errorf("destroyed %+v: %v", got, err)
			}
			for _, n := range names(t, d.Private) {
				if strings.HasSuffix(n, ".key") && !strings.Contains(n, pairs[1].ID.String()) {
					t.Errorf("%s is still there", n)
				}
			}
			list, err = d.List(days(12))
			if err != nil || list[0].Private || !list[0].Destroyed.Equal(days(11)) {
				t.Errorf("list afterwards %+v: %v", list, err)
			}
		})
	}
}

// TestDestroyFails: what cannot be written stops the work; the key stays usable
// as long as nothing says otherwise.
func TestDestroyFails(t *testing.T) {
	d, pairs := store(t, 0, 10)
	// A directory stands where the tombstone would be renamed to.
	if err := os.MkdirAll(filepath.Join(d.Private, pairs[0].Name()+".destroyed", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := DestroySuperseded(d.Private, time.Hour, days(12), nil); err == nil {
		t.Error("no error")
	}
	if err := os.RemoveAll(filepath.Join(d.Private, pairs[0].Name()+".destroyed")); err != nil {
		t.Fatal(err)
	}
	if keys, err := ReadPrivate(d.Private); err != nil || len(keys) != 2 {
		t.Errorf("%d keys: %v", len(keys), err)
	}
}

// TestDestroyCopies: a copy with another date does not take its key's place.
func TestDestroyCopies(t *testing.T) {
	d, pairs := store(t, 0)
	text := read(t, filepath.Join(d.Private, pairs[0].Name()+".key"))
	put(t, filepath.Join(d.Private, "copy.key"), strings.Replace(text, "2026-03-01", "2026-03-02", 1))
	if got, err := DestroySuperseded(d.Private, time.Hour, days(30), nil); err != nil || len(got) != 0 {
		t.Errorf("destroyed %v: %v", got, err)
	}
	if _, err := ReadPrivate(d.Private); err != nil {
		t.Error(err)
	}
}

// TestDestroyedSuccessor: a key that was destroyed itself takes nobody's place.
func TestDestroyedSuccessor(t *testing.T) {
	d, pairs := store(t, 0, 10)
	p := pairs[1]
	put(t, filepath.Join(d.Private, p.Name()+".destroyed"), string(encode(destroyedKind, p.ID, p.Created, days(11), nil)))
	got, err := DestroySuperseded(d.Private, time.Hour, days(30), nil)
	if err != nil || !slices.Equal(ids(got), []envelope.KeyID{p.ID}) {
		t.Errorf("destroyed %v: %v", got, err)
	}
	if keys, err := ReadPrivate(d.Private); err != nil || len(keys) != 1 || keys[0].ID != pairs[0].ID {
		t.Errorf("%d keys are left: %v", len(keys), err)
	}
}

// TestTombstoneOnly: destroyed keys are listed without a public key, and when
// nothing else is there reading fails.
func TestTombstoneOnly(t *testing.T) {
	d, pairs := store(t, 0)
	p := pairs[0]
	put(t, filepath.Join(d.Private, p.Name()+".destroyed"), string(encode(destroyedKind, p.ID, p.Created, days(1), nil)))
	if _, err := ReadPrivate(d.Private); err == nil || !strings.Contains(err.Error(), "there is no *.key") {
		t.Errorf("error %v", err)
	}
	if _, err := d.New(days(2)); !errors.Is(err, ErrExists) {
		t.Errorf("new: %v", err)
	}
	remove(t, filepath.Join(d.Public, p.Name()+".pub"))
	if _, err := d.New(days(2)); !errors.Is(err, ErrExists) {
		t.Errorf("new, without the public key: %v", err)
	}
	list, err := d.List(days(2))
	if err != nil || len(list) != 1 || list[0].ID != p.ID || list[0].Public {
		t.Errorf("list %+v: %v", list, err)
	}
}

func TestList(t *testing.T) {
	if list, err := In(t.TempDir()).List(day1); err != nil || len(list) != 0 {
		t.Errorf("nothing there: %v: %v", list, err)
	}
	d, pairs := store(t, 0, 10)
	list, err := d.List(days(-5)) // of day 0 and 10, both in the future
	if err != nil || list[0].Seals || list[1].Seals {
		t.Errorf("list %+v: %v", list, err)
	}
	public := Dirs{Private: filepath.Join(t.TempDir(), "none"), Public: d.Public}
	if list, err = public.List(days(10)); err != nil || !slices.Equal(ids(list), ids(pairs)) || list[0].Private || !list[1].Seals {
		t.Errorf("public only: %+v: %v", list, err)
	}
	private := Dirs{Private: d.Private, Public: filepath.Join(t.TempDir(), "none")}
	if list, err = private.List(days(10)); err != nil || !slices.Equal(ids(list), ids(pairs)) || list[0].Public || list[1].Seals {
		t.Errorf("private only: %+v: %v", list, err)
	}
}

func TestSealing(t *testing.T) {
	if _, err := Sealing(nil, day1); err == nil {
		t.Error("no keys, no error")
	}
	d, _ := store(t, 0, 10)
	keys, err := ReadPublic(d.Public)
	if err != nil {
		t.Fatal(err)
	}
	// Of two with the same time all hosts take the same one.
	keys[0].Created = keys[1].Created
	a, _ := Sealing(keys, days(10))
	slices.Reverse(keys)
	if b, _ := Sealing(keys, days(10)); a.ID != b.ID {
		t.Error("it depends on the order")
	}
}
