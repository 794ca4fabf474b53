package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/filescan"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// sarif writes SARIF 2.1.0 in the subset that GitHub code scanning reads, a
// result per line, so that no more than a file's findings are in memory.
type sarif struct {
	w      io.Writer
	m      Meta
	index  map[string]int // of rules
	n      int
	errors []notification
	left   int // results beyond maxResults
}

type message struct {
	Text string `json:"text"`
}

type descriptor struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Short  message `json:"shortDescription"`
	Full   message `json:"fullDescription"`
	Help   message `json:"help"`
	URI    string  `json:"helpUri,omitempty"`
	Config struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		Tags     []string `json:"tags"`
		Severity string   `json:"security-severity"`
	} `json:"properties"`
}

type result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      message           `json:"message"`
	Locations    []location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type location struct {
	Physical struct {
		Artifact artifact `json:"artifactLocation"`
		Region   region   `json:"region"`
	} `json:"physicalLocation"`
}

type artifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

type notification struct {
	Level   string  `json:"level"`
	Message message `json:"message"`
}

// Of a run GitHub code scanning refuses more than maxResults results, and of a
// rule it wants texts of maxText characters at most.
const (
	maxResults = 25_000
	maxText    = 1024
)

const (
	sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifBase   = "%SRCROOT%"
)

func newSARIF(w io.Writer, m Meta) (*sarif, error) {
	s := &sarif{w: w, m: m, index: map[string]int{}}
	descriptors := []descriptor{}
	for _, r := range append(m.Rules[:len(m.Rules):len(m.Rules)], withheldRules()...) {
		s.index[r.ID] = len(descriptors)
		descriptors = append(descriptors, describe(r))
	}
	driver, err := json.Marshal(map[string]any{
		"name": "tracescrub", "version": m.Version, "informationUri": "https://github.com/tracescrub/tracescrub",
		"rules": descriptors,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the rules: %w", err)
	}
	_, err = fmt.Fprintf(w, `{"$schema":%q,"version":"2.1.0","runs":[{"tool":{"driver":%s},"columnKind":"unicodeCodePoints","results":[`,
		sarifSchema, driver)
	return s, err
}

// withheldRules stand for text that could not be scanned.
func withheldRules() []rules.Info {
	var all []rules.Info
	for r := rules.Depth; r <= rules.Panic; r++ {
		all = append(all, rules.Info{
			ID: "withheld-" + r.String(), Severity: pack.Critical,
			Description: "text that could not be scanned (" + r.String() + ")",
		})
	}
	return all
}

func describe(r rules.Info) descriptor {
	d := descriptor{ID: r.ID, Name: r.ID, Short: message{r.Description}, Full: message{r.Description}, URI: r.Reference}
	if r.Provider != "" {
		d.Full.Text = r.Provider + ": " + r.Description
	}
	d.Help.Text = "Remove the secret, and replace it where it is valid: whoever has read the file has it."
	if r.Reference != "" {
		d.Help.Text += " See " + r.Reference
	}
	d.Short.Text, d.Full.Text = cut(d.Short.Text), cut(d.Full.Text)
	d.Config.Level = level(r.Severity)
	d.Properties.Tags = []string{"security", "secret"}
	d.Properties.Severity = score(r.Severity)
	return d
}

// cut shortens a text to what a rule may have.
func cut(s string) string {
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return s
}

func level(s pack.Severity) string {
	switch {
	case s >= pack.High:
		return "error"
	case s == pack.Medium:
		return "warning"
	}
	return "note"
}

// score is GitHub's scale: over 9 critical, over 7 high, over 4 medium.
func score(s pack.Severity) string {
	return [...]string{"0.0", "3.0", "5.5", "8.0", "9.5"}[min(s, pack.Critical)]
}

func (s *sarif) File(f filescan.File) error {
	if f.Err != nil {
		s.errors = append(s.errors, notification{"error", message{filepath.ToSlash(f.Path) + ": " + f.Err.Error()}})
	}
	where := locate(f.Path)
	seen := map[string]int{}
	for _, x := range f.Findings {
		if s.n == maxResults {
			s.left++
			continue
		}
		r := result{RuleID: x.Hit.RuleID, RuleIndex: -1, Level: level(x.Hit.Severity)}
		if i, ok := s.index[r.RuleID]; ok {
			r.RuleIndex = i
		}
		r.Message.Text = fmt.Sprintf("Secret of rule %s (severity %s).", r.RuleID, x.Hit.Severity)
		var l location
		l.Physical.Artifact = where
		l.Physical.Region = region{x.Line, x.Column, x.EndLine, x.EndColumn}
		r.Locations = []location{l}
		r.Fingerprints = s.fingerprints(where.URI, x, seen)
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		sep := ",\n"
		if s.n++; s.n == 1 {
			sep = "\n"
		}
		if _, err := s.w.Write(append([]byte(sep), line...)); err != nil {
			return err
		}
	}
	return nil
}

// fingerprints let a host follow an alert while lines move. Without a key that
// outlives the run they come from rule, file and order alone; a hash of the
// secret itself could be guessed.
func (s *sarif) fingerprints(uri string, x filescan.Finding, seen map[string]int) map[string]string {
	parts := []string{x.Hit.RuleID, uri}
	if s.m.StableKey {
		parts = append(parts, x.Hit.Fingerprint)
	}
	id := strings.Join(parts, "\x00")
	seen[id]++
	sum := sha256.Sum256([]byte(id))
	out := map[string]string{"primaryLocationLineHash": fmt.Sprintf("%s:%d", hex.EncodeToString(sum[:8]), seen[id])}
	if s.m.StableKey {
		out["tracescrubSecret/v1"] = x.Hit.Fingerprint
	}
	return out
}

// locate makes the URI of a file: relative to where the scan was started if it
// lies below, as code scanning wants it.
func locate(name string) artifact {
	slash := path.Clean(filepath.ToSlash(name))
	if filepath.IsLocal(name) {
		return artifact{URI: (&url.URL{Path: slash}).EscapedPath(), Base: sarifBase}
	}
	if abs, err := filepath.Abs(name); err == nil {
		slash = filepath.ToSlash(abs)
	}
	if !strings.HasPrefix(slash, "/") {
		slash = "/" + slash
	}
	return artifact{URI: (&url.URL{Scheme: "file", Path: slash}).String()}
}

func (s *sarif) Close() error {
	invocation := map[string]any{"executionSuccessful": len(s.errors) == 0} // what is left out is no failure
	if s.left > 0 {
		s.errors = append(s.errors, notification{"warning", message{fmt.Sprintf("%d more findings are not in this report: it has the %d results that code scanning accepts", s.left, maxResults)}})
	}
	if len(s.errors) > 0 {
		invocation["toolExecutionNotifications"] = s.errors
	}
	tail, err := json.Marshal(invocation)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.w, "],\"invocations\":[%s]}]}\n", tail)
	return err
}
