package verify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

func (a *attacked) read(name string) string {
	b, err := os.ReadFile(filepath.Join(a.dir, name))
	require.NoError(a.t, err)
	return strings.TrimSpace(string(b))
}

func (a *attacked) write(name string, b []byte) {
	require.NoError(a.t, os.WriteFile(filepath.Join(a.dir, name), b, 0o600))
}

// regrow writes another log in the place of this one with another key.
func (a *attacked) regrow(private, public string) {
	require.NoError(a.t, os.RemoveAll(a.dir))
	require.NoError(a.t, os.Mkdir(a.dir, 0o700))
	a.write(files.Private, []byte(private))
	a.write(files.Public, []byte(public+"\n"))
	w := a.open()
	for i := range 60 {
		a.append(w, i, "somebody else")
	}
	require.NoError(a.t, w.Close())
}

// only returns the codes of what is wrong, for who trusts these keys.
func (a *attacked) only(keys ...string) (codes []verify.Code) {
	r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Keys: keys})
	require.NoError(a.t, err)
	for _, p := range r.Problems {
		codes = append(codes, p.Code)
	}
	return codes
}

// TestForgedHandover: whoever can only write files must not get a key of theirs
// trusted, whatever they say handed over to it.
func TestForgedHandover(t *testing.T) {
	a := build(t)
	genuine := a.read(files.Public)
	checkpoint := a.read(files.Checkpoint) + "\n"
	private, public, err := proof.NewKey("example.com/audit", nil)
	require.NoError(t, err)
	a.regrow(private, public)
	c, err := proof.Read([]byte(checkpoint))
	require.NoError(t, err)
	mine, err := c.Sign(private)
	require.NoError(t, err)
	_, signature, _ := strings.Cut(string(mine), "\n\n")
	both := []byte(checkpoint + signature)
	_, by, err := proof.Open(both, []string{genuine, public})
	require.NoError(t, err)
	require.Len(t, by, 2, "a checkpoint that both keys signed")

	own, err := os.ReadFile(filepath.Join(a.dir, files.Checkpoint))
	require.NoError(t, err)
	now, err := proof.Read(own)
	require.NoError(t, err)
	e := &entry.Entry{ID: strings.Repeat("0", 32), Kind: entry.Key, Seq: now.Size - 1, Attributes: map[string]any{"previous": genuine, "key": public}}
	line, err := e.Line()
	require.NoError(t, err)
	for name, handover := range map[string][]byte{
		"two signatures":               both,
		"an entry that is not there":   (&proof.Receipt{Index: e.Seq, Extra: line, Checkpoint: both}).Marshal(),
		"an entry of the other's tree": (&proof.Receipt{Index: e.Seq, Extra: line, Checkpoint: own}).Marshal(),
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			a.write(files.Handover(1), handover)
			require.Empty(t, a.onlyFirst(public), "the forged log is good in itself")
			require.Contains(t, a.only(genuine), verify.Signature)
		})
	}
}

// onlyFirst is only without what is wrong with handovers.
func (a *attacked) onlyFirst(key string) (codes []verify.Code) {
	r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Keys: []string{key}})
	require.NoError(a.t, err)
	for _, p := range r.Problems {
		if !strings.HasPrefix(p.File, "handover") {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

// TestRetiredKey: a key that gave way signs no longer, whoever has it now.
func TestRetiredKey(t *testing.T) {
	a := build(t)
	retired, public := a.read(files.Private), a.read(files.Public)
	w := a.open()
	require.NoError(t, w.RotateKey(context.Background()))
	a.append(w, 50, "subject")
	require.NoError(t, w.Close())
	require.Empty(t, a.only(public))
	keys := strings.Fields(a.read(files.Public))
	require.Empty(t, a.only(keys[1]))
	c, err := proof.Read([]byte(a.read(files.Checkpoint) + "\n"))
	require.NoError(t, err)
	for name, private := range map[string]string{"retired": retired, "in use": a.read(files.Private)} {
		signed, err := c.Sign(private)
		require.NoError(t, err)
		a.write(files.Checkpoint, signed)
		if name == "retired" {
			require.Equal(t, []verify.Code{verify.Signature}, a.only(keys...))
		} else {
			require.Empty(t, a.only(keys...))
		}
	}
}

// TestWriterSignsNoForgery: a writer must not go on with, and so sign, what
// somebody else signed, or nobody.
func TestWriterSignsNoForgery(t *testing.T) {
	for name, forge := range map[string]func(a *attacked, genuine string){
		"a key of theirs in log.pub": func(a *attacked, genuine string) {
			public := a.read(files.Public)
			private, other, err := proof.NewKey("example.com/audit", nil)
			require.NoError(a.t, err)
			a.regrow(private, other)
			a.write(files.Private, []byte(genuine))
			a.write(files.Public, fmt.Appendf(nil, "%s\n%s\n", other, public))
		},
		"no checkpoint": func(a *attacked, _ string) {
			require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Checkpoint)))
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			a := build(t)
			forge(a, a.read(files.Private))
			_, err := auditlog.Open(auditlog.Config{Directory: a.dir, Heartbeat: -1, Interval: -1})
			require.ErrorIs(t, err, auditlog.Corrupt)
		})
	}
}
