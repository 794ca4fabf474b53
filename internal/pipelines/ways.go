package pipelines

import (
	"slices"
	"strings"
)

// stage is how far telemetry is when it enters a pipeline.
type stage int

const (
	raw    stage = iota // as its sender sent it
	masked              // secret_mask has scanned it
	judged              // verdict has dealt with it; behind sees to what is held
)

// arrival is telemetry that enters a pipeline.
type arrival struct {
	to    *pipeline
	stage stage
	way   []string // the receiver, then pipelines
}

// ways follows telemetry from each receiver through pipelines and connectors
// to exporters, and wants it to have passed secret_mask and, if there is a
// verdict anywhere, verdict.
func (c *check) ways() {
	var queue []arrival
	for _, p := range c.pipelines {
		for _, id := range p.receivers {
			if _, is := c.connectors[id]; !is {
				queue = append(queue, arrival{p, raw, []string{id}})
				break // where it comes from matters less than where it goes
			}
		}
	}
	type key struct {
		id    string
		stage stage
	}
	seen := map[key]bool{}
	for len(queue) > 0 {
		a := queue[0]
		queue = queue[1:]
		if seen[key{a.to.id, a.stage}] {
			continue
		}
		seen[key{a.to.id, a.stage}] = true
		queue = append(queue, c.follow(a)...)
	}
}

// follow takes telemetry through a pipeline and returns where connectors take it.
func (c *check) follow(a arrival) []arrival {
	p, now := a.to, a.stage
	if now == raw && has(p.processors, secretMask) != "" {
		now = masked
	}
	way := append(slices.Clone(a.way), p.id)
	var next []arrival
	for _, id := range p.exporters {
		if _, is := c.connectors[id]; is {
			next = append(next, c.through(id, now, way)...)
			continue
		}
		from := way[0]
		if len(way) > 2 {
			from += " (by way of " + strings.Join(way[1:len(way)-1], ", ") + ")"
		}
		switch {
		case c.judgeOf(p) != "":
			// front has said that verdict must be the only one.
		case typeOf(id) == auditLog:
			// It takes events of other Collectors, and nothing else. What stands
			// beside it is looked at like anything.
		case now == raw:
			c.bad(p.path(), "telemetry of %s reaches %s without having passed secret_mask: add secret_mask to its processors", from, id)
		case now == masked && c.judged && slices.Contains([]string{"traces", "logs", "metrics"}, p.signal()):
			c.bad(p.path(), "telemetry of %s reaches %s without having passed verdict: export to verdict, and to %s from a pipeline in its clean list", from, id, id)
		}
	}
	return next
}

// through returns the pipelines that a connector feeds.
func (c *check) through(connector string, now stage, way []string) []arrival {
	var next []arrival
	for _, p := range c.pipelines {
		if !slices.Contains(p.receivers, connector) {
			continue
		}
		to := now
		if typeOf(connector) == verdict {
			to = judged
		}
		next = append(next, arrival{p, to, way})
	}
	return next
}
