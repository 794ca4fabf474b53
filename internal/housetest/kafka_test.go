package housetest

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
)

const kafkaGo = "github.com/segmentio/kafka-go"

// kafkaMay import kafka-go; everybody else works on what they offer. The last is an operator.
var kafkaMay = []string{"internal/kafkaclient", "internal/holdstore/kafka", "test/realkafka"}

// kafkaNever are names of kafka-go that are not used, with what they lead to:
// its writer acknowledges what was not written and writes what it reported as
// failed, its reader hangs or panics on compacted topics. RecordReader and its
// like are something else.
var kafkaNever = regexp.MustCompile(`^(New)?(Writer|Reader|ConsumerGroup|Conn)(Config|With|$)|^Dial|^DefaultDialer$|^WriteErrors$|^RequireOne$|^RequireNone$`)

// checkKafka wants kafka-go in one place, and of it only what is safe.
func checkKafka(tr *tree) []string {
	var bad []string
	found := false
	for _, f := range tr.files {
		name := f.importedAs(kafkaGo)
		if name == "" {
			continue
		}
		found = true
		if !coversAny(kafkaMay, f.pkg()) {
			bad = append(bad, fmt.Sprintf("%s imports %s, which only %v may", f.path, kafkaGo, kafkaMay))
		}
		if name == "." || name == "_" {
			bad = append(bad, fmt.Sprintf("%s imports %s as %s: what is used of it cannot be seen", f.path, kafkaGo, name))
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && kafkaNever.MatchString(sel.Sel.Name) {
				bad = append(bad, fmt.Sprintf("%s uses kafka.%s", f.path, sel.Sel.Name))
			}
			return true
		})
	}
	if !found {
		bad = append(bad, "no file imports "+kafkaGo)
	}
	return bad
}

// importedAs is the name by which a file knows a package; empty if it does not.
func (f goFile) importedAs(importPath string) string {
	i := slices.Index(f.imports(), importPath)
	switch {
	case i < 0:
		return ""
	case f.ast.Imports[i].Name != nil:
		return f.ast.Imports[i].Name.Name
	case importPath == kafkaGo:
		return "kafka"
	}
	return path.Base(importPath)
}
