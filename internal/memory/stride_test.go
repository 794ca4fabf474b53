package memory

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
)

// TestStrideChangesNothing: going on several bytes at a time finds what going
// on byte by byte does, of any number of values of any length, whole, in
// fragments and encoded.
func TestStrideChangesNothing(t *testing.T) {
	const rounds = 3000
	rng := rand.New(rand.NewPCG(7, 7))
	found, wide := 0, 0
	for range rounds {
		one, many := &Index{most: 1}, new(Index)
		var secrets []string
		for range 1 + rng.IntN(4) {
			alphabet := base62
			if rng.IntN(3) == 0 {
				alphabet += `/+"\&%`
			}
			s := random(rng.Uint64(), 8+rng.IntN(60), alphabet)
			v := New([]byte(s), Tag{Rule: "r", Digest: rng.Uint64(), Form: rng.IntN(2) == 0})
			if v == nil {
				continue
			}
			secrets = append(secrets, s)
			one.Add(v)
			many.Add(v)
		}
		if len(secrets) == 0 {
			continue
		}
		text := plant(rng, secrets)
		want := one.Find(nil, text)
		found += len(want)
		if got := many.Find(nil, text); !slices.Equal(want, got) {
			t.Fatalf("%d places byte by byte, %d with stride %d, %d values, text of %d bytes", len(want), len(got), many.stride, len(secrets), len(text))
		}
		if many.stride > 1 {
			wide++
		}
	}
	if found < rounds || wide < rounds/4 {
		t.Errorf("%d places, %d of %d rounds with a stride", found, wide, rounds)
	}
}

// plant puts secrets and parts of them between words.
func plant(rng *rand.Rand, secrets []string) (text []byte) {
	for range 1 + rng.IntN(8) {
		text = append(text, random(rng.Uint64(), rng.IntN(12), "abc xyz,\"")...)
		text = append(text, " \n=\"/"[rng.IntN(5)])
		s := secrets[rng.IntN(len(secrets))]
		switch rng.IntN(6) {
		case 0:
			s = hex.EncodeToString([]byte(s))
		case 1:
			s = base64.StdEncoding.EncodeToString([]byte(s))
		case 2:
			s = url.QueryEscape(s)
		case 3:
			from := rng.IntN(len(s))
			s = s[from : from+rng.IntN(len(s)-from)]
		}
		text = append(text, s...)
	}
	return text
}
