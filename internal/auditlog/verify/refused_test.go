package verify_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

type refusedReceipt struct {
	Reason  string `json:"reason"`
	Receipt string `json:"receipt"`
	Public  string `json:"public"`
}

// parts are the lines of a receipt, as text.
type parts struct {
	head, line, index  string
	path               []string
	origin, size, root string
	signatures, end    string
	public             string
}

func (p *parts) text() string {
	lines := append([]string{p.head}, p.line, p.index)
	lines = append(lines, p.path...)
	lines = append(lines, "", p.origin, p.size, p.root, "", p.signatures)
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "-" }), "\n") + p.end
}

func extra(line string) string { return "extra " + base64.StdEncoding.EncodeToString([]byte(line)) }

// sign signs a text, which need not be a checkpoint's, and returns the signature's line.
func sign(t *testing.T, text, private string) string {
	t.Helper()
	s, err := note.NewSigner(private)
	require.NoError(t, err)
	signed, err := note.Sign(&note.Note{Text: text}, s)
	require.NoError(t, err)
	_, signature, _ := strings.Cut(string(signed), "\n\n")
	return strings.TrimSuffix(signature, "\n")
}

// another changes the character at a place of base64 to another one.
func another(s string, at int) string {
	c := byte('A')
	if s[at] == c {
		c = 'B'
	}
	return s[:at] + string(c) + s[at+1:]
}

// refusedReceipts are the receipt of the third of five entries, each with one thing wrong.
func refusedReceipts(t *testing.T, v *vectors, private string) (all []refusedReceipt) {
	t.Helper()
	seed := sha256.Sum256([]byte("audit vectors: another key"))
	otherPrivate, otherPublic, err := proof.NewKey("example.com/audit", bytes.NewReader(seed[:]))
	require.NoError(t, err)
	line, next := v.Entries[2].Line, v.Entries[3].Line
	checkpoint := func(p *parts, signed string) {
		l := strings.Split(signed, "\n")
		p.origin, p.size, p.root, p.signatures = l[0], l[1], l[2], l[4]
	}
	good := func() *parts {
		l := strings.Split(v.Receipts[2], "\n")
		p := &parts{head: l[0], line: l[1], index: l[2], path: slices.Clone(l[3:6]), end: "\n", public: v.Key.Public}
		checkpoint(p, strings.Join(l[7:], "\n"))
		return p
	}
	require.Equal(t, v.Receipts[2], good().text())
	_, keyBytes, _ := strings.Cut(strings.TrimPrefix(otherPublic, "example.com/audit+"), "+")
	for _, x := range []struct {
		reason string
		change func(p *parts)
	}{
		{"another version", func(p *parts) { p.head = strings.Replace(p.head, "v1", "v2", 1) }},
		{"no entry", func(p *parts) { p.line = "-" }},
		{"no index", func(p *parts) { p.index = "-" }},
		{"an index with a zero before it", func(p *parts) { p.index = "index 02" }},
		{"another index", func(p *parts) { p.index = "index 3" }},
		{"an index as large as the log", func(p *parts) {
			p.index, p.line = "index 5", extra(strings.Replace(line, `"seq":2`, `"seq":5`, 1))
		}},
		{"the entry has changed", func(p *parts) { p.line = extra(strings.Replace(line, "tracescrub.masked", "tracescrub.passed", 1)) }},
		{"another entry", func(p *parts) { p.line = extra(next) }},
		{"another entry with this one's seq", func(p *parts) { p.line = extra(strings.Replace(next, `"seq":3`, `"seq":2`, 1)) }},
		{"an entry with white space", func(p *parts) { p.line = extra(strings.Replace(line, `"seq":2`, `"seq": 2`, 1)) }},
		{"an entry with a name twice", func(p *parts) { p.line = extra(strings.Replace(line, `"seq":2`, `"seq":2,"seq":2`, 1)) }},
		{"an entry with an unknown field", func(p *parts) { p.line = extra(strings.Replace(line, `"seq":2`, `"seq":2,"sequel":2`, 1)) }},
		{"an entry that is not UTF-8", func(p *parts) { p.line = extra(strings.Replace(line, "é", "\xe9", 1)) }},
		{"a hash has changed", func(p *parts) { p.path[1] = another(p.path[1], 7) }},
		{"a hash in another form", func(p *parts) { p.path[2] = loose(p.path[2]) }},
		{"a hash is missing", func(p *parts) { p.path = p.path[:2] }},
		{"a hash too many", func(p *parts) { p.path = append(p.path, p.path[0]) }},
		{"the hashes in another order", func(p *parts) { slices.Reverse(p.path) }},
		{"another root", func(p *parts) { p.root = another(p.root, 7) }},
		{"a root in another form", func(p *parts) { p.root = loose(p.root) }},
		{"another size", func(p *parts) { p.size = "6" }},
		{"an older checkpoint that covers it", func(p *parts) { checkpoint(p, v.Checkpoints[3]) }},
		{"an older checkpoint that does not cover it", func(p *parts) { checkpoint(p, v.Checkpoints[1]) }},
		{"another origin", func(p *parts) { p.origin = "example.com/other" }},
		{"a checkpoint with a fourth line", func(p *parts) {
			p.root += "\nmore"
			p.signatures = sign(t, p.origin+"\n"+p.size+"\n"+p.root+"\n", private)
		}},
		{"the signature has changed", func(p *parts) { p.signatures = another(p.signatures, len(p.signatures)-20) }},
		{"the signature of another checkpoint", func(p *parts) { p.signatures = strings.Split(v.Checkpoints[3], "\n")[4] }},
		{"the signature of another key", func(p *parts) {
			p.signatures = sign(t, p.origin+"\n"+p.size+"\n"+p.root+"\n", otherPrivate)
		}},
		{"no signature", func(p *parts) { p.signatures = "-" }},
		{"something behind the signatures", func(p *parts) { p.end = "\nx\n" }},
		{"no LF at the end", func(p *parts) { p.end = "" }},
		{"another key is trusted", func(p *parts) { p.public = otherPublic }},
		{"a trusted key with another one's id", func(p *parts) { p.public = p.public[:len("example.com/audit+00000000+")] + keyBytes }},
		{"a key with another one's id, and its signature", func(p *parts) {
			by := sign(t, p.origin+"\n"+p.size+"\n"+p.root+"\n", otherPrivate)
			_, id, _ := strings.Cut(otherPublic, "+")
			_, right, _ := strings.Cut(p.public, "+")
			p.signatures = "\u2014 example.com/audit " + renamed(t, by[len("\u2014 example.com/audit "):], right[:8])
			p.public = "example.com/audit+" + right[:8] + id[8:]
		}},
		{"a trusted key that is none", func(p *parts) { p.public = "example.com/audit" }},
	} {
		p := good()
		x.change(p)
		all = append(all, refusedReceipt{x.reason, p.text(), p.public})
	}
	all = append(all, lies(t, v, private, good)...)
	return append(all, refusedReceipt{"lines that end with CR LF", strings.ReplaceAll(v.Receipts[2], "\n", "\r\n"), v.Key.Public})
}

