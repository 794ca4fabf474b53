package housetest

import (
	"fmt"
	"slices"
	"strings"
)

// importRule says what a package may import of this module. "x/..." is x and
// all below it, "..." is everything.
type importRule struct {
	pkg   string
	may   []string
	never []string
	why   string
}

// componentMay is the same for all components: they never import each other.
var componentMay = []string{"rules/...", "internal/..."}

var (
	unseal  = "internal/unseal"
	forTest = []string{unseal, "internal/housetest/...", "internal/progress", "internal/corpus/..."}
)

var importRules = []importRule{
	{pkg: "rules/...", may: []string{"rules/..."}, why: "detection can be fuzzed, measured and read alone"},
	{pkg: "internal/walk", why: "one list of places, known to nobody else"},
	{pkg: "internal/verdict", why: "the stamp is a format, not behaviour"},
	{pkg: "internal/envelope", why: "the format of what is held stands alone"},
	{pkg: "internal/durable", why: "system calls in order, nothing else"},
	{pkg: "internal/join", why: "texts that belong together; knows neither secrets nor telemetry"},
	{pkg: "internal/memory", may: []string{"rules", "rules/pack", "rules/decode"}, why: "hashes of secrets; what they are is decided elsewhere"},
	{pkg: "internal/mask", may: []string{"rules/...", "internal/join"}, why: "decides about findings, also of those cut within one text"},
	{pkg: "internal/keyfiles", may: []string{"internal/envelope", "internal/durable"}, why: "files of key pairs; neither seals nor opens"},
	{pkg: "internal/seal", may: []string{"internal/envelope", "internal/keyfiles"}, why: "can only close"},
	{pkg: "internal/unseal", may: []string{"internal/envelope", "internal/keyfiles", "internal/ownmemory"}, why: "the only package that opens"},
	{pkg: "internal/event", may: []string{"internal/verdict"}, why: "the words of audit events"},
	{pkg: "internal/webhook", why: "signed messages; what is in them is decided elsewhere"},
	{pkg: "internal/loopback", why: "an address is this machine's, or not"},
	{pkg: "internal/kafkaclient", may: []string{"internal/loopback"}, why: "connections to brokers; what goes over them is decided elsewhere"},
	{pkg: "internal/instances", why: "counts users; of what is decided elsewhere"},
	{pkg: "internal/pause", why: "time passes, whatever for"},
	{pkg: "internal/seldom", why: "log lines, for whoever has a logger"},
	{pkg: "internal/release", why: "goes with a context, from the gate to the way out"},
	{pkg: "internal/shape", why: "how to get at the parts of a batch, whatever the signal"},
	{pkg: "internal/item", may: []string{"internal/envelope", "internal/release", "internal/shape", "internal/verdict"}, why: "what one held item is, for whoever names or stores it"},
	{pkg: "internal/restore", may: []string{"internal/envelope", "internal/item", "internal/verdict", "internal/walk"}, why: "the format of patches, and where they stand"},
	{pkg: "internal/pipelines", why: "checks configurations, and knows no component's code"},
	{pkg: "internal/datadir", why: "a name and its default"},
	{pkg: "internal/guarded", may: []string{"internal/loopback"}, why: "looks at configurations of servers"},
	{pkg: "internal/confighash", why: "names a configuration; knows nothing of what is in it"},
	{pkg: "internal/ownmemory", why: "system calls about memory, whatever is in it"},
	{pkg: "internal/judged", why: "one fact about the configuration"},
	{pkg: "converter/bypassconverter", may: []string{"internal/pipelines", "internal/confighash", "internal/judged", "internal/ownmemory"}, why: "hands configurations to the check; runs before all else"},
	{pkg: "internal/auditlog/...", may: []string{"internal/durable", "internal/ownmemory", "internal/auditlog/..."}, why: "is checked without a Collector"},
	{pkg: "internal/holdstore/...", may: []string{"internal/holdstore/...", "internal/durable", "internal/envelope", "internal/kafkaclient", "internal/pause"}, why: "stores sealed bytes it cannot read"},
	{pkg: "internal/housetest", may: []string{"..."}, why: "tests only"},
	{pkg: "internal/configschema", may: []string{"..."}, never: []string{unseal}, why: "describes the configuration of all components"},
	{pkg: "internal/progress", why: "runs before anything of ours is compiled"},
	{pkg: "internal/corpus/...", may: []string{"..."}, never: []string{unseal}, why: "test cases and their scorer"},
	{pkg: "processor/secretmaskprocessor", may: componentMay, never: forTest, why: "component"},
	{pkg: "connector/verdictconnector", may: componentMay, never: forTest, why: "component"},
	{pkg: "exporter/quarantineexporter", may: componentMay, never: forTest, why: "component"},
	{pkg: "exporter/auditexporter/...", may: []string{"internal/...", "exporter/auditexporter/..."}, never: forTest, why: "component"},
	{pkg: "receiver/releasereceiver/...", may: []string{"rules/...", "internal/...", "receiver/releasereceiver/..."}, never: forTest[1:], why: "component, and the only one that may open what was sealed"},
	{pkg: "cmd/tracescrub/...", may: []string{"..."}, never: []string{unseal}, why: "the command line"},
	{pkg: "conformance/...", may: []string{"internal/auditlog/...", "benchmarks/..."}, why: "holds the audit log against implementations of others"},
	{pkg: "benchmarks/...", may: []string{"..."}, never: []string{unseal}, why: "measures anything"},
	{pkg: "deploy/tools/...", why: "what releases are made with"},
	{pkg: "test/...", may: []string{"..."}, never: []string{unseal}, why: "drives anything"},
}

// noOpenTelemetry build without it; go list answers for what they import in turn.
var noOpenTelemetry = []string{"rules/...", "internal/envelope", "internal/keyfiles", "internal/seal", "internal/unseal", "internal/auditlog/...", "internal/durable"}

// covers says whether a pattern of the table means dir.
func covers(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	return pattern == dir
}

func coversAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, dir) })
}

// checkImports holds every import between our packages against the table.
func checkImports(tr *tree) []string {
	var bad []string
	used := map[string]bool{}
	for dir, files := range tr.packages() {
		i := slices.IndexFunc(importRules, func(r importRule) bool { return covers(r.pkg, dir) })
		if i < 0 {
			bad = append(bad, fmt.Sprintf("package %s is not in the import table", dir))
			continue
		}
		rule := importRules[i]
		used[rule.pkg] = true
		for _, f := range files {
			if !f.test() {
				bad = append(bad, checkFileImports(f, rule)...)
			}
		}
	}
	for _, rule := range importRules {
		if !used[rule.pkg] {
			bad = append(bad, fmt.Sprintf("import table: no package %s", rule.pkg))
		}
	}
	return bad
}

func checkFileImports(f goFile, rule importRule) []string {
	var bad []string
	for _, imp := range f.imports() {
		dir, ok := ours(imp)
		switch {
		case !ok && strings.HasPrefix(imp, "go.opentelemetry.io/") && coversAny(noOpenTelemetry, f.pkg()):
			bad = append(bad, fmt.Sprintf("%s imports %s: %s builds without OpenTelemetry", f.path, imp, f.pkg()))
		case ok && (!coversAny(rule.may, dir) || coversAny(rule.never, dir)):
			bad = append(bad, fmt.Sprintf("%s imports %s, which the table does not allow (%s: %s)", f.path, dir, rule.pkg, rule.why))
		}
	}
	return bad
}
