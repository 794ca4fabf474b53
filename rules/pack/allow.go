package pack

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// HashPrefix begins an Allow value that is given as the SHA-256 of the secret.
const HashPrefix = "sha256:"

// Validate reports every mistake of the entry, each with its key.
func (a *Allow) Validate() error {
	var errs []error
	a.check(func(key, format string, args ...any) {
		err := fmt.Errorf(format, args...)
		if key != "" {
			err = fmt.Errorf("%s: %w", strings.TrimPrefix(key, "."), err)
		}
		errs = append(errs, err)
	})
	return errors.Join(errs...)
}

// check reports mistakes; key is that of the entry, with a dot. Values are
// never part of a message.
func (a *Allow) check(report func(key, format string, args ...any)) {
	if a.Description == "" {
		report(".description", "must say why these are no secrets")
	}
	if len(a.Values) == 0 && len(a.Patterns) == 0 && len(a.Words) == 0 && len(a.Fields) == 0 && len(a.Resource) == 0 {
		report("", "needs values, patterns, words, fields or resource; to switch rules off, disable them")
	}
	for i, v := range a.Values {
		digits, hashed := strings.CutPrefix(v, HashPrefix)
		if sum, err := hex.DecodeString(digits); hashed && (err != nil || len(sum) != 32) {
			report(fmt.Sprintf(".values[%d]", i), "must have 64 hexadecimal digits after %s", HashPrefix)
		}
	}
	for i, p := range a.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			report(fmt.Sprintf(".patterns[%d]", i), "%v", err)
		} else if re.MatchString("") {
			report(fmt.Sprintf(".patterns[%d]", i), "matches the empty text, so it would allow everything")
		}
	}
	if !slices.Contains([]string{"", "secret", "match", "line"}, a.Target) {
		report(".target", "%q is none of secret, match, line", a.Target)
	}
	for key, list := range map[string][]string{"rules": a.Rules, "values": a.Values, "words": a.Words, "fields": a.Fields} {
		for i, item := range list {
			if item == "" {
				report(fmt.Sprintf(".%s[%d]", key, i), "must not be empty")
			}
		}
	}
}
