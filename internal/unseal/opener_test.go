package unseal_test

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

// TestLimit: what is too long is refused before there is room made for it.
func TestLimit(t *testing.T) {
	_, s, k := pair(t)
	const size = 64 << 20
	it := closed(t, s, view, make([]byte, size))
	bytesSealed := 0
	for _, chunk := range it.chunks {
		bytesSealed += len(chunk)
	}
	if bytesSealed > size/1000 {
		t.Fatalf("%d bytes sealed, this is no bomb", bytesSealed)
	}
	if got, err := k.Opener(size).Open(it.capsule, view, it.chunks); err != nil || len(got) != size {
		t.Fatalf("at the limit: %v", err)
	}
	opener := k.Opener(size - 1)
	if got := allocated(func() {
		got, err := opener.Open(it.capsule, view, it.chunks)
		refused(t, "above the limit", got, err)
	}); got > size/8 {
		t.Errorf("%d bytes allocated to refuse %d", got, size)
	}
	stored := closed(t, s, patch, text(1<<20))
	got, err := opener.Open(stored.capsule, patch, stored.chunks)
	if err != nil || len(got) != 1<<20 {
		t.Errorf("below the limit: %v", err)
	}
	got, err = k.Opener(1<<20-1).Open(stored.capsule, patch, stored.chunks)
	refused(t, "uncompressed above the limit", got, err)
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestOpenerForgets: an opener remembers a bounded number of capsules.
func TestOpenerForgets(t *testing.T) {
	_, s, k := pair(t)
	opener := k.Opener(0)
	for range 300 {
		it := closed(t, s, view, nil)
		if _, err := opener.Open(it.capsule, view, it.chunks); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(opener); got != "opener of 44 capsules" {
		t.Errorf("%s after 300", got)
	}
}

// TestNothingPrints: neither keyring nor opener show a private key.
func TestNothingPrints(t *testing.T) {
	d, s, k := pair(t)
	keys, err := keyfiles.ReadPrivate(d.Private)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys[0].HPKE().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	opener := k.Opener(0)
	it := closed(t, s, view, nil)
	if _, err := opener.Open(it.capsule, view, it.chunks); err != nil {
		t.Fatal(err)
	}
	type deep struct {
		k *unseal.Keyring
		o *unseal.Opener
	}
	for i, v := range []any{k, opener, *opener, deep{k, opener}, &deep{k, opener}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			out := strings.ToLower(fmt.Sprintf(verb, v))
			if strings.Contains(out, hex.EncodeToString(seed)) || strings.Contains(out, strings.Trim(fmt.Sprint(seed), "[]")) {
				t.Errorf("value %d with %s shows the private key", i, verb)
			}
		}
	}
}
