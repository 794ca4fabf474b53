//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// vault makes secrets and remembers what must not be seen again.
type vault struct {
	rng    *rand.Rand
	bodies map[string]string // random part to the place it was planted in
}

func newVault(seed uint64) *vault {
	return &vault{rng: rand.New(rand.NewPCG(seed, 2)), bodies: map[string]string{}}
}

func (v *vault) random(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[v.rng.IntN(len(alphabet))]
	}
	return string(b)
}

// token makes a GitHub token with its checksum, for a place.
func (v *vault) token(place string) string {
	body := v.random(base62, 30)
	v.bodies[body] = place
	sum := crc32.ChecksumIEEE([]byte(body))
	check := ""
	for range 6 {
		check = string(base62[sum%62]) + check
		sum /= 62
	}
	return "gh" + "p_" + body + check
}

// password makes a secret that only the name beside it gives away.
func (v *vault) password(place string) string {
	p := v.random(base62, 18) + "!"
	v.bodies[p[:18]] = place
	return p
}

// passcode makes a secret number.
func (v *vault) passcode(place string) int64 {
	n := 100_000_000_000 + v.rng.Int64N(900_000_000_000) // twelve digits, more is no passcode
	v.bodies[fmt.Sprint(n)] = place
	return n
}

// check fails the test for every place whose secret, or any twelve bytes of
// it, stands in a surface, as it is or encoded. It never prints the secret.
func (v *vault) check(t *testing.T, surfaces map[string][]byte) {
	t.Helper()
	if len(v.bodies) == 0 || len(surfaces) == 0 {
		t.Fatal("nothing to look for, or nowhere to look")
	}
	for name, text := range surfaces {
		for body, place := range v.bodies {
			for _, form := range forms(body) {
				if bytes.Contains(text, form) {
					t.Errorf("a secret planted in %s is in %s", place, name)
					break
				}
			}
		}
	}
}

// forms are the pieces of a secret that any leak of it would hold one of.
func forms(body string) [][]byte {
	var all [][]byte
	piece := min(12, len(body))
	for i := 0; i+piece <= len(body); i += 3 {
		all = append(all, []byte(body[i:i+piece]))
	}
	all = append(all, []byte(hex.EncodeToString([]byte(body[:piece]))))
	for shift := range 3 { // base64 has three faces of the same bytes
		s := base64.RawStdEncoding.EncodeToString([]byte("xxx"[:shift] + body))
		first := (shift*8 + 5) / 6
		all = append(all, []byte(s[first:first+len(body)]))
	}
	return all
}

// TestVault sees the leak check find every form it is there for.
func TestVault(t *testing.T) {
	v := newVault(1)
	secret := v.token("here")
	body := secret[4:34]
	for _, leak := range []string{
		secret, body[3:16],
		hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		base64.URLEncoding.EncodeToString([]byte("ab" + secret)),
	} {
		found := false
		for _, form := range forms(body) {
			found = found || bytes.Contains([]byte("before "+leak+" after"), form)
		}
		if !found {
			t.Errorf("a leak of %d bytes was not seen", len(leak))
		}
	}
}
