package known

import (
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// encodings lists the spellings of a value in which its literal may not be
// seen, so that a filter stops at them and the engine takes the encoding off.
func encodings(v string) []string {
	all := []string{url.QueryEscape(v), url.PathEscape(v), percentAll(v), html.EscapeString(v), strings.ReplaceAll(v, "/", `\/`)}
	if quoted, err := json.Marshal(v); err == nil {
		once := string(quoted[1 : len(quoted)-1])
		all = append(all, once)
		if twice, err := json.Marshal(once); err == nil {
			all = append(all, string(twice[1:len(twice)-1]))
		}
	}
	var plain strings.Builder // as encoders write it that leave < > & alone
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) == nil {
		text := strings.TrimSuffix(plain.String(), "\n")
		all = append(all, text[1:len(text)-1])
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(e string) bool { return e == v || len(e) < MinLength })
}

// percentAll encodes all but the characters that RFC 3986 calls unreserved.
func percentAll(v string) string {
	return strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
}
