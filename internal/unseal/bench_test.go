package unseal_test

import (
	"fmt"
	"testing"
)

// benchSizes are a patch, a trace and a large trace.
var benchSizes = []int{1 << 10, 100 << 10, 10 << 20}

// BenchmarkOpen opens views: capsule, chunks, decompression.
func BenchmarkOpen(b *testing.B) {
	_, s, k := pair(b)
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("bytes=%d", n), func(b *testing.B) {
			it := closed(b, s, view, telemetry(n))
			b.SetBytes(int64(n))
			for b.Loop() {
				if got, err := k.Open(it.capsule, view, it.chunks); err != nil || len(got) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenPatches opens patches of one capsule with one opener.
func BenchmarkOpenPatches(b *testing.B) {
	_, s, k := pair(b)
	packed, err := closed(b, s, patch, nil).closer.Packed(patch, text(200))
	if err != nil {
		b.Fatal(err)
	}
	opener := k.Opener(0)
	for b.Loop() {
		if got, err := opener.OpenPacked(patch, packed); err != nil || len(got) != 200 {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeal seals views under a capsule of their own, as for each held item.
func BenchmarkSeal(b *testing.B) {
	_, s, _ := pair(b)
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("bytes=%d", n), func(b *testing.B) {
			plain := telemetry(n)
			b.SetBytes(int64(n))
			for b.Loop() {
				_, closer, err := s.Capsule()
				if err != nil {
					b.Fatal(err)
				}
				if chunks, err := closer.Close(view, plain); err != nil || len(chunks) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCapsule makes capsules only.
func BenchmarkCapsule(b *testing.B) {
	_, s, _ := pair(b)
	for b.Loop() {
		if c, _, err := s.Capsule(); err != nil || len(c.Enc) != 1120 {
			b.Fatal(err)
		}
	}
}

// BenchmarkSealPatches seals patches under one capsule, as secret_mask does
// for a batch.
func BenchmarkSealPatches(b *testing.B) {
	_, s, _ := pair(b)
	closer, plain := closed(b, s, patch, nil).closer, text(200)
	for b.Loop() {
		if got, err := closer.Packed(patch, plain); err != nil || len(got) < 1120+1024 {
			b.Fatal(err)
		}
	}
}

// telemetry is n bytes that compress as telemetry may: random ids among words.
func telemetry(n int) []byte {
	out := make([]byte, 0, n+200)
	random := text(n)
	for i := 0; len(out) < n; i += 16 {
		out = fmt.Appendf(out, "span %x of service checkout, GET /api/v1/orders answered 200 in %d ms\n", random[i:i+16], random[i])
	}
	return out[:n]
}
