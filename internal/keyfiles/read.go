package keyfiles

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// ReadPublic reads the public keys of a directory, or the one of a file,
// oldest first. That there is none is an error.
func ReadPublic(path string) ([]PublicKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("public keys: %w", err)
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = list(path, publicExt); err != nil {
			return nil, fmt.Errorf("public keys: %w", err)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("public keys: there is no *%s in %s (tracescrub keys new makes a pair)", publicExt, path)
	}
	keys := make([]PublicKey, 0, len(names))
	for _, name := range names {
		text, err := readFile(name)
		if err != nil {
			return nil, err
		}
		k, err := decodePublic(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b PublicKey) int { return order(newer(a.ID, a.Created, b.ID, b.Created)) })
	return slices.CompactFunc(keys, func(a, b PublicKey) bool { return a.ID == b.ID }), nil
}

// ReadPrivate reads the private keys of a directory, oldest first, without
// those that are about to be destroyed. That there is none is an error, and
// so are files that others can read.
func ReadPrivate(dir string) ([]PrivateKey, error) {
	keys, gone, err := readPrivate(dir)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k privateFile) bool { _, is := gone[k.ID]; return is })
	if len(keys) == 0 {
		return nil, fmt.Errorf("private keys: there is no *%s in %s (tracescrub keys new makes a pair)", privateExt, dir)
	}
	out := make([]PrivateKey, 0, len(keys))
	for _, k := range keys {
		out = append(out, k.PrivateKey)
	}
	return slices.CompactFunc(out, func(a, b PrivateKey) bool { return a.ID == b.ID }), nil
}

// privateFile is a private key and where it is.
type privateFile struct {
	PrivateKey
	path string
}

// readPrivate reads all that a directory of private keys has: keys, oldest
// first, and what stands in place of destroyed ones. A key that is among both
// may have no key in it any more.
func readPrivate(dir string) (keys []privateFile, gone map[envelope.KeyID]parsed, err error) {
	if err := private(dir); err != nil {
		return nil, nil, fmt.Errorf("private keys: %w", err)
	}
	names, err := list(dir, privateExt)
	if err != nil {
		return nil, nil, fmt.Errorf("private keys: %w", err)
	}
	gone, tombs, err := readDestroyed(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		if p, is := tombs[tombstone(name)]; is { // may be half overwritten
			keys = append(keys, privateFile{PrivateKey{ID: p.id, Created: p.created}, name})
			continue
		}
		if err := private(name); err != nil {
			return nil, nil, fmt.Errorf("private keys: %w", err)
		}
		text, err := readFile(name)
		if err != nil {
			return nil, nil, err
		}
		k, err := decodePrivate(text)
		clear(text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, privateFile{k, name})
	}
	slices.SortFunc(keys, func(a, b privateFile) int { return order(newer(a.ID, a.Created, b.ID, b.Created)) })
	return keys, gone, nil
}

// tombstone is the path of what takes the place of a private key.
func tombstone(key string) string { return strings.TrimSuffix(key, privateExt) + destroyedExt }

// readDestroyed reads what stands in place of destroyed keys, by key and by path.
func readDestroyed(dir string) (gone map[envelope.KeyID]parsed, tombs map[string]parsed, err error) {
	names, err := list(dir, destroyedExt)
	if err != nil {
		return nil, nil, fmt.Errorf("private keys: %w", err)
	}
	gone, tombs = map[envelope.KeyID]parsed{}, map[string]parsed{}
	for _, name := range names {
		text, err := readFile(name)
		if err != nil {
			return nil, nil, err
		}
		p, err := decode(destroyedKind, text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		gone[p.id], tombs[name] = p, p
	}
	return gone, tombs, nil
}

func order(newer bool) int {
	if newer {
		return 1
	}
	return -1
}

// list returns the files of a directory whose names end in ext.
func list(dir, ext string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ext) && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// readFile reads a file that cannot be large.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: this is no key file", name)
	}
	return os.ReadFile(name)
}

// private refuses a key that others than its owner can read, and a directory
// in which others can exchange keys. As PostgreSQL does, it lets a group read
// what belongs to root: that is how Kubernetes hands secrets to a process that
// is not root.
func private(name string) error {
	info, err := os.Stat(name)
	if err != nil || runtime.GOOS == "windows" {
		return err
	}
	mode := info.Mode()
	if info.IsDir() {
		if mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0 {
			return fmt.Errorf("%s has permissions %04o: others must not write to it (chmod 0700 %s)", name, mode.Perm(), name)
		}
		return nil
	}
	never := fs.FileMode(0o077)
	if ownedByRoot(info) && os.Geteuid() != 0 {
		never = 0o037
	}
	if mode.Perm()&never != 0 {
		return fmt.Errorf("%s has permissions %04o: others must not read it (chmod 0600 %s)", name, mode.Perm(), name)
	}
	return nil
}
