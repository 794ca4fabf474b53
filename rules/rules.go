// Package rules finds secrets in bytes and says where they stand.
//
// It is bytes in, positions out: it knows nothing of OpenTelemetry, holds no
// secret after Scan returns, and a Finding carries no text that a log line
// could leak. Rules are data (package pack); an Engine is what Compile makes
// of them. The way of a text through the engine is
//
//	prefilter (which rules could match, and where) -> match (does the pattern
//	match there) -> boundaries, checksum, entropy, context (is it a secret)
//
// and the same again for every decoded view of the text: JSON inside strings,
// escapes, and the other encodings of package decode. Offsets always refer to
// the bytes that were given to Scan.
package rules

import (
	"time"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// Finding is the place of one secret. It holds no text and has no String method.
type Finding struct {
	// Start and End are byte offsets into the scanned text, the half-open
	// range that a mask replaces. They never cut an escape sequence, and
	// inside valid JSON they never cross the border of a string or number.
	Start, End int
	// Rule is the index of the rule in Engine.Rules. It is meaningless when
	// Withheld is set.
	Rule uint32
	// Severity is the rule's, lowered by one when a checksum did not pass.
	Severity pack.Severity
	// Evidence says on what grounds.
	Evidence Evidence
	// Withheld, if not None, says that this range is no finding but could not
	// be scanned. It must be treated as secret.
	Withheld Reason
	// Quote is, for Bare, how many backslashes stand before a quote of the
	// document that holds the number: 0 for a document of its own, 1 inside a
	// JSON string, 3 inside a string inside a string.
	Quote uint16
	// levels is how many encodings were taken off.
	levels uint8
	// Digest is Context.Digest of the decoded secret, 0 without Context.Digest.
	// The same secret has the same digest in every encoding.
	Digest uint64
}

// Evidence is a set of flags.
type Evidence uint16

const (
	// ChecksumPassed: the format's own checksum agrees.
	ChecksumPassed Evidence = 1 << iota
	// ChecksumFailed: the format has a checksum and it does not agree; the severity is one lower.
	ChecksumFailed
	// DocExample: a test vector of public documentation, or one that says EXAMPLE of itself.
	DocExample
	// ByKey: found because of the name it stands under.
	ByKey
	// Decoded: found in a decoded view; Start and End are those of the encoded bytes.
	Decoded
	// Bare: a JSON number; its mask must be put in quotes, each escaped by
	// Finding.Quote backslashes, to be a JSON string.
	Bare
	// Truncated: the text ends inside the secret.
	Truncated
	// Joined: the secret was cut and stands in this and in neighbouring texts.
	// An engine does not answer this, nor the next; who joins texts and
	// remembers secrets does.
	Joined
	// Remembered: the secret was found in another place and known again.
	Remembered
)

// Reason says why a range could not be scanned.
type Reason uint8

const (
	// None: it was scanned.
	None Reason = iota
	// Depth: encodings are nested deeper than Limits.Depth.
	Depth
	// Findings: there were more findings than Limits.Findings.
	Findings
	// Time: Context.Deadline passed.
	Time
	// Size: the text is longer than Limits.Size.
	Size
	// Panic: a matcher panicked (a defect of ours).
	Panic
)

// String returns the reason in the words of masks and metrics.
func (r Reason) String() string {
	return [...]string{"none", "depth", "findings", "time", "size", "panic"}[r]
}

// Context is what is known about a text besides its bytes.
type Context struct {
	// Key is the name the text stands under: attribute key, JSON member,
	// header name, flag. Empty if there is none.
	Key string
	// Prev is the element before this one in a list ("--api-key"), if any.
	Prev string
	// Digest, if not nil, is called with each decoded secret. It must not keep the slice.
	Digest func(secret []byte) uint64
	// Field, if not nil, is the path of the place, for allow-lists; called on findings only.
	Field func() string
	// Resource, if not nil, returns an attribute of what the text belongs to, for allow-lists.
	Resource func(name string) (string, bool)
	// AllowInline honours a comment "tracescrub:allow" in the line of a
	// finding. Whoever writes the text can then switch the engine off.
	AllowInline bool
	// Deadline, if not zero, ends the scan; what is left comes back as Withheld Time.
	Deadline time.Time
	// Past, if not nil, is where Scan writes what it remembers of the text.
	Past *Past
}

// Past is what a scan remembers of a text that has grown, for who reads it for
// something else as well and need not read its beginning again.
type Past struct {
	// Of is the number of a text that was scanned before and begins with the same
	// Same bytes; 0 if none is remembered. No two texts have the same number.
	Of   uint64
	Same int
	// Text is the number of this one, 0 if it is not remembered.
	Text uint64
}

// Limits bound the work on one text, and what counts as found. The zero value of a field means its default.
type Limits struct {
	// Size is the longest text in bytes that is scanned; default 64 MiB.
	Size int
	// Depth is how many encodings may be nested in each other; default 12.
	Depth int
	// Findings is the most findings per text; default 100,000.
	Findings int
	// Threshold is the probability from which on a value under the name of a
	// credential is taken for a secret, between 0 and 1; default 0.5.
	// docs/detection-curve.md has what others give.
	Threshold float64
	// Repeats is how many bytes of texts, without the strings in which something was
	// found, are remembered on each core, so that what comes again is compared and not
	// scanned. Default 0: none; less than MinRepeats is none.
	// It changes no answer.
	Repeats int
	// Pause, if not nil, is called by Compile after each rule: who compiles while
	// others wait for a core can sleep in it. It changes no answer.
	Pause func()
}
