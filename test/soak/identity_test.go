//go:build e2e

package soak

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/idptest"
)

// valid is how far before and behind now certificates and tokens are valid:
// further than any clock is set.
const valid = 60 * 24 * time.Hour

// newIssuer starts an identity provider.
func newIssuer(t *testing.T) *idptest.Provider {
	t.Helper()
	p := idptest.New()
	t.Cleanup(p.Close)
	return p
}

// tokenOf says who somebody is, who logged in just now.
func tokenOf(p *idptest.Provider, subject string, groups ...string) string {
	now := time.Now()
	return p.Token(map[string]any{
		"aud": "telemetry", "sub": subject, "groups": groups, "preferred_username": nil,
		"iat": now.Add(-valid).Unix(), "exp": now.Add(valid).Unix(),
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