// lies are receipts of a log whose key signed what is none: of one entry that
// must be refused, or of a tree that the size does not have.
func lies(t *testing.T, v *vectors, private string, good func() *parts) (all []refusedReceipt) {
	t.Helper()
	line, first := v.Entries[2].Line, v.Entries[0].Line
	leaf := func(i int) tlog.Hash { return v.Entries[i].Leaf }
	for _, x := range []struct {
		reason, line, index, size string
		path                      []tlog.Hash
		root                      tlog.Hash
		origin                    string
	}{
		{reason: "signed: an entry at another place than it says", line: line, index: "0", size: "1", root: tlog.RecordHash([]byte(line))},
		{reason: "signed: an entry with white space", line: first + " ", index: "0", size: "1", root: tlog.RecordHash([]byte(first + " "))},
		{reason: "signed: an entry with an unknown field", line: `{"a":1,` + first[1:], index: "0", size: "1", root: tlog.RecordHash([]byte(`{"a":1,` + first[1:]))},
		{reason: "signed: an entry behind the end", line: line, index: "2", size: "1", root: tlog.RecordHash([]byte(line))},
		{reason: "signed: a path that is too long for the size", line: first, index: "0", size: "1", path: []tlog.Hash{leaf(1)}, root: tlog.NodeHash(leaf(1), leaf(0))},
		{reason: "signed: a path that is too short for the size", line: v.Entries[1].Line, index: "1", size: "4", path: []tlog.Hash{leaf(0)}, root: tlog.NodeHash(leaf(0), leaf(1))},
		{reason: "signed: another log's origin", line: first, index: "0", size: "1", root: leaf(0), origin: "example.com/other"},
	} {
		p := good()
		p.line, p.index, p.size, p.root, p.path = extra(x.line), "index "+x.index, x.size, x.root.String(), nil
		for _, h := range x.path {
			p.path = append(p.path, h.String())
		}
		if x.origin != "" {
			p.origin = x.origin
		}
		p.signatures = sign(t, p.origin+"\n"+p.size+"\n"+p.root+"\n", private)
		all = append(all, refusedReceipt{x.reason, p.text(), p.public})
	}
	return all
}

// renamed gives a signature another key id.
func renamed(t *testing.T, signature, id string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	_, err = hex.Decode(b, []byte(id))
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(b)
}

// loose writes the base64 of 32 bytes with other bits where there should be none.
func loose(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := len(s) - 2
	return s[:at] + string(alphabet[strings.IndexByte(alphabet, s[at])+1]) + s[at+1:]
}
