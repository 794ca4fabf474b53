package instances

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errPlanted = errors.New("planted")

type config struct{ name string }

type thing struct{ name string }

func never(t *testing.T) func() (*thing, error) {
	t.Helper()
	return func() (*thing, error) {
		t.Error("made twice")
		return nil, nil
	}
}

// TestTable: one value for a key, also if another key is equal to it; made with
// the first and ended with the last.
func TestTable(t *testing.T) {
	var table Table[*config, *thing]
	one, other := &config{"same"}, &config{"same"}
	first, err := table.Acquire(one, func() (*thing, error) { return &thing{"one"}, nil })
	require.NoError(t, err)
	second, err := table.Acquire(one, never(t))
	require.NoError(t, err)
	require.Same(t, first, second)
	third, err := table.Acquire(other, func() (*thing, error) { return &thing{"other"}, nil })
	require.NoError(t, err)
	require.NotSame(t, first, third)
	require.Equal(t, 2, table.Users(one))
	require.Equal(t, 1, table.Users(other))

	var ended []string
	end := func(v *thing) error {
		ended = append(ended, v.name)
		return errPlanted
	}
	require.NoError(t, table.Release(one, end))
	require.Empty(t, ended)
	require.ErrorIs(t, table.Release(one, end), errPlanted)
	require.ErrorIs(t, table.Release(other, end), errPlanted)
	require.Equal(t, []string{"one", "other"}, ended)
	require.Zero(t, table.Users(one))

	again, err := table.Acquire(one, func() (*thing, error) { return &thing{"again"}, nil })
	require.NoError(t, err)
	require.Equal(t, "again", again.name)
}

// TestNotMade: what could not be made is not kept, and the next may try.
func TestNotMade(t *testing.T) {
	var table Table[*config, *thing]
	key := &config{}
	_, err := table.Acquire(key, func() (*thing, error) { return nil, errPlanted })
	require.ErrorIs(t, err, errPlanted)
	require.Zero(t, table.Users(key))
	_, err = table.Acquire(key, func() (*thing, error) { return &thing{}, nil })
	require.NoError(t, err)
	require.Equal(t, 1, table.Users(key))
}

// TestTogether: of many at the same time one makes it, and one ends it.
func TestTogether(t *testing.T) {
	var table Table[*config, *thing]
	key := &config{}
	alive, most := 0, 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				_, err := table.Acquire(key, func() (*thing, error) {
					alive++
					most = max(most, alive)
					return &thing{}, nil
				})
				if err != nil {
					t.Error(err)
				}
				if err := table.Release(key, func(*thing) error { alive--; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, alive)
	require.Equal(t, 1, most)
}
