package housetest

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/connector/verdictconnector"
	"github.com/tracescrub/tracescrub/exporter/auditexporter"
	"github.com/tracescrub/tracescrub/exporter/quarantineexporter"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// factories make the default configuration of our components, by type.
var factories = map[string]func() component.Config{
	"secret_mask":  func() component.Config { return secretmaskprocessor.NewFactory().CreateDefaultConfig() },
	"audit_log":    func() component.Config { return auditexporter.NewFactory().CreateDefaultConfig() },
	"quarantine":   func() component.Config { return quarantineexporter.NewFactory().CreateDefaultConfig() },
	"release_gate": func() component.Config { return releasereceiver.NewFactory().CreateDefaultConfig() },
	"verdict":      func() component.Config { return verdictconnector.NewFactory().CreateDefaultConfig() },
}

// example is one piece of YAML that we show or ship.
type example struct{ where, text string }

// examples are all of them: fenced blocks in documents, the configurations in
// deploy/ (what is in folders below it is test/packages' business), testdata of components.
func examples(tr *tree) []example {
	var all []example
	for _, p := range slices.Sorted(maps.Keys(tr.docs)) {
		switch {
		case path.Ext(p) == ".md":
			all = append(all, fenced(p, tr.docs[p])...)
		case path.Dir(p) == "deploy", strings.HasPrefix(p, "changes/"), strings.HasSuffix(p, "testdata/config.yaml"):
			all = append(all, example{p, tr.docs[p]})
		}
	}
	return all
}

// fenced cuts the YAML blocks out of a document.
func fenced(p, markdown string) []example {
	var all []example
	n, open := 0, false
	for line := range strings.Lines(markdown) {
		n++
		trimmed := strings.TrimSpace(line)
		switch {
		case !open && (trimmed == "```yaml" || trimmed == "```yml"):
			open = true
			all = append(all, example{where: fmt.Sprintf("%s:%d", p, n)})
		case open && trimmed == "```":
			open = false
		case open:
			all[len(all)-1].text += line
		}
	}
	return all
}

// checkExamples loads every example as what it is: a Collector configuration
// or a part of one, a rule pack, a change note. That the built binary takes
// whole configurations is test/e2e's to say.
func checkExamples(tr *tree) []string {
	var bad []string
	all := examples(tr)
	if len(all) == 0 {
		return []string{"no YAML examples"}
	}
	for _, e := range all {
		if err := loadExample(e.text); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", e.where, err))
		}
	}
	return bad
}

var collectorKeys = []string{"receivers", "processors", "exporters", "connectors", "extensions", "service"}

func loadExample(text string) error {
	var top map[string]any
	if err := yaml.Unmarshal([]byte(expandEnv(text)), &top); err != nil {
		return err
	}
	if len(top) == 0 {
		return errors.New("empty")
	}
	has := func(key string) bool { _, ok := top[key]; return ok }
	switch {
	case slices.ContainsFunc(collectorKeys, has):
		return loadCollector(top)
	case has("rules") || has("names") || has("allow") && has("version"):
		_, err := pack.Load("example", strings.NewReader(text))
		return err
	case has("kind") && has("note"):
		return loadChange(text)
	}
	return loadComponents(top)
}

// loadCollector checks what stands under the keys of a Collector configuration.
func loadCollector(top map[string]any) error {
	var errs []error
	for key, value := range top {
		if !slices.Contains(collectorKeys, key) {
			errs = append(errs, fmt.Errorf("unknown key %s", key))
			continue
		}
		if key == "service" {
			continue
		}
		configs, ok := value.(map[string]any)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: is no map", key))
			continue
		}
		ours := map[string]any{}
		for id, cfg := range configs {
			if factories[typeOf(id)] != nil {
				ours[id] = cfg
			}
		}
		errs = append(errs, loadComponents(ours))
	}
	return errors.Join(errs...)
}

func typeOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return name
}

// loadComponents loads the configurations of components of ours, by id.
func loadComponents(configs map[string]any) error {
	var errs []error
	for id, value := range configs {
		create := factories[typeOf(id)]
		if create == nil {
			errs = append(errs, fmt.Errorf("%s: neither a component of ours nor anything else that is known here", id))
			continue
		}
		settings, ok := value.(map[string]any)
		if !ok && value != nil {
			errs = append(errs, fmt.Errorf("%s: is no map", id))
			continue
		}
		cfg := create()
		err := confmap.NewFromStringMap(settings).Unmarshal(cfg)
		if err == nil {
			err = confmap.Validate(cfg)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

var envReference = regexp.MustCompile(`\$\{env:([A-Z_a-z0-9]+)(?::-([^}]*))?\}`)

// expandEnv puts the default, or else the name, in the place of a reference to the environment.
func expandEnv(text string) string {
	return envReference.ReplaceAllStringFunc(text, func(ref string) string {
		m := envReference.FindStringSubmatch(ref)
		if m[2] != "" {
			return m[2]
		}
		return m[1]
	})
}

// change is a note in changes/: one fact that users will notice.
type change struct {
	Kind      string `yaml:"kind"`
	Component string `yaml:"component"`
	Note      string `yaml:"note"`
}

func loadChange(text string) error {
	var c change
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return err
	}
	if !slices.Contains([]string{"security", "breaking", "feature", "fix", "perf"}, c.Kind) {
		return fmt.Errorf("kind: %q is none of security, breaking, feature, fix, perf", c.Kind)
	}
	if c.Component == "" || c.Note == "" {
		return errors.New("component and note must be set")
	}
	return nil
}

var (
	link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)\s]*)?\)`)
	cell = regexp.MustCompile("(?m)^\\| *`([^`]+)`")
)

// localLinks are what re finds in documents, by the path of each, but for links
// to elsewhere. The first group of re is the target.
func localLinks(tr *tree, re *regexp.Regexp) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for p, text := range tr.docs {
			if path.Ext(p) != ".md" {
				continue
			}
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				if !strings.Contains(m[1], "://") && !yield(p, m) {
					return
				}
			}
		}
	}
}

// checkLinks wants what documents point at to exist: relative links anywhere,
// and the paths in the first column of the file map.
func checkLinks(tr *tree) []string {
	var bad []string
	n := 0
	for p, m := range localLinks(tr, link) {
		n++
		if target := path.Join(path.Dir(p), m[1]); !tr.paths[target] {
			bad = append(bad, fmt.Sprintf("%s: link to %s, which does not exist", p, target))
		}
	}
	for _, s := range sections(tr.docs["docs/ARCHITECTURE.md"]) {
		if s.title != "File map" {
			continue
		}
		for _, m := range cell.FindAllStringSubmatch(s.text, -1) {
			n++
			if !tr.paths[strings.TrimSuffix(m[1], "/")] {
				bad = append(bad, fmt.Sprintf("docs/ARCHITECTURE.md: the file map names %s, which does not exist", m[1]))
			}
		}
	}
	if n == 0 {
		bad = append(bad, "no links and no file map")
	}
	return bad
}

// checkMerges wants nothing left of a merge in documents; code would not compile.
func checkMerges(tr *tree) []string {
	var bad []string
	if len(tr.docs) == 0 {
		return []string{"no documents"}
	}
	for p, text := range tr.docs {
		n := 0
		for line := range strings.Lines(text) {
			n++
			if strings.HasPrefix(line, strings.Repeat("<", 7)+" ") || strings.HasPrefix(line, strings.Repeat(">", 7)+" ") {
				bad = append(bad, fmt.Sprintf("%s:%d: a merge was not finished", p, n))
			}
		}
	}
	return bad
}
