package login

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// FuzzFlow: only the cookie that this gate has made begins where a login ends.
func FuzzFlow(f *testing.F) {
	for _, s := range []string{"", "a", "====", "\u202e", "e30", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		f.Add(s, uint16(0), byte(0))
	}
	f.Add("", uint16(3), byte(1))
	now := time.Now()
	s := newSealer()
	honest := s.seal(flow{State: "s", Nonce: "n", Verifier: "v", Next: "/", Started: now})
	if _, err := s.open(honest, now); err != nil {
		f.Fatal(err)
	}
	decoded := func(s string) string { // some texts mean the same bytes
		b, _ := base64.RawURLEncoding.DecodeString(s)
		return string(b)
	}
	f.Fuzz(func(t *testing.T, cookie string, at uint16, change byte) {
		changed := []byte(honest)
		changed[int(at)%len(changed)] ^= change
		for _, c := range []string{cookie, string(changed), cookie + honest, honest + cookie} {
			got, err := s.open(c, now)
			switch {
			case err == nil && got.State != "s":
				t.Error("another login")
			case err != nil && (!errors.Is(err, ErrRefused) || got != flow{}):
				t.Errorf("%v", err)
			case err == nil && decoded(c) != decoded(honest):
				t.Error("a cookie of somebody else")
			}
		}
	})
}
