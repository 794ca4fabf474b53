package keyfiles

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBroken: each mistake in a file is an error with the file's name and the
// line, and never with what stands there.
func TestBroken(t *testing.T) {
	d, pairs := store(t, 0)
	other, _ := store(t, 0)
	private := filepath.Join(d.Private, pairs[0].Name()+".key")
	public := filepath.Join(d.Public, pairs[0].Name()+".pub")
	strangers := strings.Split(read(t, filepath.Join(other.Private, names(t, other.Private)[0])), "\n")
	cases := map[string]struct {
		line   string
		change func(lines []string) []string
	}{
		"empty":                 {"line 1: ", func([]string) []string { return nil }},
		"no end of line":        {"line 7: ", func(l []string) []string { return l[:len(l)-1] }},
		"another kind":          {"line 1: ", func(l []string) []string { l[0] = "-----BEGIN PRIVATE THING-----"; return l }},
		"another algorithm":     {"line 2: ", func(l []string) []string { l[1] = "Algorithm: X25519"; return l }},
		"no id":                 {"line 3: ", func(l []string) []string { l[2] = "Created: x"; return l }},
		"short id":              {"line 3: ", func(l []string) []string { l[2] = "Id: ab"; return l }},
		"id in capitals":        {"line 3: ", func(l []string) []string { l[2] = "Id: ABCDEF0123456789"; return l }},
		"another id":            {"line 3: ", func(l []string) []string { l[2] = strangers[2]; return l }},
		"no time":               {"line 4: ", func(l []string) []string { l[3] = "Created: yesterday"; return l }},
		"time of another place": {"line 4: ", func(l []string) []string { l[3] = "Created: 2026-03-01T12:00:00+01:00"; return l }},
		"time with fractions":   {"line 4: ", func(l []string) []string { l[3] = "Created: 2026-03-01T12:00:00.5Z"; return l }},
		"no empty line":         {"line 5: ", func(l []string) []string { return append(l[:4:4], l[5:]...) }},
		"no base64":             {"line 6: ", func(l []string) []string { l[5] = "!" + l[5][1:]; return l }},
		"short":                 {"line 6: ", func(l []string) []string { l[5] = l[5][:20]; return l }},
		"short line":            {"line 7: ", func(l []string) []string { return append(l[:5:5], append([]string{l[5][:8], l[5][8:]}, l[6:]...)...) }},
		"long line":             {"line 6: ", func(l []string) []string { l[5] += strings.Repeat("A", 64); return l }},
		"another key":           {"line 3: ", func(l []string) []string { l[5] = strangers[5]; return l }},
		"no end":                {"line 6: ", func(l []string) []string { return append(l[:6:6], "") }},
		"more behind":           {"line 8: ", func(l []string) []string { return append(l, "") }},
		"CRLF":                  {"line 1: ", func(l []string) []string { l[0] += "\r"; return l }},
	}
	good := read(t, private)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(good, "\n")
			put(t, private, strings.Join(test.change(lines), "\n"))
			_, err := ReadPrivate(d.Private)
			if err == nil || !strings.Contains(err.Error(), private+": "+test.line) {
				t.Errorf("error %v, want one of %s", err, test.line)
			}
			if err != nil && (strings.Contains(err.Error(), strings.Split(good, "\n")[5][:8]) || strings.Contains(err.Error(), strangers[5][:8])) {
				t.Error("the error has something of a key")
			}
		})
	}
	put(t, private, good)
	for name, text := range map[string]string{
		"a public key in place of a private one": read(t, public), "too long": good + strings.Repeat("x", maxFile),
	} {
		put(t, private, text)
		if _, err := ReadPrivate(d.Private); err == nil || !strings.Contains(err.Error(), private) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, public, good)
	if _, err := ReadPublic(d.Public); err == nil || !strings.Contains(err.Error(), public+": line 1: ") {
		t.Errorf("a private key in place of a public one: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	d, pairs := store(t, 0)
	key := filepath.Join(d.Private, pairs[0].Name()+".key")
	for _, test := range []struct {
		path string
		mode os.FileMode
		ok   bool
	}{
		{key, 0o600, true},
		{key, 0o400, true},
		{key, 0o640, false},
		{key, 0o604, false},
		{key, 0o644, false},
		{key, 0o620, false},
		{d.Private, 0o700, true},
		{d.Private, 0o755, true},
		{d.Private, 0o770, false},
		{d.Private, 0o777, false},
		{d.Private, 0o777 | os.ModeSticky, true},
	} {
		if err := os.Chmod(test.path, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := ReadPrivate(d.Private)
		if (err == nil) != test.ok {
			t.Errorf("%v: %v", test.mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod") {
			t.Errorf("%v: the error does not say what to do: %v", test.mode, err)
		}
		if err := os.Chmod(test.path, 0o700&(test.mode|0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingThere: the errors say what to do.
func TestNothingThere(t *testing.T) {
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	put(t, filepath.Join(empty, "README"), "x")
	put(t, filepath.Join(empty, ".hidden.key"), "x")
	put(t, filepath.Join(empty, ".hidden.pub"), "x")
	_, err := ReadPrivate(empty)
	if err == nil || !strings.Contains(err.Error(), empty) || !strings.Contains(err.Error(), "keys new") {
		t.Errorf("private: %v", err)
	}
	_, err = ReadPublic(empty)
	if err == nil || !strings.Contains(err.Error(), empty) || !strings.Contains(err.Error(), "keys new") {
		t.Errorf("public: %v", err)
	}
	if _, err := ReadPrivate(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("private: %v", err)
	}
	if _, err := ReadPublic(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("public: %v", err)
	}
	if err := os.Mkdir(filepath.Join(empty, "d.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPrivate(empty); err == nil || !strings.Contains(err.Error(), "d.key") {
		t.Errorf("a directory as a key: %v", err)
	}
}

// TestMounted: files of a mounted Kubernetes secret are links into a directory
// whose name begins with points.
func TestMounted(t *testing.T) {
	d, pairs := store(t, 0)
	mount := t.TempDir()
	if err := os.Symlink(d.Private, filepath.Join(mount, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..data", pairs[0].Name()+".key"), filepath.Join(mount, "gate.key")); err != nil {
		t.Fatal(err)
	}
	if keys, err := ReadPrivate(mount); err != nil || len(keys) != 1 || keys[0].ID != pairs[0].ID {
		t.Errorf("%d keys: %v", len(keys), err)
	}
}

// TestSameKeyTwice: a copy under another name is one key.
func TestSameKeyTwice(t *testing.T) {
	d, pairs := store(t, 0)
	put(t, filepath.Join(d.Private, "copy.key"), read(t, filepath.Join(d.Private, pairs[0].Name()+".key")))
	put(t, filepath.Join(d.Public, "copy.pub"), read(t, filepath.Join(d.Public, pairs[0].Name()+".pub")))
	if keys, err := ReadPrivate(d.Private); err != nil || len(keys) != 1 {
		t.Errorf("%d private keys: %v", len(keys), err)
	}
	if keys, err := ReadPublic(d.Public); err != nil || len(keys) != 1 {
		t.Errorf("%d public keys: %v", len(keys), err)
	}
}

// FuzzFiles: a key file that is taken encodes to the same bytes, and errors
// say nothing of what stands in it.
func FuzzFiles(f *testing.F) {
	seed := make([]byte, 32)
	k, err := newPrivateKey(seed, day1)
	if err != nil {
		f.Fatal(err)
	}
	text, err := k.encode()
	if err != nil {
		f.Fatal(err)
	}
	seeds := [][]byte{text, k.Public().encode(), encode(destroyedKind, k.ID, k.Created, days(3), nil)}
	for i, s := range seeds {
		if !taken(s)[i] {
			f.Fatalf("seed %d is refused", i)
		}
		f.Add(s)
		f.Add(s[:len(s)-1])
		f.Add(bytes.ReplaceAll(s, []byte("\n"), []byte("\r\n")))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if k, err := decodePrivate(text); err == nil {
			if again, err := k.encode(); err != nil || !bytes.Equal(again, text) {
				t.Error("a private key encodes to other bytes")
			}
		} else if lines := bytes.Split(text, []byte("\n")); len(lines) > 5 && len(lines[5]) > 20 && !strings.Contains("-----BEGIN "+privateKind+"-----", string(lines[5])) && strings.Contains(err.Error(), string(lines[5])) {
			t.Error("the error has the line of the key")
		}
		if k, err := decodePublic(text); err == nil && !bytes.Equal(k.encode(), text) {
			t.Error("a public key encodes to other bytes")
		}
		if p, err := decode(destroyedKind, text); err == nil && !bytes.Equal(encode(destroyedKind, p.id, p.created, p.destroyed, nil), text) {
			t.Error("a tombstone encodes to other bytes")
		}
	})
}

// taken says as what a file is taken: private, public, destroyed.
func taken(text []byte) [3]bool {
	_, private := decodePrivate(text)
	_, public := decodePublic(text)
	_, destroyed := decode(destroyedKind, text)
	return [3]bool{private == nil, public == nil, destroyed == nil}
}

// TestEncode: the form the document has.
func TestEncode(t *testing.T) {
	k, err := newPrivateKey(make([]byte, 32), day1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.encode()
	want := "-----BEGIN TRACESCRUB PRIVATE KEY-----\nAlgorithm: MLKEM768-X25519\nId: " + k.ID.String() +
		"\nCreated: 2026-03-01T12:00:00Z\n\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) +
		"\n-----END TRACESCRUB PRIVATE KEY-----\n"
	if err != nil || string(text) != want {
		t.Error("not the form of the document")
	}
	at := day1.In(time.FixedZone("elsewhere", 3600))
	if got := encode(destroyedKind, k.ID, at, at, nil); !strings.Contains(string(got), "\nDestroyed: 2026-03-01T12:00:00Z\n-----END") {
		t.Errorf("a tombstone is\n%s", got)
	}
}
