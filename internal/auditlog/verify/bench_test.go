package verify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// BenchmarkVerify measures entries of about 700 bytes.
func BenchmarkVerify(b *testing.B) {
	const entries = 20_000
	dir := b.TempDir()
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Origin: "example.com/audit", Heartbeat: -1, Interval: -1})
	if err != nil {
		b.Fatal(err)
	}
	events := make([]auditlog.Event, 0, 1000)
	for i := range entries {
		events = append(events, auditlog.Event{
			Kind: "tracescrub.masked", Time: time.Date(2026, 1, 31, 12, 0, 0, i, time.UTC), Trace: strings.Repeat("a", 32), Component: "verdict", Severity: 9,
			Attributes: map[string]any{
				"tracescrub.item.id": fmt.Sprintf("%032d", i), "tracescrub.service": "an agent", "tracescrub.rules": []string{"aws-access-key-id", "github-pat"},
				"tracescrub.finding_count": 2, "tracescrub.producer": fmt.Sprint("producer ", i%10),
				"tracescrub.findings": []any{map[string]any{"rule": "github-pat", "severity": "high", "field": "attributes.gen_ai.prompt", "fingerprint": "0123abcd", "action": "mask", "length": 40}},
			},
		})
		if len(events) == cap(events) {
			if _, err := w.Append(context.Background(), events...); err != nil {
				b.Fatal(err)
			}
			events = events[:0]
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		r, err := verify.Run(context.Background(), verify.Options{Directory: dir})
		if err != nil || len(r.Problems) > 0 || r.Size != entries+2 {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
}
