package rules

import "bytes"

// harmlessCookies are prefixes of cookies that open nothing: analytics, consent
// and settings.
var harmlessCookies = []string{"_ga", "_gid", "_gcl", "_fbp", "_fbc", "_hj", "_utm", "__utm", "amp_", "ajs_", "_clck", "_clsk", "_pk_", "optimizely", "cookieconsent", "cookie_consent", "euconsent", "optanon", "locale", "lang", "theme", "timezone", "currency", "ab_", "ab-", "intercom-id", "_dd_s", "_mkto", "hubspotutk", "__hs", "nlbi_", "visid_incap"}

// cookieAttributes are the parts of Set-Cookie that are no cookie (RFC 6265, section 4.1).
var cookieAttributes = []string{"path", "expires", "domain", "max-age", "samesite", "httponly", "secure", "priority", "partitioned"}

const minCookie = 12 // bytes of a cookie's value that may be a session

// cookies adds the values of the pairs name=value in v that may be sessions. A
// pair of a header within another one is looked at once.
func (s *scanner) cookies(n int, text []byte, v value) {
	at := v.start
	settled := s.budget.pairs
	s.budget.pairs, s.budget.valued = max(s.budget.pairs, v.end), max(s.budget.valued, v.end)
	for ; at < v.end; at = max(at, settled) {
		end := v.end
		if i := bytes.IndexByte(text[at:v.end], ';'); i >= 0 {
			end = at + i
		}
		pair := text[at:end]
		if eq := bytes.IndexByte(pair, '='); eq >= 0 && !cookieAttribute(pair[:eq]) {
			a, b := at+eq+1, end
			for a < b && (text[a] == '"' || text[a] == ' ') {
				a++
			}
			for b > a && (text[b-1] == '"' || text[b-1] == ' ' || text[b-1] == '\\') {
				b--
			}
			if secret := text[a:b]; len(secret) >= minCookie && !s.e.masked(secret) && !placeholder(secret) && entropy(secret) >= minTokenEntropy && (hasDigit(secret) || mixedCase(secret)) {
				s.add(s.e.byName(n, a, b), text)
			}
		}
		at = end + 1
	}
}

// harmless has both lists by first byte.
var harmless = func() (by [256]struct{ whole, prefix []string }) {
	for _, a := range cookieAttributes {
		by[a[0]].whole = append(by[a[0]].whole, a)
	}
	for _, h := range harmlessCookies {
		by[h[0]].prefix = append(by[h[0]].prefix, h)
	}
	return by
}()

func cookieAttribute(nm []byte) bool {
	nm = bytes.TrimSpace(nm)
	if len(nm) == 0 {
		return false
	}
	by := &harmless[toLower(nm[0])]
	for _, a := range by.whole {
		if len(nm) == len(a) && hasPrefixFold(nm, a) {
			return true
		}
	}
	for _, h := range by.prefix {
		if hasPrefixFold(nm, h) {
			return true
		}
	}
	return false
}
