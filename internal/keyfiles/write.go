package keyfiles

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/envelope"
)

// ErrExists: there are keys already.
var ErrExists = errors.New("there are keys already")

// Dirs are the two directories of a key store.
type Dirs struct{ Private, Public string }

// In returns the usual directories of a key store: private and public in dir.
func In(dir string) Dirs {
	return Dirs{Private: filepath.Join(dir, "private"), Public: filepath.Join(dir, "public")}
}

// New makes the first pair. If there are keys it changes nothing and the error
// is ErrExists; but where a crash left private keys without a public one it
// writes the public key of the newest.
func (d Dirs) New(now time.Time) (Pair, error) {
	if err := d.make(); err != nil {
		return Pair{}, err
	}
	public, err := list(d.Public, publicExt)
	if err != nil {
		return Pair{}, fmt.Errorf("public keys: %w", err)
	}
	keys, gone, err := readPrivate(d.Private)
	switch {
	case err != nil:
		return Pair{}, err
	case len(public) > 0:
		return Pair{}, fmt.Errorf("%w in %s", ErrExists, d.Public)
	case len(keys) == 0:
		return d.generate(now)
	}
	newest := keys[len(keys)-1].PrivateKey
	if _, is := gone[newest.ID]; is {
		return Pair{}, fmt.Errorf("%w in %s", ErrExists, d.Private)
	}
	return d.publish(newest)
}

// Rotate makes one more pair, newer than all others. Those keep opening what
// was sealed for them.
func (d Dirs) Rotate(now time.Time) (Pair, error) {
	pairs, err := d.List()
	if err != nil {
		return Pair{}, err
	}
	if !slices.ContainsFunc(pairs, func(p Pair) bool { return p.Private }) {
		return Pair{}, fmt.Errorf("there is no private key in %s: keys are rotated where release_gate has them", d.Private)
	}
	if last := pairs[len(pairs)-1].Created; !now.After(last.Add(time.Second)) {
		if last.After(now.Add(Skew)) {
			return Pair{}, fmt.Errorf("the newest key was created at %s: the clock of this host, or of the one that made it, is wrong", last.Format(time.RFC3339))
		}
		now = last.Add(time.Second)
	}
	if err := d.make(); err != nil {
		return Pair{}, err
	}
	return d.generate(now)
}

func (d Dirs) make() error {
	if err := durable.MkdirAll(d.Private, 0o700); err != nil {
		return fmt.Errorf("private keys: %w", err)
	}
	if err := durable.MkdirAll(d.Public, 0o755); err != nil {
		return fmt.Errorf("public keys: %w", err)
	}
	return nil
}

// generate makes a pair and writes the private key first: once the public one
// is seen, things are sealed for it.
func (d Dirs) generate(now time.Time) (Pair, error) {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	k, err := newPrivateKey(seed, now.UTC().Truncate(time.Second))
	clear(seed)
	if err != nil {
		return Pair{}, err
	}
	text, err := k.encode()
	if err != nil {
		return Pair{}, err
	}
	err = durable.Create(base(d.Private, k.ID, k.Created)+privateExt, text, 0o600)
	clear(text)
	if err != nil {
		return Pair{}, err
	}
	return d.publish(k)
}

func (d Dirs) publish(k PrivateKey) (Pair, error) {
	if err := durable.Create(base(d.Public, k.ID, k.Created)+publicExt, k.Public().encode(), 0o644); err != nil {
		return Pair{}, err
	}
	return Pair{ID: k.ID, Created: k.Created, Private: true, Public: true}, nil
}

// base is the path of a pair's file without its end.
func base(dir string, id envelope.KeyID, created time.Time) string {
	return filepath.Join(dir, created.UTC().Format("20060102")+"-"+id.String())
}

// List returns all pairs of which anything is there, oldest first. A directory
// that does not exist is as good as an empty one: a host that seals has no
// private keys, and one that opens needs no public ones.
func (d Dirs) List() ([]Pair, error) {
	pairs := map[envelope.KeyID]Pair{}
	public, err := list(d.Public, publicExt)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("public keys: %w", err)
	}
	if len(public) > 0 {
		keys, err := ReadPublic(d.Public)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			pairs[k.ID] = Pair{ID: k.ID, Created: k.Created, Public: true}
		}
	}
	if _, err := os.Stat(d.Private); err == nil {
		if err := addPrivate(pairs, d.Private); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("private keys: %w", err)
	}
	return sorted(pairs), nil
}

func addPrivate(pairs map[envelope.KeyID]Pair, dir string) error {
	keys, gone, err := readPrivate(dir)
	if err != nil {
		return err
	}
	for _, k := range keys {
		p := pairs[k.ID]
		p.ID, p.Created, p.Private = k.ID, k.Created, true
		pairs[k.ID] = p
	}
	for id, g := range gone {
		p := pairs[id]
		p.ID, p.Created, p.Destroyed = id, g.created, g.destroyed
		pairs[id] = p
	}
	return nil
}

func sorted(pairs map[envelope.KeyID]Pair) []Pair {
	out := make([]Pair, 0, len(pairs))
	for _, p := range pairs {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Pair) int { return order(newer(a.ID, a.Created, b.ID, b.Created)) })
	return out
}

// DestroySuperseded destroys the private keys in dir whose successor was
// created longer than age ago, except those that keep, if it is not nil, says
// are still needed. It also finishes what an earlier call left half done. It
// returns the pairs it destroyed, also when it fails after the first of them.
//
// A file is overwritten, which promises nothing on a disk that moves blocks or
// a file system that keeps copies, then unlinked, and the directory synced.
// First, and durably, it gets its tombstone: a key with one is not used any
// more, not even if a backup brings it back.
func DestroySuperseded(dir string, age time.Duration, now time.Time, keep func(envelope.KeyID) bool) ([]Pair, error) {
	keys, gone, err := readPrivate(dir)
	if err != nil {
		return nil, err
	}
	var done []Pair
	for i, k := range keys {
		_, condemned := gone[k.ID]
		if !condemned && !superseded(keys[i+1:], k, gone, now.Add(-age)) {
			continue
		}
		if !condemned && keep != nil && keep(k.ID) {
			continue
		}
		p, err := destroy(k, gone, now)
		if err != nil {
			return done, fmt.Errorf("destroying %v: %w", k, err)
		}
		done = append(done, p)
	}
	return done, nil
}

// superseded reports whether one of the newer keys was there before t. A key
// that has been destroyed itself takes nobody's place.
func superseded(newer []privateFile, k privateFile, gone map[envelope.KeyID]parsed, t time.Time) bool {
	return slices.ContainsFunc(newer, func(n privateFile) bool {
		_, is := gone[n.ID]
		return n.ID != k.ID && !is && n.Created.Before(t)
	})
}

func destroy(k privateFile, gone map[envelope.KeyID]parsed, now time.Time) (Pair, error) {
	p := Pair{ID: k.ID, Created: k.Created, Destroyed: now.UTC().Truncate(time.Second)}
	if before, is := gone[k.ID]; is {
		p.Destroyed = before.destroyed
	} else {
		text := encode(destroyedKind, k.ID, k.Created, p.Destroyed, nil)
		if err := durable.Replace(tombstone(k.path), text, 0o600); err != nil {
			return p, err
		}
	}
	if err := overwrite(k.path); err != nil {
		return p, err
	}
	return p, durable.Remove(k.path)
}

func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
