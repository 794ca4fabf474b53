package rules

import "bytes"

// maxBlock is how far behind a Terraform variable's name its default may stand, in bytes.
const maxBlock = 400

// readers begin the names of functions that read or show a credential and are
// given something else: getPassword("db.main").
var readers = []string{"get", "find", "fetch", "read", "load", "has", "is", "check", "validate", "verify", "lookup", "require", "ask", "prompt", "label", "input", "need", "expect", "resolve", "decode", "parse", "hash", "compare"}

func reads(name []byte) bool {
	for _, r := range readers {
		if hasPrefixFold(name, r) {
			return true
		}
	}
	return false
}

// behindBlock returns where the value stands that a block opening at i holds
// or precedes.
func behindBlock(text []byte, i int, quoted bool) (int, bool) {
	if quoted {
		return blockDefault(text, i)
	}
	n := bytes.IndexByte(text[i:min(len(text), i+40)], '}') // C#: { get; set; } =
	if n < 0 || !bytes.Contains(text[i:i+n], []byte("get;")) {
		return i, false
	}
	for i += n + 1; i < len(text) && text[i] == ' '; i++ {
	}
	if i >= len(text) || text[i] != '=' {
		return i, false
	}
	return operator(text, i)
}

// blockDefault returns where the default of a Terraform variable stands whose
// block opens at i.
func blockDefault(text []byte, i int) (int, bool) {
	n := bytes.Index(text[i:min(len(text), i+maxBlock)], []byte("default"))
	if n < 0 || bytes.IndexByte(text[i:i+n], '}') >= 0 {
		return i, false
	}
	i += n + len("default")
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	if i >= len(text) || text[i] != '=' {
		return i, false
	}
	return operator(text, i)
}
