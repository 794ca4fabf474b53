package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// Corpus is a loaded folder of templates. It is immutable and safe for concurrent use.
type Corpus struct{ templates []template }

// Case is one filled template.
type Case struct {
	// Name is the file's name without its ending.
	Name string
	// Class is "clean" (look-alikes only), "dirty" (a session with secrets)
	// or "edge" (one scenario).
	Class string
	// Dialect names who emits such telemetry; empty for edge cases.
	Dialect string
	// Scenario is an edge case's number, "S01"; empty for the others.
	Scenario string
	// About says in a few words what it is.
	About string
	// Signal is "traces" or "logs".
	Signal string
	// Payload is the telemetry as OTLP/JSON.
	Payload []byte
	// Ideal is the payload as a perfect masker writes it: every occurrence of
	// a secret, and nothing else, is a mask.
	Ideal []byte
	// Secrets, Decoys and Rows are the truth about Payload.
	Secrets []Secret
	Decoys  []Decoy
	Rows    []Row
}

// Secret is one planted secret. It formats as its id and kind, never as its text.
type Secret struct {
	ID, Kind, Group, Name string
	// ContextOnly: nothing but the name or the sentence beside it gives it away.
	ContextOnly bool

	plain string
}

// Reveal returns the text of the secret. It is made up; still, tests name
// positions in their messages and not values.
func (s Secret) Reveal() string { return s.plain }

// Format implements fmt.Formatter so that no verb prints the text.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s(%s)", s.ID, s.Kind) }

// Decoy is text that looks like a secret and must survive.
type Decoy struct {
	ID, Kind string
	// Ambiguous ones, such as documentation examples, may be masked.
	Ambiguous bool

	plain string
	paths []string // the leaves it was planted in, once per occurrence
}

// Row is one occurrence of a secret. It formats without its text.
type Row struct {
	// Secret is the Secret's ID.
	Secret string
	// Path is the place in the payload, with indexes only.
	Path string
	// Place is the kind of place: "span_attr", "log_body", "span_attr_key", ...
	Place string
	// Key is the attribute's name, as the template has it.
	Key string
	// Form is how it is written, outermost encoding first: "plain",
	// "json>json", "json>b64", "num" (lines with numbers).
	Form string
	// Difficulty is "easy", "medium" or "hard".
	Difficulty string
	// ContextOnly is the Secret's.
	ContextOnly bool

	raw    string // as it stands in the leaf
	needle string // the part of the secret that this row holds
	plainF bool   // the form is plain, escaped at most
}

// Reveal returns the occurrence as it stands in the text of its place.
func (r Row) Reveal() string { return r.raw }

// Format implements fmt.Formatter so that no verb prints the text.
func (r Row) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s at %s (%s %s, %s, %s)", r.Secret, r.Path, r.Place, r.Key, r.Form, r.Difficulty)
}

// template is a file of testdata/corpus.
type template struct {
	Name     string       `json:"name"`
	Class    string       `json:"class"`
	Dialect  string       `json:"dialect"`
	Scenario string       `json:"scenario"`
	About    string       `json:"about"`
	Signal   string       `json:"signal"`
	Secrets  []secretSpec `json:"secrets"`
	Decoys   []decoySpec  `json:"decoys"`
	// Texts are pieces that are encoded as a whole, such as "user:{{s01}}" for basic authentication.
	Texts []struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"texts"`
	Payload json.RawMessage `json:"payload"`
}

// LeaveOut returns a corpus in which a template has "<left out>" in place of some of its secrets.
func (c *Corpus) LeaveOut(name string, ids ...string) *Corpus {
	out := &Corpus{templates: slices.Clone(c.templates)}
	for i := range out.templates {
		t := &out.templates[i]
		if t.Name != name {
			continue
		}
		t.Secrets = slices.Clone(t.Secrets)
		for j := range t.Secrets {
			if s := &t.Secrets[j]; slices.Contains(ids, s.ID) {
				t.Decoys = append(slices.Clone(t.Decoys), decoySpec{ID: s.ID, Kind: "left_out", Shape: "<left out>", Ambiguous: true})
			}
		}
		t.Secrets = slices.DeleteFunc(t.Secrets, func(s secretSpec) bool { return slices.Contains(ids, s.ID) })
	}
	return out
}

type secretSpec struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	Group       string `json:"group"`
	Name        string `json:"name"`
	ContextOnly bool   `json:"context_only"`
	// Shape overrides the kind's own, see expand.
	Shape string `json:"shape"`
}

type decoySpec struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Shape     string `json:"shape"`
	Ambiguous bool   `json:"ambiguous"`
}

// Load reads all templates (*.json) of a folder. A folder without any is an error.
func Load(fsys fs.FS) (*Corpus, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, err
	}
	c := &Corpus{}
	var errs []error
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var t template
		if err := json.Unmarshal(b, &t); err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", name, err))
			continue
		}
		if t.Name+".json" != path.Base(name) {
			errs = append(errs, fmt.Errorf("reading %s: its name says %q", name, t.Name))
		}
		c.templates = append(c.templates, t)
	}
	if len(names) == 0 {
		errs = append(errs, errors.New("no templates (*.json) in the corpus folder"))
	}
	return c, errors.Join(errs...)
}
