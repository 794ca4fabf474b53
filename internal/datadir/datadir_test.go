package datadir

import "testing"

func TestDefault(t *testing.T) {
	for env, want := range map[string]string{"": "data", "/var/lib/x": "/var/lib/x"} {
		t.Setenv("TRACESCRUB_DATA", env)
		if got := Default(); got != want {
			t.Errorf("%q: %q, want %q", env, got, want)
		}
	}
}
