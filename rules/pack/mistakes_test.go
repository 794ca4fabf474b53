package pack

import (
	"strings"
	"testing"
)

// TestMistakesOfBothKinds: a value that cannot be read does not hide what is
// wrong with the values that can be, and is itself complained about once.
func TestMistakesOfBothKinds(t *testing.T) {
	_, err := Load("a.yaml", strings.NewReader(`version: 1
name: a
rules:
  - id: one
    provider: Example
    description: bracket never closed
    severity: high
    reference: https://example.com/
    pattern: 'abc[0-9'
    examples: ['abc']
    near_misses: ['x']
  - id: two
    provider: Example
    description: no such severity
    severity: terrible
    reference: https://example.com/
    pattern: 'abcd[0-9]{20}'
    examples: ['abcd<20*digit>']
    near_misses: ['x']
`))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(err.Error(), "rules[0].pattern") || !strings.Contains(err.Error(), "rules[1].severity") {
		t.Errorf("mistakes %q, want one about rules[0].pattern and one about rules[1].severity", lines)
	}
	for _, text := range []string{"- a\n", "rules: 1\n", "rules:\n  - 1\n"} {
		if _, err := Load("a.yaml", strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
