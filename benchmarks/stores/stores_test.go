package stores

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forgetful does not keep, or keeps something else.
type forgetful struct {
	holdstore.Store
	puts    int
	garbage bool
}

func (f *forgetful) Put(ctx context.Context, it *holdstore.Item) error {
	if f.puts++; f.puts == 2 && !f.garbage {
		return nil
	}
	return f.Store.Put(ctx, it)
}

func (f *forgetful) Chunks(ctx context.Context, id envelope.ID, ref holdstore.Ref, part envelope.Part) ([][]byte, error) {
	all, err := f.Store.Chunks(ctx, id, ref, part)
	if f.garbage && len(all) > 0 {
		all[0][0] ^= 1
	}
	return all, err
}

func open(t *testing.T) holdstore.Store {
	t.Helper()
	s, err := local.Open(local.Config{Directory: filepath.Join(t.TempDir(), "store")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestPut(t *testing.T) {
	for _, l := range Loads {
		l.Items = 5
		figures, err := Put(t.Context(), "local", open(t), l, 1)
		require.NoError(t, err)
		require.Len(t, figures, 4)
		for _, f := range figures {
			require.Equal(t, "local, "+l.Name, f.Row)
			require.Positive(t, f.Value)
		}
	}
}

// TestLies: a store that is fast because it does not store is an error.
func TestLies(t *testing.T) {
	l := Load{Name: "some", Size: 5000, Callers: 1, Items: 3}
	_, err := Put(t.Context(), "lost", &forgetful{Store: open(t)}, l, 1)
	require.ErrorContains(t, err, "tells of 2 items, want 3")
	_, err = Put(t.Context(), "garbage", &forgetful{Store: open(t), garbage: true}, l, 1)
	require.ErrorContains(t, err, "is not what was put")
}

func TestEachStops(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	require.ErrorIs(t, Each(1, 10, func(int) error { n++; return broken }), broken)
	require.Equal(t, 1, n)
}
