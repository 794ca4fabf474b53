// Package pack is the format of rule packs: YAML files that hold rules as
// data, each with its own proof (examples that must match and near misses
// that must not).
//
// docs/rules.md describes every key; Load reports all mistakes of a file at
// once, each with its YAML path and line.
package pack

// Severity says how bad it is when the secret leaks.
type Severity uint8

// The severities, in rising order.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

// Pack is one file.
type Pack struct {
	// Version is the format's version: 1.
	Version int `yaml:"version"`
	// Name names the pack in messages.
	Name string `yaml:"name"`
	// Rules find secrets that give themselves away by their form.
	Rules []Rule `yaml:"rules"`
	// Names find secrets by the name they stand under.
	Names []Name `yaml:"names"`
	// Allow lists findings that are no secrets.
	Allow []Allow `yaml:"allow,omitempty"`
}

// Rule describes a secret by its form.
type Rule struct {
	// ID is unique over all packs: lower case words joined by "-".
	ID string `yaml:"id"`
	// Provider is who issues the credential, in the provider's own spelling.
	Provider string `yaml:"provider"`
	// Description says in a few words what it is.
	Description string `yaml:"description"`
	// Severity is low, medium, high or critical.
	Severity Severity `yaml:"severity"`
	// Reference is the URL of the provider's documentation (or of the RFC).
	Reference string `yaml:"reference"`
	// Pattern is a regular expression (RE2 syntax, matched on bytes). It
	// needs at least one literal of three bytes that every match contains.
	// It describes the token only: no \b and no look-around for what stands
	// beside it, the engine knows that from Left and from the alphabet.
	Pattern string `yaml:"pattern"`
	// Near are words ("datadog", "new_york_times", where "_" is "_", "-" or
	// nothing) of which one must stand a little before the token. Pattern is
	// then the token's whole form, too plain to be known without such a word.
	// The words are the anchors, so they are better long and rare. See Search.
	Near []string `yaml:"near,omitempty"`
	// Not are words that, with Near, make it something else where they stand
	// right before the token: default "id", "trace", "commit", "sha256" and the like.
	Not []string `yaml:"not,omitempty"`
	// Anchors are literals of three bytes or more of which every match holds
	// at least one, ASCII case folded. Derived from Pattern when empty.
	Anchors []string `yaml:"anchors,omitempty"`
	// Secret is the capture group to mask; 0, the default, is the whole match.
	Secret int `yaml:"secret"`
	// Left says what may stand before a match: "word" (default: no letter,
	// digit or underscore, an escape sequence such as \n or %3D is no letter)
	// or "any" (for prefixes that are distinctive wherever they stand).
	Left string `yaml:"left"`
	// Right says what becomes of a match that is followed by more bytes of
	// its last alphabet: "extend" (default: they belong to the secret),
	// "exact" (it is no match: the length is the evidence) or "any" (they do not count).
	Right string `yaml:"right"`
	// Keywords are words of which one must stand within Within bytes before
	// the match, or in the key. Empty: none needed.
	Keywords []string `yaml:"keywords,omitempty"`
	// Within is the distance for Keywords in bytes; default 100.
	Within int `yaml:"within"`
	// Checksum names a function of package verify that is given the match.
	Checksum string `yaml:"checksum"`
	// Require makes a failed checksum reject the match instead of lowering the severity.
	Require bool `yaml:"require"`
	// Entropy is the least Shannon entropy of the secret in bits per byte; 0: no bound.
	// A passed checksum needs no entropy.
	Entropy float64 `yaml:"entropy"`
	// Examples are templates (see Expand) that must match; NearMisses must not.
	Examples   []string `yaml:"examples"`
	NearMisses []string `yaml:"near_misses"`
}

// Allow says which findings are no secrets. An entry takes back single
// findings: whatever else stands in the same text is masked as ever. All
// criteria that are set must hold; of a list one item must.
type Allow struct {
	// Description says why, for whoever reviews the list.
	Description string `yaml:"description"`
	// Rules are globs on ids of rules, of any pack. Empty: the rules of this pack.
	Rules []string `yaml:"rules,omitempty"`
	// Values are whole secrets: "sha256:" and 64 hexadecimal digits, or the text itself.
	Values []string `yaml:"values,omitempty"`
	// Patterns are regular expressions that are searched for in Target.
	Patterns []string `yaml:"patterns,omitempty"`
	// Target is what Patterns look at: "secret" (default), "match" (what the
	// rule's pattern took) or "line" (what is found in the line must overlap the match).
	Target string `yaml:"target,omitempty"`
	// Words are what a secret may hold, whatever its case.
	Words []string `yaml:"words,omitempty"`
	// Fields are globs on the path of the place, such as `span.attributes["db.*"]`.
	Fields []string `yaml:"fields,omitempty"`
	// Resource maps names of resource attributes to globs on their values; all must match.
	Resource map[string]string `yaml:"resource,omitempty"`
}

// Name describes a secret by the name it stands under: an attribute key, a
// JSON member, a header, the left side of an assignment, a flag.
type Name struct {
	ID          string   `yaml:"id"`
	Provider    string   `yaml:"provider"`
	Description string   `yaml:"description"`
	Severity    Severity `yaml:"severity"`
	Reference   string   `yaml:"reference"`
	// Names are lower case words joined by "_" ("api_key"). A key is split
	// into words at case changes, digits and separators; it is one of ours
	// when it holds these words in a row ("X-Api-Key", "openaiApiKey",
	// "API_KEY_PROD"), none of Not after them and none of NotBefore before them.
	Names []string `yaml:"names"`
	// Not are words that make it something else: "count", "id", "url", ...
	Not []string `yaml:"not,omitempty"`
	// NotBefore are words that make it something else when they stand right
	// before the names: "next" (next_page_token), "public", "reset", ...
	NotBefore []string `yaml:"not_before,omitempty"`
	// Value says how a value must look: "password" (anything that is no
	// placeholder, reference, word of code or plain sentence), "token" (also
	// long and random enough), "cookie", "numeric" (also plain digits), "any"
	// (all but empty, placeholders and references).
	Value string `yaml:"value"`
	// MinLength is the shortest value in bytes.
	MinLength int `yaml:"min_length"`
	// Examples and NearMisses are templates of whole texts, as in Rule.
	Examples   []string `yaml:"examples"`
	NearMisses []string `yaml:"near_misses"`
}
