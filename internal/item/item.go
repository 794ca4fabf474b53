// Package item makes items of held telemetry: one for each trace, or for each
// resource where records have no trace. verdict names them in its audit
// events and the quarantine exporter stores them; both come to the same ids,
// in whatever batches the telemetry arrives again.
package item

import "github.com/tracescrub/tracescrub/internal/envelope"

// Summary is what an item's metadata and audit events say of its telemetry.
type Summary struct {
	ID       envelope.ID
	Signal   string // traces, logs or metrics
	Trace    [16]byte
	Service  string // masked, at most 128 bytes
	Severity string
	Rules    []string // sorted, each once, at most 32
	Findings int
	Secrets  int
	Spans    int
	Policy   string
	Producer string
}
