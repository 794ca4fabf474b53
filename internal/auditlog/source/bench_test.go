package source

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/tracescrub/tracescrub/internal/auditlog"
)

// BenchmarkDecision asks a log of a million decisions: once for the oldest,
// which reads it whole, then for any. The right answer is known.
func BenchmarkDecision(b *testing.B) {
	const items = 1_000_000
	dir := b.TempDir()
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Heartbeat: -1, Interval: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for i := 0; i < items; i += 1000 {
		events := make([]auditlog.Event, 1000)
		for j := range events {
			events[j] = auditlog.Event{Kind: "tracescrub.approved", Time: begin, Attributes: map[string]any{
				"tracescrub.item.id": id(i + j), "tracescrub.service": "checkout-agent", "tracescrub.required_votes": 2,
				"tracescrub.rules": []string{"aws-access-key", "aws-secret-key"}, "tracescrub.policy": "5b1c7e9a",
			}}
		}
		if _, err := w.Append(context.Background(), events...); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Checkpoint(context.Background()); err != nil {
		b.Fatal(err)
	}
	ask := func(b *testing.B, s Source, n int) {
		b.Helper()
		if _, err := s.Decision(context.Background(), id(n)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("newest", func(b *testing.B) {
		for b.Loop() {
			ask(b, Directory(dir), items-1)
		}
	})
	b.Run("oldest", func(b *testing.B) {
		for b.Loop() {
			ask(b, Directory(dir), 0)
		}
	})
	b.Run("any", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := Directory(dir)
		ask(b, s, 0)
		runtime.GC()
		runtime.ReadMemStats(&after)
		r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same each time
		for b.Loop() {
			ask(b, s, r.IntN(items))
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/items, "B/decision")
		if s.(*directory).index.places != items {
			b.Fatal("not all decisions are remembered")
		}
	})
}
