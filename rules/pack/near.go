package pack

import (
	"fmt"
	"regexp"
	"strings"
)

// Between the word and the token: at most this many characters, the last of
// which is no part of a token.
const nearGap = `(?s:.{0,72}?)(?:[^0-9A-Za-z_-]|%3[AaDd]|%22|\\[nrt])`

// defaultNot are the words that say of an identifier or a digest what it is.
var defaultNot = strings.Fields(`id ids uuid guid trace traceid span request correlation hash digest checksum sha sha1 sha256 sha512 md5
etag md commit revision rev ref branch tag version build release image model run job pipeline workflow pod container instance host node fingerprint
public publishable signature nonce order invoice event message msg url uri link file path dashboard monitor query page org organization team
user username customer channel count size serial thread conversation response object bucket cache snapshot blob layer name slug title document
report issue ticket call step deployment deploy region zone tenant workspace schema table index index digest checkpoint integrity resource git
vcs ray sampled parent status rid cid uid oid email`)

var wordForm = regexp.MustCompile(`^[a-z0-9]+([_. ][a-z0-9]+)*$`)

func (d *decoder) checkNear(path string, r *Rule) {
	for i, w := range r.Near {
		if at := fmt.Sprintf("%s.near[%d]", path, i); !wordForm.MatchString(w) {
			d.at(at, "%q must be lower case words joined by single underscores, dots or spaces", w)
		} else if len(strings.ReplaceAll(w, "_", "")) < minAnchor {
			d.at(at, "must have at least %d letters", minAnchor)
		}
	}
	d.checkWords(path+".not", r.Not)
	if len(r.Not) > 0 && len(r.Near) == 0 {
		d.at(path+".not", "needs near")
	}
}

// Search returns the regular expression that finds the token in a text and the
// group in it to mask: Pattern and Secret, with Near the word and the gap before them.
func (r *Rule) Search() (expr string, group int) {
	if len(r.Near) == 0 {
		return r.Pattern, r.Secret
	}
	words := make([]string, len(r.Near))
	for i, w := range r.Near {
		words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), "_", "[_-]?")
	}
	return "(?i:" + strings.Join(words, "|") + ")" + nearGap + "(" + r.Pattern + ")(?:[^0-9A-Za-z_-]|$)", r.Secret + 1
}
