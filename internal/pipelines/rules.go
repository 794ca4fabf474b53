package pipelines

import (
	"slices"
	"strings"
)

// The lists of verdict.
const (
	listClean      = "clean"
	listQuarantine = "quarantine"
	listAudit      = "audit"
)

// listOf returns the list of a verdict that names a pipeline, "" if none does.
func (c *check) listOf(connector, id string) string {
	for _, list := range []string{listClean, listQuarantine, listAudit} {
		if slices.Contains(c.list(connector, list), id) {
			return list
		}
	}
	return ""
}

func (c *check) list(connector, name string) []string {
	p := &pipeline{}
	quiet := &check{} // what is no list of ids is the connector's to report
	return quiet.ids(p, c.connectors[connector], name)
}

// lists wants what a verdict names to be there and to get its data from it.
func (c *check) lists(connector string) {
	for _, list := range []string{listClean, listQuarantine, listAudit} {
		for _, id := range c.list(connector, list) {
			where := "connectors::" + connector + "::" + list
			switch p := c.byID(id); {
			case p == nil:
				c.bad(where, "there is no pipeline %s: add it to service::pipelines, or take it out of the list", id)
			case !slices.Contains(p.receivers, connector):
				c.bad(where, "the pipeline %s does not have %s as a receiver: add it to its receivers", id, connector)
			}
		}
	}
	for _, p := range c.pipelines {
		if slices.Contains(p.receivers, connector) && c.listOf(connector, p.id) == "" {
			c.bad(p.path(), "has %s as a receiver, but stands in none of its lists: add it to clean, quarantine or audit of connectors::%s", connector, connector)
		}
		if !slices.Contains(p.exporters, connector) || !slices.Contains([]string{"traces", "logs", "metrics"}, p.signal()) {
			continue
		}
		if !slices.ContainsFunc(c.list(connector, listClean), func(id string) bool { return typeOf(id) == p.signal() }) {
			c.bad(p.path(), "exports to %s, which has no pipeline for %s: name one in connectors::%s::clean", connector, p.signal(), connector)
		}
	}
}

// front checks what stands before an exporter: pipelines that export to
// verdict, and those whose secret_mask may hold.
func (c *check) front(p *pipeline) {
	to := c.judgeOf(p)
	for _, id := range p.processors {
		if typeOf(id) != secretMask {
			continue
		}
		if c.seals(id) && to == "" {
			c.bad(p.path(), "%s may hold (it has seal), but nothing here carries that out: export to verdict only, or use a secret_mask without seal", id)
		}
		if to != "" && !c.seals(id) && c.processors[id]["annotate"] == "none" {
			c.bad(p.path(), "%s has annotate none, so %s would take all data for unscanned and refuse them: use summary or full there, and annotate none at %s", id, to, to)
		}
	}
	if to == "" {
		return
	}
	for _, id := range p.exporters {
		if id != to {
			c.bad(p.path(), "exports to %s and also to %s, which would get what is held: %s must be the only exporter", to, id, to)
		}
	}
	mask := slices.IndexFunc(p.processors, func(id string) bool { return typeOf(id) == secretMask })
	if mask < 0 {
		c.bad(p.path(), "exports to %s without secret_mask: add secret_mask as its last processor", to)
	}
	for i, id := range p.processors {
		switch {
		case lossy[typeOf(id)]:
			c.bad(p.path(), "has the processor %s before %s: it answers senders before their data are safe, and loses what release_gate says of a release. Take it out, exporters batch in sending_queue::batch", id, to)
		case mask >= 0 && i > mask && typeOf(id) != secretMask:
			c.bad(p.path(), "has the processor %s between secret_mask and %s, where it could change what was decided: put it before secret_mask, or into the pipelines behind %s", id, to, to)
		}
	}
}

