package rules

import (
	"bytes"
	"strings"

	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

const (
	nearGap    = 73 // bytes from the word to the token; pack.Rule.Search has the same
	minRandom  = 16 // bytes of a token without digits
	minNear    = 10 // bytes of a token that is known by a word near it
	maxNeutral = 4  // words that say nothing between that word and the token
	// minKeyed and maxKeyed bound a text that is looked at together with its key.
	minKeyed, maxKeyed = 12, 1024
)

// keyNouns are the words that say of what follows that it opens something.
var keyNouns = map[string]bool{}

func init() {
	for _, w := range []string{
		"key", "keys", "apikey", "apikeys", "token", "tokens", "apitoken", "secret", "secrets", "password", "passwd", "passwort", "pwd", "pass", "pw", "passphrase",
		"credential", "credentials", "creds", "cred", "auth", "authorization", "authtoken", "bearer", "basic", "api", "access", "pat", "license", "licence", "private",
		"dsn", "jwt", "accesstoken", "accesskey", "secretkey", "apisecret", "ssws", "clientsecret", "appsecret", "appkey", "sig", "hmac",
	} {
		keyNouns[w] = true
	}
}

// credible decides about a secret of plain form that stands near a word, such
// as its provider's name. gap is what stands from the start of that word to
// the secret. Of the words in it the last that says something decides: "key",
// "token" for, one of not ("trace") against. Where none does, the secret has
// to be assigned to the word or nearly so.
func credible(gap, secret []byte, not map[string]bool) bool {
	if !tokenLike(secret) {
		return false
	}
	if i := bytes.LastIndexByte(gap, '\n'); i >= 0 { // the line before speaks of it only if it announces it
		if line := bytes.TrimRight(gap[:i], " \t\r"); len(line) == 0 || bytes.IndexByte([]byte(":=>"), line[len(line)-1]) < 0 {
			return false
		}
	}
	if gap[len(gap)-1] == '@' { // actions/app-token@<commit>
		return false
	}
	var buf [2*maxKey + 2]byte
	words := keyWords(buf[:0], gap)
	neutral := 0
	for end := len(words) - 1; end > 0; {
		at := bytes.LastIndexByte(words[:end], '_')
		if keyNouns[string(words[at+1:end])] {
			return true
		}
		if not[string(words[at+1:end])] {
			return false
		}
		neutral++
		end = at
	}
	assigned := false
	for _, c := range gap {
		switch c {
		case '=', ':', '"', '\'', '`', '>':
			assigned = true
		case '/', '@', '?':
			return false
		}
	}
	return assigned && neutral <= maxNeutral
}

// tokenLike is what credible asks of the secret alone.
func tokenLike(secret []byte) bool {
	return len(secret) >= minNear && (hasDigit(secret) || len(secret) >= minRandom && !wordy(secret))
}

// near registers the words of a rule as its anchors; its pattern stands at the token.
func (c *compiler) near(index int32, r *pack.Rule) error {
	p, err := match.Compile("("+r.Pattern+")(?:[^0-9A-Za-z_-]|$)", r.Secret+1)
	if err != nil {
		return err
	}
	for _, w := range r.Near {
		spelled := []string{""}
		for i, part := range strings.Split(w, "_") {
			seps := []string{"", "_", "-"}
			if i == 0 {
				seps = seps[:1]
			}
			var next []string
			for _, s := range spelled {
				for _, sep := range seps {
					next = append(next, s+sep+part)
				}
			}
			spelled = next
		}
		for _, lit := range spelled {
			c.literal(lit, nil, target{kind: nearTarget, rule: index})
		}
	}
	c.engine.rules[index] = compiled(r, p)
	return nil
}

// nearby tries a rule on what follows its word text[pos:end].
func (s *scanner) nearby(text, key []byte, lv *level, index int32, pos, end int) {
	r, sp := &s.e.rules[index], lv.spentBy(index)
	if pos < sp.done || r.left == wordBorder && !leftBorder(text, pos) {
		return
	}
	stop := min(len(text), end+nearGap)
	s.work += stop - end
	from := end
	if r.phrase {
		from = max(end, sp.tried)
	}
	if r.phrase && sp.steps > 2*len(text)+workFloor/4 {
		s.phrases(text, key, index, sp, from, stop)
		return
	}
	since := from
	for i := from; i < stop; i++ {
		if i >= sp.failed[0] && i < sp.failed[1] {
			i = sp.failed[1] - 1
			continue
		}
		if !endsGap(text, i) || !r.phrase && !r.mayBegin(text, i+1) {
			continue
		}
		s.match.Steps, s.match.Limit, s.match.Memo = 0, workFloor, sp.memoFor(text)
		last, a, b, ok := r.pattern.At(&s.match, text, i+1)
		s.work += s.match.Steps
		sp.steps += s.match.Steps
		sp.tried = i + 1 // for phrases it does not matter how far the word is
		if ok && !r.require && b-a <= maxJudged && !tokenLike(text[a:b]) {
			s.reject(uint32(index), a, b, whyCredible, 0, 0)
			ok = false // near other words, too
		}
		if !ok {
			sp.fail(since, i+1)
			continue
		}
		mark := len(s.out)
		if done := s.accept(text, key, r, index, pos, last, a, b); done > 0 {
			sp.done = done
			if !r.phrase || len(s.out) == mark {
				return
			}
			// Others of a list follow it.
			sp.done = s.out[mark].End
			since, i, stop = sp.done, sp.done-1, min(len(text), sp.done+nearGap)
			continue
		}
		if r.phrase { // none begins in the first third of 36 words
			i += (last - i) / 3
			sp.tried = i
		}
		since = i + 1
	}
	if since < stop {
		sp.fail(since, stop)
	}
}

// phrases looks for seed phrases that begin in text[from:stop] without the
// pattern of the rule, word by word: attempts of that have cost too much.
func (s *scanner) phrases(text, key []byte, index int32, sp *spending, from, stop int) {
	for from < stop {
		a, b, next := verify.NextPhrase(text, from, stop)
		s.work += next - from
		if b > 0 {
			if mark := len(s.out); s.accept(text, key, &s.e.rules[index], index, a, b, a, b) > 0 && len(s.out) > mark {
				next = max(a+1, s.out[mark].End)
				sp.done, stop = next, max(stop, min(len(text), next+nearGap))
			}
		}
		from = next
	}
	sp.tried = from
}

// fail notes that behind the gaps that end in [from, to) no token begins, as
// far as that is not known.
func (sp *spending) fail(from, to int) {
	if from > sp.failed[1] || from < sp.failed[0] {
		sp.failed = [2]int{from, to}
	}
	sp.failed[1] = max(sp.failed[1], to)
}

// endsGap says that a token can begin behind offset i.
func endsGap(text []byte, i int) bool { return mayEndGap[text[i]] && behindGap(text, i) }

func behindGap(text []byte, i int) bool {
	c := text[i]
	switch {
	case !isWord(c) && c != '-':
		return true
	case c == 'n' || c == 'r' || c == 't':
		return i > 0 && text[i-1] == '\\'
	case c == 'D' || c == 'd' || c == '2':
		return i > 1 && text[i-2] == '%' && (text[i-1] == '3') == (c != '2') && (text[i-1] == '3' || text[i-1] == '2')
	}
	return false
}

// mayEndGap are the bytes that endsGap can say so of.
var mayEndGap = func() (t [256]bool) {
	for c := range t {
		t[c] = !isWord(byte(c)) && c != '-' || bytes.IndexByte([]byte("nrtDd2"), byte(c)) >= 0
	}
	return t
}()

// underKey looks for tokens that only a word in their key gives away: the key
// and the text are read as an assignment.
func (s *scanner) underKey(text, key []byte, near []nearWord) {
	if len(text) < minKeyed || len(text) > maxKeyed {
		return
	}
	words := bytes.IndexByte(text, ' ') >= 0
	lv := &s.levels[0]
	mark := len(s.out)
	for _, w := range near {
		if words != s.e.rules[w.rule].phrase {
			continue
		}
		s.keyed = append(append(append(s.keyed[:0], key...), '='), text...)
		lv.begin(len(s.e.rules))
		s.nearby(s.keyed, nil, lv, w.rule, w.start, w.end)
	}
	for i := mark; i < len(s.out); i++ {
		if s.out[i].Start <= len(key) { // within the key itself
			s.out = s.out[:mark]
			return
		}
		s.out[i].Start -= len(key) + 1
		s.out[i].End -= len(key) + 1
		s.out[i].Evidence |= ByKey
	}
}

// wordy says that b has the look of words: parts joined by separators, each with vowels.
func wordy(b []byte) bool {
	run, longest := 0, 0
	for _, c := range b {
		switch c | 0x20 {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			run = 0
		default:
			if isAlpha(c) {
				run++
			} else {
				run = 0
			}
		}
		longest = max(longest, run)
	}
	return longest <= 4
}
