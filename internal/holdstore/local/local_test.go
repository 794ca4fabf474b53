package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

func TestMain(m *testing.M) {
	if crashHelper() {
		return
	}
	goleak.VerifyTestMain(m)
}

// steps are all the places where a write can be made to fail, as faultAt does.
var steps = []string{
	"payload", "payload done", "capsule", "capsule done", "index", "index done",
	"rewrite copied", "rewrite renamed", "undoom",
}

// switchable is a step function whose failure tests switch on and off.
type switchable struct{ failing atomic.Pointer[string] }

var errInjected = errors.New("injected")

func (s *switchable) step(name string) error {
	if at := s.failing.Load(); at != nil && *at == name {
		return errInjected
	}
	return nil
}

func (s *switchable) faults() []storetest.Fault {
	var all []storetest.Fault
	for _, name := range steps {
		all = append(all, storetest.Fault{Name: name, Inject: func(*testing.T) func() {
			s.failing.Store(&name)
			return func() { s.failing.Store(nil) }
		}})
	}
	return all
}

func harness(t *testing.T, opt options) storetest.Harness {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	var sw switchable
	opt.step = sw.step
	return storetest.Harness{
		Open: func(t *testing.T) holdstore.Store {
			t.Helper()
			s, err := openWith(Config{Directory: dir}, opt)
			require.NoError(t, err)
			return s
		},
		Corrupt: func(t *testing.T, it *holdstore.Item) {
			t.Helper()
			flip(t, filepath.Join(dir, itemsName(dayOf(it.HeldAt))), it.View[0])
		},
		Faults: sw.faults(),
	}
}

// flip changes one bit of what a file has in place of some bytes: of every
// copy, since a database leaves some in pages that are free.
func flip(t *testing.T, path string, where []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	n := 0
	for i := bytes.Index(data, where); i >= 0; n++ {
		_, err = f.WriteAt([]byte{data[i] ^ 1}, int64(i))
		require.NoError(t, err)
		data[i] ^= 1
		i = bytes.Index(data, where)
	}
	require.NotZero(t, n, "not in the file")
	require.NoError(t, f.Close())
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Helper()
		return harness(t, options{})
	})
}

// TestStoreOfManyFiles has a new file of capsules every few items.
func TestStoreOfManyFiles(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Helper()
		return harness(t, options{keysSize: 40 << 10})
	})
}
