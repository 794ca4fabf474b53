// Package known holds a dictionary of live secrets: exact values that must
// never leave, wherever and however they stand in a text.
//
// The values stay in memory and in no message. Of each value a few rare bytes
// go into the engine's filter, so that clean text pays nothing for the
// dictionary; only where they stand is the value itself looked for.
package known

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// MinLength is the shortest value in bytes: a shorter one would mask words.
const MinLength = 8

const (
	maxLength  = 16 << 10  // bytes of a value
	maxSecrets = 1_000_000 // in a dictionary
	maxSaid    = 20        // mistakes that are told one by one
)

// Secret is one entry of a dictionary. It never prints its value.
type Secret struct {
	// Name, if any, is a plain lower case id and becomes part of the rule's id.
	Name  string
	value string
}

// String returns a constant.
func (Secret) String() string { return "known secret" }

// GoString returns a constant.
func (Secret) GoString() string { return "known secret" }

var plainID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// maxName leaves room for "known-secret-" in an id of 64 bytes.
const maxName = 50

// Parse reads a dictionary: a value per line, or a name, a tab and a value. A
// name that is no plain lower case id is left out, the value is not. Empty
// lines do not count; there are no comments. The error has the number of each
// wrong line and nothing of its text.
func Parse(r io.Reader) ([]Secret, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLength+maxLength)
	var all []Secret
	var errs []error
	wrong := 0
	mistake := func(n int, what string) {
		if wrong++; wrong <= maxSaid {
			errs = append(errs, fmt.Errorf("line %d: %s", n, what))
		}
	}
	seen := map[string]bool{}
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if len(line) == 0 {
			continue
		}
		name, value, named := bytes.Cut(line, []byte("\t"))
		if !named {
			name, value = nil, line
		}
		switch {
		case len(value) < MinLength:
			mistake(n, fmt.Sprintf("a value of %d bytes, at least %d are needed", len(value), MinLength))
			continue
		case len(value) > maxLength:
			mistake(n, fmt.Sprintf("a value of more than %d bytes", maxLength))
			continue
		case len(bytes.TrimSpace(value)) != len(value):
			mistake(n, "a value that begins or ends with white space")
			continue
		case seen[string(value)]:
			continue
		case len(all) == maxSecrets:
			return nil, fmt.Errorf("line %d: more than %d values", n, maxSecrets)
		}
		s := Secret{value: string(value)}
		if plainID.Match(name) && len(name) <= maxName {
			s.Name = string(name)
		}
		seen[s.value] = true
		all = append(all, s)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		mistake(n+1, fmt.Sprintf("a line of more than %d bytes", 2*maxLength))
	} else if err != nil {
		return nil, fmt.Errorf("reading known secrets: %w", err)
	}
	if wrong > maxSaid {
		errs = append(errs, fmt.Errorf("and %d more", wrong-maxSaid))
	}
	if len(errs) == 0 && len(all) == 0 {
		return nil, errors.New("there is no value")
	}
	return all, errors.Join(errs...)
}
