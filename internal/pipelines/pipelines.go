// Package pipelines checks a Collector configuration for ways on which
// telemetry could get past secret_mask or verdict. It knows no component's
// code: only types, lists and what is in the configuration.
//
// The Collector runs it as a converter (package bypassconverter) whenever it
// reads a configuration, `tracescrub check` without a Collector.
package pipelines

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The types of our components.
const (
	secretMask  = "secret_mask"
	verdict     = "verdict"
	quarantine  = "quarantine"
	releaseGate = "release_gate"
	auditLog    = "audit_log"
)

// lossy are processors that keep batches for later or merge them: they lose
// the context of a batch, and its sender is answered before it has arrived.
var lossy = map[string]bool{
	"batch": true, "groupbytrace": true, "group_by_trace": true, "tail_sampling": true, "interval": true,
	"deltatorate": true, "delta_to_rate": true, "logdedup": true, "log_dedup": true, "groupbyattrs": true, "group_by_attrs": true,
}

// dropping are processors that take out what they are told to, and say that all is well.
var dropping = map[string]bool{"filter": true, "probabilistic_sampler": true, "sampling": true}

// pipeline is one entry of service::pipelines.
type pipeline struct {
	id                               string
	receivers, processors, exporters []string
}

func (p *pipeline) path() string   { return "service::pipelines::" + p.id }
func (p *pipeline) signal() string { return typeOf(p.id) }

// check is what a configuration comes to while it is checked.
type check struct {
	processors map[string]map[string]any
	connectors map[string]map[string]any
	pipelines  []*pipeline // sorted by id
	judged     bool        // a pipeline exports to verdict
	mistakes   []string
}

// Judged says whether any pipeline of a whole configuration exports to verdict.
func Judged(conf map[string]any) bool {
	c := &check{}
	c.connectors = c.section(conf, "connectors")
	c.readPipelines(conf)
	return slices.ContainsFunc(c.pipelines, func(p *pipeline) bool { return c.judgeOf(p) != "" })
}

// Check returns the mistakes in a whole configuration, each with the pipeline
// and what to do about it, in a fixed order; none if there is no way around.
func Check(conf map[string]any) []string {
	c := &check{}
	c.processors = c.section(conf, "processors")
	c.connectors = c.section(conf, "connectors")
	c.readPipelines(conf)
	for _, p := range c.pipelines {
		c.judged = c.judged || c.judgeOf(p) != ""
	}
	for _, id := range slices.Sorted(maps.Keys(c.connectors)) {
		if typeOf(id) == verdict && c.used(id) {
			c.lists(id)
		}
	}
	for _, p := range c.pipelines {
		c.front(p)
		c.behind(p)
		c.audit(p)
	}
	c.gate()
	c.ways()
	return c.mistakes
}

func (c *check) bad(where, format string, args ...any) {
	c.mistakes = append(c.mistakes, where+": "+fmt.Sprintf(format, args...))
}

// typeOf returns the type of an id such as type/name.
func typeOf(id string) string {
	t, _, _ := strings.Cut(id, "/")
	return strings.TrimSpace(t)
}

// section reads a section of components. What is no map has an empty configuration.
func (c *check) section(conf map[string]any, name string) map[string]map[string]any {
	out := map[string]map[string]any{}
	all, ok := conf[name].(map[string]any)
	if !ok && conf[name] != nil {
		c.bad(name, "is no map, so it cannot be checked")
	}
	for id, cfg := range all {
		m, _ := cfg.(map[string]any)
		out[clean(id)] = m
	}
	return out
}

func (c *check) readPipelines(conf map[string]any) {
	service, _ := conf["service"].(map[string]any)
	all, ok := service["pipelines"].(map[string]any)
	if !ok {
		c.bad("service::pipelines", "is no map, so it cannot be checked")
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p := &pipeline{id: clean(id)}
		m, ok := all[id].(map[string]any)
		if !ok {
			c.bad(p.path(), "is no map, so it cannot be checked")
		}
		p.receivers = c.ids(p, m, "receivers")
		p.processors = c.ids(p, m, "processors")
		p.exporters = c.ids(p, m, "exporters")
		c.pipelines = append(c.pipelines, p)
	}
}

// ids reads a list of component ids. The Collector takes a single id for a list.
func (c *check) ids(p *pipeline, m map[string]any, name string) []string {
	var out []string
	switch list := m[name].(type) {
	case nil:
	case string:
		for id := range strings.SplitSeq(list, ",") {
			out = append(out, clean(id))
		}
	case []any:
		for _, e := range list {
			id, ok := e.(string)
			if !ok {
				c.bad(p.path()+"::"+name, "holds something that is no id, so it cannot be checked")
			}
			out = append(out, clean(id))
		}
	default:
		c.bad(p.path()+"::"+name, "is no list, so it cannot be checked")
	}
	return out
}

// clean writes an id as the Collector does, which drops spaces around type and name.
func clean(id string) string {
	t, name, named := strings.Cut(id, "/")
	if !named {
		return strings.TrimSpace(t)
	}
	return strings.TrimSpace(t) + "/" + strings.TrimSpace(name)
}

// used reports whether any pipeline has the connector.
func (c *check) used(id string) bool {
	return slices.ContainsFunc(c.pipelines, func(p *pipeline) bool {
		return slices.Contains(p.receivers, id) || slices.Contains(p.exporters, id)
	})
}

// judgeOf returns the first verdict connector that p exports to.
func (c *check) judgeOf(p *pipeline) string {
	for _, id := range p.exporters {
		if _, is := c.connectors[id]; is && typeOf(id) == verdict {
			return id
		}
	}
	return ""
}

// has returns the first id of a type.
func has(ids []string, componentType string) string {
	for _, id := range ids {
		if typeOf(id) == componentType {
			return id
		}
	}
	return ""
}

// byID returns a pipeline, nil if there is none.
func (c *check) byID(id string) *pipeline {
	for _, p := range c.pipelines {
		if p.id == id {
			return p
		}
	}
	return nil
}

// seals reports whether a secret_mask seals, and so may hold.
func (c *check) seals(id string) bool {
	v, ok := c.processors[id]["seal"]
	return ok && v != nil
}
