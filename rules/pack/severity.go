package pack

import "fmt"

// severityNames are the words of the severities, by value.
var severityNames = [...]string{Low: "low", Medium: "medium", High: "high", Critical: "critical"}

// String returns the word that stands in a pack, or "none" for the zero value.
func (s Severity) String() string {
	if s < Low || s > Critical {
		return "none"
	}
	return severityNames[s]
}

// MarshalText writes the word that stands in a pack.
func (s Severity) MarshalText() ([]byte, error) {
	if s < Low || s > Critical {
		return nil, fmt.Errorf("writing severity: %d is none", uint8(s))
	}
	return []byte(severityNames[s]), nil
}

// UnmarshalText reads low, medium, high or critical.
func (s *Severity) UnmarshalText(text []byte) error {
	for v := Low; v <= Critical; v++ {
		if severityNames[v] == string(text) {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("%q is none of low, medium, high, critical", text)
}
