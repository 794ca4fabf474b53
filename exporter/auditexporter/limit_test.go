package auditexporter

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// limitFiles lets no file of this process have more than so many bytes, until
// the function it returns is called.
func limitFiles(t *testing.T, most uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // an error, not the end of the process
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	now := before
	now.Cur = most
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now))
	return func() {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
		signal.Reset(syscall.SIGXFSZ)
	}
}
