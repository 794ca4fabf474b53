package loopback

import "testing"

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:80": true, "127.0.0.1": true, "127.0.0.1:4318": true, "127.9.9.9": true,
		"::1": true, "[::1]": true, "[::1]:80": true, "::ffff:127.0.0.1": true, "[::ffff:127.0.0.1]:80": true,
		"": false, ":80": false, "0.0.0.0:80": false, "[::]:80": false, "192.0.2.1": false, "[2001:db8::1]:80": false,
		"[::ffff:192.0.2.1]:80": false, "example.org": false, "localhost.example.org:80": false, "127.0.0.1.example.org": false,
		"127.0.0.1@example.org": false, "127.1": false, "2130706433": false, "0x7f.0.0.1": false, "127.0.0.1 ": false,
	} {
		if Is(host) != want {
			t.Errorf("%q: %v, want %v", host, !want, want)
		}
	}
}
