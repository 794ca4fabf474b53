//go:build e2e

package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// measures are what is looked at of a process that is never killed, and what
// more of it at the end than at the beginning is no growth.
var measures = []struct {
	name  string
	slack float64
	of    func(*collector) (float64, error)
}{
	{"MB of heap", 8, heap}, // first: it leaves less garbage to what is resident
	{"MB resident", 8, resident},
	{"goroutines", 20, goroutines},
	{"files", 10, files},
}

// watched has all that was seen of a process.
type watched struct {
	c      *collector
	values [][]float64 // by measure
}

// watch looks at the steady gateway and gate until ctx is done.
func (w *world) watch(ctx context.Context, interval time.Duration) []*watched {
	all := []*watched{{c: w.gateways[1]}, {c: w.gates[1]}}
	for _, one := range all {
		one.values = make([][]float64, len(measures))
	}
	for sleep(ctx, interval) {
		for _, one := range all {
			for i, m := range measures {
				v, err := m.of(one.c)
				if err != nil {
					w.t.Logf("%s does not tell its %s: %v", one.c.name, m.name, err)
					continue
				}
				one.values[i] = append(one.values[i], v)
			}
		}
	}
	return all
}

// judge complains of what has grown, by the criterion of `make bench`.
func (o *watched) judge(l *ledger, long bool) (said []string) {
	for i, m := range measures {
		first, last, err := figure.Growth(o.values[i], m.slack)
		said = append(said, fmt.Sprintf("%s: %s %.1f, at last %.1f", o.c.name, m.name, first, last))
		if err != nil && long {
			l.complain("%s: %s: %v", o.c.name, m.name, err)
		}
	}
	return said
}

func resident(c *collector) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, errors.New("/proc has another form")
	}
	kb, err := strconv.ParseFloat(fields[0], 64)
	return kb / 1024, err
}

func files(c *collector) (float64, error) {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.pid()))
	return float64(len(all)), err
}

// heap is what is alive: what is garbage, or kept for reuse, comes and goes.
// The second collection empties the pools.
func heap(c *collector) (v float64, err error) {
	for range 2 {
		text, err := fetch("http://" + c.pprof + "/debug/pprof/heap?gc=1&debug=1")
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(text, "# HeapAlloc = ")
		if _, err := fmt.Sscanf(rest, "%f", &v); err != nil {
			return 0, err
		}
	}
	return v / (1 << 20), nil
}

func goroutines(c *collector) (n float64, err error) {
	text, err := fetch("http://" + c.pprof + "/debug/pprof/goroutine?debug=1")
	if err == nil {
		_, err = fmt.Sscanf(text, "goroutine profile: total %f", &n)
	}
	return n, err
}
