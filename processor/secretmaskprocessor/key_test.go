package secretmaskprocessor

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestOwnKey(t *testing.T) {
	cfg := testConfig(t)
	cfg.Fingerprint.Key = ""
	cfg.DataDir = filepath.Join(t.TempDir(), "not", "there")
	core, logs := observer.New(zap.WarnLevel)
	key, err := cfg.key(zap.New(core))
	require.NoError(t, err)
	require.Len(t, key, 64)
	require.Equal(t, 1, logs.FilterMessageSnippet("made a fingerprint key").Len())

	info, err := os.Stat(filepath.Join(cfg.DataDir, keyName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	dir, err := os.Stat(cfg.DataDir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), dir.Mode().Perm())
	left, err := os.ReadDir(cfg.DataDir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")

	again, err := cfg.key(zap.New(core))
	require.NoError(t, err)
	require.Equal(t, key, again)
	require.Equal(t, 1, logs.Len())
	for _, l := range logs.All() {
		for _, f := range l.Context {
			require.NotContains(t, f.String, string(key))
		}
	}

	require.NoError(t, os.Chmod(filepath.Join(cfg.DataDir, keyName), 0o644))
	_, err = cfg.key(zap.New(core))
	require.NoError(t, err)
	require.Equal(t, 1, logs.FilterMessageSnippet("can be read by others").Len())
}

func TestOwnKeyIsMadeOnce(t *testing.T) {
	cfg := testConfig(t)
	cfg.Fingerprint.Key = ""
	keys := make([]string, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := cfg.key(zap.NewNop())
			if err == nil {
				keys[i] = string(key)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		require.NotEmpty(t, k)
		require.True(t, k == keys[0], "two processes have different keys")
	}
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T)
		want    []string
	}{
		{"missing", func(*testing.T) {}, []string{"fingerprint::key_file: reading the fingerprint key", file, "no such file"}},
		{
			"short", func(t *testing.T) { t.Helper(); require.NoError(t, os.WriteFile(file, []byte("0123\n"), 0o600)) },
			[]string{"fingerprint::key_file: ", file, "has 4 bytes, at least 16"},
		},
		{
			"too long", func(t *testing.T) {
				t.Helper()
				require.NoError(t, os.WriteFile(file, make([]byte, maxKeyBytes+1), 0o600))
			},
			[]string{"fingerprint::key_file: ", file, "at most"},
		},
		{
			"directory", func(t *testing.T) {
				t.Helper()
				require.NoError(t, os.Remove(file))
				require.NoError(t, os.Mkdir(file, 0o700))
			},
			[]string{"fingerprint::key_file: ", file, "is no regular file"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.prepare(t)
			cfg := testConfig(t)
			cfg.Fingerprint.Key, cfg.Fingerprint.KeyFile = "", file
			require.NoError(t, cfg.Validate())
			p := create(t, cfg)["logs"]
			err := p.Start(t.Context(), componenttest.NewNopHost())
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(file, []byte("0123456789abcdef\r\n"), 0o600))
	cfg := testConfig(t)
	cfg.Fingerprint.Key, cfg.Fingerprint.KeyFile = "", file
	key, err := cfg.key(zap.NewNop())
	require.NoError(t, err)
	require.Equal(t, "0123456789abcdef", string(key))
}

func TestDataDirNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg := testConfig(t)
	cfg.Fingerprint.Key, cfg.DataDir = "", filepath.Join(file, "data")
	_, err := cfg.key(zap.NewNop())
	require.ErrorContains(t, err, "data_dir: ")
	require.ErrorContains(t, err, file)
}
