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
	added, err := k.Reload()
	require.NoError(t, err)
	require.Empty(t, added)
	first := k.ring.Keys()[0]

	pair, err := keyfiles.In(filepath.Join(w.dir, "keys")).Rotate(time.Now().Add(time.Minute))
	require.NoError(t, err)
	added, err = k.Reload()
	require.NoError(t, err)
	require.Equal(t, []envelope.KeyID{pair.ID}, added)
	added, err = k.Reload()
	require.NoError(t, err)
	require.Empty(t, added, "told once")

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