// behind checks the pipelines that verdict feeds.
func (c *check) behind(p *pipeline) {
	held := false
	for _, connector := range p.receivers {
		if _, is := c.connectors[connector]; !is || typeOf(connector) != verdict {
			continue
		}
		list := c.listOf(connector, p.id)
		if list == listClean || list == "" {
			continue
		}
		held = held || list == listQuarantine
		for _, id := range p.processors {
			if lossy[typeOf(id)] || dropping[typeOf(id)] || list == listQuarantine && typeOf(id) != "memory_limiter" {
				c.bad(p.path(), "is in %s of %s and has the processor %s: what arrives must be what was sent, and answered only when it is stored. Take it out", list, connector, id)
			}
		}
		for _, id := range p.receivers {
			if id != connector {
				c.bad(p.path(), "is in %s of %s and has the receiver %s as well: %s must be its only receiver", list, connector, id, connector)
			}
		}
		for _, id := range p.exporters {
			if list == listQuarantine && typeOf(id) != quarantine {
				c.bad(p.path(), "is in quarantine of %s and exports to %s: only exporters of the type quarantine may get what is held", connector, id)
			}
		}
	}
	if id := has(p.exporters, quarantine); id != "" && !held {
		c.bad(p.path(), "exports to %s, but is no quarantine pipeline of a verdict: name it in connectors::verdict::quarantine, or export to something else", id)
	}
}

// audit checks the pipelines of audit_log. It writes events only, by their
// scope and their form: telemetry that came to it would be left out.
func (c *check) audit(p *pipeline) {
	id := has(p.exporters, auditLog)
	if id == "" {
		return
	}
	fed := false // by a verdict: behind has looked at the processors
	for _, connector := range p.receivers {
		if _, is := c.connectors[connector]; !is || typeOf(connector) != verdict {
			continue
		}
		fed = true
		if c.listOf(connector, p.id) == listClean {
			c.bad(p.path(), "is in clean of %s and exports to %s, which writes events only and leaves telemetry out: name it in audit of connectors::%s, or export to something else", connector, id, connector)
		}
	}
	for _, other := range p.processors {
		switch {
		case typeOf(other) == secretMask:
			c.bad(p.path(), "exports to %s and has the processor %s, which takes away what events are made of: events hold no secrets. Take it out", id, other)
		case !fed && (lossy[typeOf(other)] || dropping[typeOf(other)]):
			c.bad(p.path(), "exports to %s and has the processor %s: what arrives must be what was sent, and answered only when it is stored. Take it out", id, other)
		}
	}
}

// gate checks the pipelines of release_gate.
func (c *check) gate() {
	gates, logs := map[string]bool{}, map[string]bool{}
	for _, p := range c.pipelines {
		id := has(p.receivers, releaseGate)
		if id == "" {
			continue
		}
		gates[id] = true
		for _, other := range p.processors {
			if dropping[typeOf(other)] {
				c.bad(p.path(), "has the receiver %s and the processor %s: what that drops of a release is destroyed, and of audit events never recorded. Put %s into the pipelines behind verdict, or %s into a pipeline of its own", id, other, other, id)
			}
		}
		logs[id] = logs[id] || p.signal() == "logs"
		if has(p.processors, secretMask) == "" && c.judgeOf(p) == "" { // else front has said so
			c.bad(p.path(), "has the receiver %s without secret_mask: what is released is scanned again. Add secret_mask as its last processor", id)
		}
		if c.judgeOf(p) == "" {
			c.bad(p.path(), "has the receiver %s and exports to %s: what is released and the events about it go through verdict only", id, strings.Join(p.exporters, ", "))
		}
	}
	for _, p := range c.pipelines {
		if id := has(p.receivers, releaseGate); id != "" && gates[id] && !logs[id] {
			c.bad(p.path(), "has the receiver %s, which is in no logs pipeline, so its audit events would go nowhere: add it to the receivers of a logs pipeline that exports to verdict", id)
			delete(gates, id)
		}
	}
}
