package witness

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/witness/witnesstest"
)

// aLog is a tree of so many entries, with its hash file.
type aLog struct {
	dir, private, public string
	tree                 *proof.Tree
	hashes               []byte
}

const origin = "example.org/log"

func newLog(t *testing.T) *aLog {
	t.Helper()
	private, public, err := proof.NewKey(origin, nil)
	require.NoError(t, err)
	return &aLog{dir: t.TempDir(), private: private, public: public, tree: &proof.Tree{}}
}

// grow adds entries and returns the checkpoint that covers them.
func (l *aLog) grow(t *testing.T, n int, text string) []byte {
	t.Helper()
	for range n {
		for _, h := range l.tree.Add(tlog.RecordHash([]byte(text))) {
			l.hashes = append(l.hashes, h[:]...)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, files.Hashes), l.hashes, 0o600))
	signed, err := proof.Checkpoint{Origin: origin, Size: l.tree.Size(), Root: l.tree.Root()}.Sign(l.private)
	require.NoError(t, err)
	return signed
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func client(t *testing.T, l *aLog, key, url string) *Client {
	t.Helper()
	v, err := NewVerifier(key)
	require.NoError(t, err)
	return &Client{HTTP: http.DefaultClient, URL: url, Key: v, Dir: l.dir}
}

// both wants a checkpoint that the log's key and the witness's key have signed.
func both(t *testing.T, signed []byte, l *aLog, keys ...string) {
	t.Helper()
	_, _, err := proof.Open(signed, []string{l.public})
	require.NoError(t, err)
	var vs []note.Verifier
	for _, k := range keys {
		v, err := NewVerifier(k)
		require.NoError(t, err)
		vs = append(vs, v)
	}
	n, err := note.Open(signed, note.VerifierList(vs...))
	require.NoError(t, err)
	require.Len(t, n.Sigs, len(keys))
}

func TestCosign(t *testing.T) {
	l, w := newLog(t), witnesstest.New("witness.example.org/w1")
	require.NoError(t, w.Trust(l.public))
	c := client(t, l, w.Key, serve(t, w)+"/prefix/")
	var before []byte
	for i, n := range []int{1, 2, 4, 1, 1, 100, 27} {
		signed := l.grow(t, n, "x")
		sig, err := c.Cosign(t.Context(), signed)
		require.NoError(t, err, i)
		before, err = Add(before, signed, sig)
		require.NoError(t, err)
		both(t, before, l, w.Key)
		require.Equal(t, l.tree.Size(), w.Size(origin))
	}
	require.Equal(t, []string{"old 0", "old 1", "old 3", "old 7", "old 8", "old 9", "old 109"}, w.Requests())

	// The same again is taken, and its cosignature takes the place of the old one.
	signed := l.grow(t, 0, "")
	sig, err := c.Cosign(t.Context(), signed)
	require.NoError(t, err)
	after, err := Add(before, signed, sig)
	require.NoError(t, err)
	both(t, after, l, w.Key)
	require.Equal(t, bytes.Count(before, []byte("\n")), bytes.Count(after, []byte("\n")))

	// Who has forgotten what was cosigned hears it from the witness.
	c.Old = 0
	_, err = c.Cosign(t.Context(), l.grow(t, 3, "x"))
	require.NoError(t, err)
	require.Equal(t, []string{"old 0", "old 136"}, w.Requests()[8:])
}

// TestRefused: what a witness that refuses means.
func TestRefused(t *testing.T) {
	l, w := newLog(t), witnesstest.New("w")
	c := client(t, l, w.Key, serve(t, w))
	_, err := c.Cosign(t.Context(), l.grow(t, 1, "x"))
	require.ErrorContains(t, err, "404")

	other := newLog(t)
	require.NoError(t, w.Trust(other.public))
	_, err = c.Cosign(t.Context(), l.grow(t, 1, "x"))
	require.ErrorContains(t, err, "403")

	require.NoError(t, w.Trust(l.public))
	_, err = c.Cosign(t.Context(), l.grow(t, 3, "x"))
	require.NoError(t, err)

	for _, test := range []struct {
		name    string
		n       int
		text    string
		forgets bool
		want    error
	}{
		{"rolled back", 4, "x", false, ErrRolledBack},
		{"rolled back, told by the witness", 4, "x", true, ErrRolledBack},
		{"forked, the same size", 5, "y", false, ErrForked},
		{"forked, the same size, told by the witness", 5, "y", true, ErrForked},
		{"forked and regrown", 9, "y", false, ErrForked},
		{"forked and regrown, told by the witness", 9, "y", true, ErrForked},
	} {
		t.Run(test.name, func(t *testing.T) {
			forked := &aLog{dir: t.TempDir(), private: l.private, public: l.public, tree: &proof.Tree{}}
			d := client(t, forked, w.Key, c.URL)
			if !test.forgets {
				d.Old = c.Old
			}
			_, err := d.Cosign(t.Context(), forked.grow(t, test.n, test.text))
			require.ErrorIs(t, err, test.want)
			require.EqualValues(t, 5, w.Size(origin))
		})
	}
}

