package ledger

import (
	goflag "flag" // a row has flags
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// waiting is how many items wait in BenchmarkIndex. Ten million take 4 GB of
// memory, so they must be asked for; benchmarks/cmd/bench does.
var waiting = goflag.Int("items", million/10, "how many items wait in BenchmarkIndex")

// BenchmarkIndex makes the index of a gate that starts before many items, one
// in a hundred with a vote, and looks at it as reviewers do: what the process
// takes from the system, how long lists take that find at once, late, or
// nothing, and what an item or a vote costs that comes then.
func BenchmarkIndex(b *testing.B) {
	n := uint64(*waiting)
	for b.Loop() {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		before := heap()
		l := New(testKey, testRules())
		began := time.Now()
		for i := range n {
			hold(b, l, i, at)
			if i%100 == 0 {
				_, err := l.Apply(vote(told(i, at), int64(i)))
				require.NoError(b, err)
			}
		}
		_, err := l.Apply(holdstore.Event{CaughtUp: true})
		require.NoError(b, err)
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/fold")
		b.ReportMetric(taken()/1e6, "MB/start") // before the garbage is collected: what it needs to start
		b.ReportMetric((heap()-before)/float64(n), "bytes/item")

		first := told(n-1, at).ID.String()
		for _, q := range []struct {
			unit  string
			query gate.Query
			want  string // id of the first item
		}{
			{"ms/list", gate.Query{PageSize: 50}, first},
			{"ms/filter", gate.Query{PageSize: 50, States: []gate.State{gate.Denied}}, ""},
			{"ms/search", gate.Query{PageSize: 50, Text: told(0, at).ID.String()}, told(0, at).ID.String()},
		} {
			began := time.Now()
			page, err := l.List(q.query)
			b.ReportMetric(float64(time.Since(began).Microseconds())/1000, q.unit)
			require.NoError(b, err)
			if q.want == "" {
				require.Empty(b, page.Items, q.unit)
			} else {
				require.Equal(b, q.want, page.Items[0].ID, q.unit)
			}
		}
		arrive(b, l, n, at)
		require.Equal(b, *waiting+2*arrivals, l.Stats().States[gate.Pending])
		runtime.KeepAlive(l)
	}
}

// arrivals is how many items come to an index that is complete.
const arrivals = 1000

// arrive tells of items that are the newest, as almost all are, and of ones that
// are older than all others, as after a spool was emptied.
func arrive(b *testing.B, l *Ledger, n uint64, at time.Time) {
	b.Helper()
	for _, c := range []struct {
		unit string
		at   time.Time
		from uint64
	}{{"µs/newest", at, n}, {"µs/oldest", at.Add(-time.Duration(2*n+2*arrivals) * time.Millisecond), n + arrivals}} {
		began := time.Now()
		for i := range uint64(arrivals) {
			hold(b, l, c.from+i, c.at)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/arrivals, c.unit)
	}
}

func hold(b *testing.B, l *Ledger, i uint64, at time.Time) {
	b.Helper()
	m := told(i, at)
	_, err := l.Apply(holdstore.Event{Held: &m, Ref: holdstore.Ref{Index: int64(i), View: 1, Restore: 1}})
	if err != nil {
		b.Fatal(err)
	}
}

// taken is what the process has from the system: not only what is in use.
func taken() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
