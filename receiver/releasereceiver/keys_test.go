package releasereceiver

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

func TestKeysAreLookedAfter(t *testing.T) {
	w := newWorld(t)
	k, err := readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	first := k.ring.Keys()[0]
	untold := func(k *keys) (ids []envelope.KeyID, rotated []bool) {
		t.Helper()
		pairs, err := k.Reload()
		require.NoError(t, err)
		for _, p := range pairs {
			require.False(t, p.Created.IsZero())
			ids, rotated = append(ids, p.ID), append(rotated, p.Rotated)
		}
		return ids, rotated
	}
	tell := func(k *keys) {
		t.Helper()
		pairs, err := k.Reload()
		require.NoError(t, err)
		require.NoError(t, k.Told(pairs))
	}
	for range 2 {
		ids, rotated := untold(k)
		require.Equal(t, []envelope.KeyID{first}, ids, "until it was told")
		require.Equal(t, []bool{false}, rotated)
	}
	tell(k)

	pair, err := keyfiles.In(filepath.Join(w.dir, "keys")).Rotate(time.Now().Add(time.Minute))
	require.NoError(t, err)
	again, err := readKeys(w.cfg, zap.NewNop()) // the gate did not run meanwhile
	require.NoError(t, err)
	for _, k := range []*keys{k, again} {
		ids, rotated := untold(k)
		require.Equal(t, []envelope.KeyID{pair.ID}, ids)
		require.Equal(t, []bool{true}, rotated)
	}
	file := filepath.Join(k.dir, toldName)
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.MkdirAll(filepath.Join(file, "in the way"), 0o700))
	pairs, err := k.Reload()
	require.NoError(t, err)
	require.Error(t, k.Told(pairs))
	ids, _ := untold(k)
	require.Equal(t, []envelope.KeyID{pair.ID}, ids)
	require.NoError(t, os.RemoveAll(file))
	tell(k)
	ids, _ = untold(k)
	require.Empty(t, ids, "told once")
	again, err = readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	ids, _ = untold(again)
	require.Empty(t, ids, "by whoever")
	require.NoError(t, os.WriteFile(file, []byte("what?\n"+first.String()), 0o600))
	again, err = readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	ids, _ = untold(again)
	require.Equal(t, []envelope.KeyID{pair.ID}, ids, "a damaged file only makes it tell more")

	const age = 48 * time.Hour
	never := func(envelope.KeyID) bool { t.Error("asked too early"); return false }
	require.NoError(t, k.Destroy(age, time.Now().Add(24*time.Hour), never))
	var asked []envelope.KeyID
	keep := func(id envelope.KeyID) bool { asked = append(asked, id); return true }
	require.NoError(t, k.Destroy(age, time.Now().Add(72*time.Hour), keep))
	require.Equal(t, []envelope.KeyID{first}, asked)
	require.True(t, k.ring.Has(first))
	require.NoError(t, k.Destroy(age, time.Now().Add(72*time.Hour), func(envelope.KeyID) bool { return false }))
	_, err = k.Reload()
	require.NoError(t, err)
	require.False(t, k.ring.Has(first))
	require.True(t, k.ring.Has(pair.ID))
}

// TestTwoGatesMakeOneKey: the second finds the first's file and must read it.
func TestTwoGatesMakeOneKey(t *testing.T) {
	w := newWorld(t)
	a, err := readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	b, err := readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(w.cfg.Keys.Private, macName), "not before the store was read")
	require.NoError(t, a.admit(0))
	require.ErrorIs(t, b.admit(0), os.ErrExist)
	b, err = readKeys(w.cfg, zap.NewNop())
	require.NoError(t, err)
	require.Equal(t, a.mac, b.mac)
	require.NoError(t, b.admit(5), "foreign entries are ignored, not obeyed")
}
