package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/seal"
)

// keyText is a key file as the document has it.
func keyText(kind string, k handKey, created string, body []byte) []byte {
	text := base64.StdEncoding.EncodeToString(body)
	var b strings.Builder
	fmt.Fprintf(&b, "-----BEGIN %s-----\nAlgorithm: MLKEM768-X25519\nId: %x\nCreated: %s\n\n", kind, k.id(), created)
	for ; len(text) > 64; text = text[64:] {
		fmt.Fprintln(&b, text[:64])
	}
	fmt.Fprintf(&b, "%s\n-----END %s-----\n", text, kind)
	return []byte(b.String())
}

func writeKey(t *testing.T, path string, k handKey, seed []byte) {
	t.Helper()
	if err := os.WriteFile(path, keyText("TRACESCRUB PRIVATE KEY", k, "2026-01-31T12:00:00Z", seed), 0o600); err != nil {
		t.Fatal(err)
	}
}

func handKeyOf(t *testing.T, w string) handKey {
	t.Helper()
	k, err := newHandKey(word(w))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// publicDir is a directory with a public key per word, each a day newer.
func publicDir(t *testing.T, from time.Time, words ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, w := range words {
		k := handKeyOf(t, w)
		created := from.AddDate(0, 0, i).UTC().Format("2006-01-02T15:04:05Z")
		name := filepath.Join(dir, w+".pub")
		if err := os.WriteFile(name, keyText("TRACESCRUB PUBLIC KEY", k, created, k.public()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var viewPlace = handPlace{1, "traces", bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16), make([]byte, 8), "p"}

// TestByHand: what is sealed with fresh randomness opens by hand.
func TestByHand(t *testing.T) {
	s, err := seal.New(publicDir(t, time.Now(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	k := handKeyOf(t, "one")
	for _, n := range []int{0, 1, 1007, 1008, 921455, 921456, 3 << 20} {
		for part, place := range map[envelope.Part]handPlace{
			envelope.View:    viewPlace,
			envelope.Restore: {2, "logs", viewPlace.item, make([]byte, 16), make([]byte, 8), ""},
			envelope.Patch:   {3, "metrics", make([]byte, 16), viewPlace.trace, bytes.Repeat([]byte{3}, 8), "p"},
		} {
			plain := bytes.Repeat(word("text"), n/32+1)[:n]
			c, closer, err := s.Capsule()
			if err != nil {
				t.Fatal(err)
			}
			chunks, err := closer.Close(place.binding(), plain)
			if err != nil {
				t.Fatal(err)
			}
			for i, chunk := range chunks {
				if len(chunk) > 900<<10 {
					t.Errorf("%v of %d bytes: chunk %d has %d bytes", part, n, i, len(chunk))
				}
			}
			if got, err := handOpen(k, c.Enc, place, chunks); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%v of %d bytes: not what was sealed: %v", part, n, err)
			}
		}
	}
}

// TestNewest: the newest key that is not from the future is sealed for.
func TestNewest(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := publicDir(t, made, "b", "c", "a")
	for _, test := range []struct {
		name, want string
		now        time.Time
	}{
		{"all are there", "a", made.AddDate(0, 1, 0)},
		{"the newest within a day", "a", made.AddDate(0, 0, 1)},
		{"the newest beyond a day", "c", made.AddDate(0, 0, 1).Add(-time.Second)},
		{"none but the oldest", "b", made.AddDate(0, 0, -1)},
		{"none", "", made.AddDate(0, 0, -1).Add(-time.Second)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := seal.NewAt(dir, test.now)
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), "clock") {
					t.Errorf("error %v, want one about clocks", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := hex.EncodeToString(handKeyOf(t, test.want).id()); s.Key().String() != want {
				t.Errorf("key %v, want %v", s.Key(), want)
			}
		})
	}
}

// TestOneFile: a file instead of a directory.
func TestOneFile(t *testing.T) {
	s, err := seal.New(filepath.Join(publicDir(t, time.Now(), "one", "two"), "one.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if want := hex.EncodeToString(handKeyOf(t, "one").id()); s.Key().String() != want {
		t.Errorf("key %v, want %v", s.Key(), want)
	}
}

// TestRefuses: what cannot be opened again is not sealed.
func TestRefuses(t *testing.T) {
	s, err := seal.New(publicDir(t, time.Now(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	_, closer, err := s.Capsule()
	if err != nil {
		t.Fatal(err)
	}
	good := viewPlace.binding()
	if _, err := closer.Close(good, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b *envelope.Binding){
		"part 0":             func(b *envelope.Binding) { b.Part = 0 },
		"part 4":             func(b *envelope.Binding) { b.Part = 4 },
		"no signal":          func(b *envelope.Binding) { b.Signal = "" },
		"unknown signal":     func(b *envelope.Binding) { b.Signal = "spans" },
		"view without item":  func(b *envelope.Binding) { b.Item = envelope.ID{} },
		"view with span":     func(b *envelope.Binding) { b.Span[0] = 1 },
		"patch with an item": func(b *envelope.Binding) { b.Part = envelope.Patch },
	} {
		b := good
		change(&b)
		if _, err := closer.Close(b, nil); err == nil {
			t.Errorf("%s: sealed", name)
		}
		if _, err := closer.Packed(b, nil); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
}

// TestLengthsHidden: texts of many lengths have few lengths when sealed, and
// never less than their own.
func TestLengthsHidden(t *testing.T) {
	s, err := seal.New(publicDir(t, time.Now(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	_, closer, err := s.Capsule()
	if err != nil {
		t.Fatal(err)
	}
	b := envelope.Binding{Part: envelope.Patch, Signal: "logs"}
	lengths := map[int]int{}
	for n := range 4096 {
		chunks, err := closer.Close(b, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		size := len(chunks[0])
		lengths[size]++
		if padding := size - n - 61 - 16 - 17; padding < 0 || n > 1024 && float64(padding) > 0.12*float64(n+17) {
			t.Errorf("%d bytes have %d bytes of padding", n, padding)
		}
	}
	if len(lengths) > 60 {
		t.Errorf("4096 lengths have %d lengths when sealed", len(lengths))
	}
	if lengths[1024+61+16] != 1024-17+1 {
		t.Errorf("%d short texts look alike, want %d", lengths[1024+61+16], 1024-17+1)
	}
}

// TestNeverTwice: no two payloads of one capsule have the same salt, key or bytes.
func TestNeverTwice(t *testing.T) {
	s, err := seal.New(publicDir(t, time.Now(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	_, closer, err := s.Capsule()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 1000 {
		chunks, err := closer.Close(viewPlace.binding(), []byte("the same"))
		if err != nil {
			t.Fatal(err)
		}
		salt, commitment := string(chunks[0][13:29]), string(chunks[0][29:61])
		if seen[salt] || seen[commitment] {
			t.Fatal("a salt or a key was used twice")
		}
		seen[salt], seen[commitment] = true, true
	}
}

// TestNothingPrints: neither keys nor what has them show a secret, whatever
// the verb and however deep they are.
func TestNothingPrints(t *testing.T) {
	dirs := keyfiles.In(t.TempDir())
	if _, err := dirs.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	keys, err := keyfiles.ReadPrivate(dirs.Private)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys[0].HPKE().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	export := func(string, int) ([]byte, error) { return seed, nil }
	closer := seal.CloserOf(envelope.Capsule{}, export, nil)
	type deep struct {
		a any
		b keyfiles.PrivateKey
		c *seal.Closer
		d []keyfiles.PrivateKey
	}
	values := []any{keys, keys[0], &keys[0], closer, *closer, deep{keys, keys[0], closer, keys}, &deep{keys[0], keys[0], closer, keys}}
	for i, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			out := fmt.Sprintf(verb, v)
			for form, n := range map[string]string{
				"raw": string(seed), "hex": hex.EncodeToString(seed), "decimal": strings.Trim(fmt.Sprint(seed), "[]"),
				"base64": base64.StdEncoding.EncodeToString(seed), "go": strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", seed), "[]byte{"), "}"),
			} {
				if strings.Contains(strings.ToLower(out), strings.ToLower(n)) {
					t.Errorf("value %d (%v) with %s shows the key as %s", i, reflect.TypeOf(v), verb, form)
				}
			}
		}
	}
}