// TestHostileAnswers: nothing but a cosignature of the checkpoint by the
// witness's key is taken.
func TestHostileAnswers(t *testing.T) {
	l, w, other := newLog(t), witnesstest.New("w"), witnesstest.New("w")
	require.NoError(t, w.Trust(l.public))
	require.NoError(t, other.Trust(l.public))
	signed := l.grow(t, 1, "x")
	of := func(w *witnesstest.Witness, signed []byte) string {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", io.MultiReader(strings.NewReader("old 0\n\n"), bytes.NewReader(signed))))
		require.Equal(t, http.StatusOK, rec.Code)
		return rec.Body.String()
	}
	foreign := of(other, signed)
	for name, damage := range map[string]func(w *witnesstest.Witness, s string) string{
		"of a longer text":    func(w *witnesstest.Witness, _ string) string { return "\n" + w.Cosign(string(signed)) },
		"nothing":             func(*witnesstest.Witness, string) string { return "" },
		"of another key":      func(*witnesstest.Witness, string) string { return foreign },
		"not a line":          func(_ *witnesstest.Witness, s string) string { return strings.TrimSuffix(s, "\n") },
		"no signature":        func(*witnesstest.Witness, string) string { return "ok\n" },
		"a changed time":      func(_ *witnesstest.Witness, s string) string { return change(t, s, 4) },
		"a changed signature": func(_ *witnesstest.Witness, s string) string { return change(t, s, 20) },
		"of the log's own key": func(*witnesstest.Witness, string) string {
			return string(signed[bytes.Index(signed, []byte("\n\n"))+2:])
		},
		"an empty line first":   func(_ *witnesstest.Witness, s string) string { return "\n" + s },
		"another text before":   func(_ *witnesstest.Witness, s string) string { return "\n" + s + "\n" + s },
		"far too long":          func(_ *witnesstest.Witness, s string) string { return strings.Repeat(foreign, 1000) + s },
		"half":                  func(_ *witnesstest.Witness, s string) string { return s[:len(s)/2] },
		"control characters":    func(_ *witnesstest.Witness, s string) string { return s + "\x00\n" },
		"known and broken line": func(_ *witnesstest.Witness, s string) string { return change(t, s, 30) + s },
	} {
		t.Run(name, func(t *testing.T) {
			w := witnesstest.New("w")
			require.NoError(t, w.Trust(l.public))
			w.Damage = func(s string) string { return damage(w, s) }
			c := client(t, l, w.Key, serve(t, w))
			_, err := c.Cosign(t.Context(), signed)
			require.ErrorContains(t, err, "no cosignature by its key")
			require.Zero(t, c.Old)
		})
	}
	// Others beside it are left alone.
	w = witnesstest.New("w")
	require.NoError(t, w.Trust(l.public))
	w.Damage = func(s string) string { return foreign + s }
	sig, err := client(t, l, w.Key, serve(t, w)).Cosign(t.Context(), signed)
	require.NoError(t, err)
	merged, err := Add(nil, signed, sig)
	require.NoError(t, err)
	both(t, merged, l, w.Key)
}

// change changes a byte of a signature.
func change(t *testing.T, line string, at int) string {
	t.Helper()
	i := strings.LastIndex(line, " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(line[i+1:], "\n"))
	require.NoError(t, err)
	raw[at] ^= 1
	return line[:i+1] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestAdd(t *testing.T) {
	l := newLog(t)
	one, two := witnesstest.New("w1"), witnesstest.New("w2")
	sign := func(w *witnesstest.Witness, signed []byte) note.Signature {
		require.NoError(t, w.Trust(l.public))
		c := client(t, l, w.Key, serve(t, w))
		sig, err := c.Cosign(t.Context(), signed)
		require.NoError(t, err)
		return sig
	}
	small := l.grow(t, 1, "x")
	sigOne := sign(one, small)
	large := l.grow(t, 1, "x")
	sigTwo := sign(two, large)

	file, err := Add([]byte("garbage"), small, sigOne)
	require.NoError(t, err)
	both(t, file, l, one.Key)
	file, err = Add(file, large, sigTwo)
	require.NoError(t, err)
	both(t, file, l, two.Key)
	same, err := Add(file, small, sigOne)
	require.NoError(t, err)
	require.Equal(t, file, same, "an older one does not take the place of a newer")
	file, err = Add(file, large, sign(one, large))
	require.NoError(t, err)
	both(t, file, l, one.Key, two.Key)
	_, err = Add(nil, []byte("garbage"), sigOne)
	require.Error(t, err)
}

func TestNewVerifier(t *testing.T) {
	good := witnesstest.New("witness.example.org/w1").Key
	v, err := NewVerifier(good)
	require.NoError(t, err)
	require.Equal(t, "witness.example.org/w1", v.Name())
	require.Contains(t, good, fmt.Sprintf("+%08x+", v.KeyHash()))
	require.False(t, v.Verify([]byte("x"), nil))
	_, public, err := proof.NewKey(origin, nil)
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"empty": "", "a word": "word", "no name": good[strings.Index(good, "+"):], "a log's key": public,
		"another name": "x" + good, "half": good[:len(good)-8], "no base64": good[:len(good)-1] + "!",
	} {
		_, err := NewVerifier(bad)
		require.Error(t, err, name)
	}
}

// TestNoProof: without the hashes there is no request.
func TestNoProof(t *testing.T) {
	l, w := newLog(t), witnesstest.New("w")
	require.NoError(t, w.Trust(l.public))
	c := client(t, l, w.Key, serve(t, w))
	_, err := c.Cosign(t.Context(), l.grow(t, 1, "x"))
	require.NoError(t, err)
	signed := l.grow(t, 5, "x")
	require.NoError(t, os.Truncate(filepath.Join(l.dir, files.Hashes), 32))
	_, err = c.Cosign(t.Context(), signed)
	require.ErrorContains(t, err, "hash")
	_, err = c.Cosign(t.Context(), []byte("garbage"))
	require.Error(t, err)
}
