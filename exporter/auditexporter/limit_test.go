package auditexporter

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// envLimited says to a test that it runs in a process of its own.
const envLimited = "AUDITEXPORTER_LIMITED"

// inProcess runs the test of this name, and no other, in a process of its own,
// and fails if it did not pass there.
func inProcess(t *testing.T, name, env string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+name)
}

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
