package pack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Bounds on what a template may ask for, so that a user's pack cannot make
// Load use the machine up.
const (
	maxExpanded = 1 << 20
	maxNesting  = 8
)

// Expand fills a template with random text drawn from rng, so that a pack can
// prove its rules without holding anything that looks like a credential.
//
// Text stands for itself; {{ and }} mark the secret (once, else the whole
// text is the secret); <...> is a filler:
//
//	<30*base62> <20-40*hex>   that many random bytes of an alphabet
//	<check:github-crc32>      the checksum of what the secret holds so far
//	<wrong:github-crc32>      the same, but with a wrong value
//	<one:live|test>           one of the templates
//	<rep:36:X>                a template's text, repeated
//	<base64:u:<8*lower>>      a template's text, encoded (base64url, hex, percent, json as well)
//	<pem:RSA PRIVATE KEY>     a block of that label; <pem:LABEL:esc> says how its lines end
//	<jwt> <jwe> <uuid> ...    see docs/rules.md
//	<<  <>                    a literal "<"; nothing (keeps two braces apart)
//
// secret is the half-open range of the secret's bytes in text. The same
// template and the same state of rng give the same text.
func Expand(template string, rng *rand.Rand) (text string, secret [2]int, err error) {
	e := &expander{rng: rng, open: -1, end: -1}
	if err := e.run(template, 0); err != nil {
		return "", [2]int{}, fmt.Errorf("expanding the template: %w", err)
	}
	if e.open < 0 {
		return string(e.out), [2]int{0, len(e.out)}, nil
	}
	if e.end < 0 {
		return "", [2]int{}, errors.New("expanding the template: {{ has no }}")
	}
	return string(e.out), [2]int{e.open, e.end}, nil
}

// expander holds the text made so far.
type expander struct {
	rng       *rand.Rand
	out       []byte
	open, end int // the marks, -1 while not seen
}

// run appends the expansion of t. depth is how many fillers t stands in; marks count only outside of them.
func (e *expander) run(t string, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("fillers are nested deeper than %d", maxNesting)
	}
	for len(t) > 0 {
		if len(e.out) > maxExpanded {
			return fmt.Errorf("the text is longer than %d bytes", maxExpanded)
		}
		switch {
		case depth == 0 && strings.HasPrefix(t, "{{"):
			if e.open >= 0 {
				return errors.New("{{ stands twice")
			}
			e.open, t = len(e.out), t[2:]
		case depth == 0 && e.open >= 0 && e.end < 0 && strings.HasPrefix(t, "}}"):
			e.end, t = len(e.out), t[2:]
		case strings.HasPrefix(t, "<<"):
			e.out, t = append(e.out, '<'), t[2:]
		case t[0] == '<':
			n := closing(t)
			if n < 0 {
				return errors.New("< has no >; write << for a literal one")
			}
			if err := e.fill(t[1:n], depth); err != nil {
				return fmt.Errorf("<%s>: %w", t[1:n], err)
			}
			t = t[n+1:]
		default:
			e.out, t = append(e.out, t[0]), t[1:]
		}
	}
	return nil
}

// closing returns the index of the > that closes the < at t[0], or -1.
func closing(t string) int {
	depth := 0
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case '<':
			if i > 0 && strings.HasPrefix(t[i:], "<<") {
				i++ // a literal <
				continue
			}
			depth++
		case '>':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// sub expands t by itself and returns its text.
func (e *expander) sub(t string, depth int) ([]byte, error) {
	s := &expander{rng: e.rng, open: -1, end: -1}
	if err := s.run(t, depth+1); err != nil {
		return nil, err
	}
	return s.out, nil
}

// fill appends what the filler body (without its brackets) stands for.
func (e *expander) fill(body string, depth int) error {
	if body == "" {
		return nil
	}
	if count, alphabet, ok := strings.Cut(body, "*"); ok && !strings.ContainsAny(count, ":<") {
		return e.random(count, alphabet)
	}
	verb, arg, _ := strings.Cut(body, ":")
	switch verb {
	case "check", "wrong":
		return e.checksum(arg, verb == "wrong")
	case "one":
		return e.one(arg, depth)
	case "rep":
		return e.repeat(arg, depth)
	case "pem":
		return e.pem(arg)
	}
	if enc, ok := encoders[verb]; ok {
		inner, err := e.sub(arg, depth)
		if err != nil {
			return err
		}
		e.out = enc(e.out, inner)
		return nil
	}
	if gen, ok := generators[verb]; ok {
		e.out = append(e.out, gen(e.rng, arg)...)
		return nil
	}
	return fmt.Errorf("unknown filler %q", verb)
}

// random appends a run of count ("30" or "20-40") bytes of an alphabet.
func (e *expander) random(count, alphabet string) error {
	letters, ok := alphabets[alphabet]
	if !ok {
		return fmt.Errorf("unknown alphabet %q", alphabet)
	}
	low, high, ranged := strings.Cut(count, "-")
	from, err := strconv.Atoi(low)
	to := from
	if err == nil && ranged {
		to, err = strconv.Atoi(high)
	}
	if err != nil || from < 0 || to < from || to > maxExpanded {
		return fmt.Errorf("%q is no count: write 30 or 20-40", count)
	}
	n := from + e.rng.IntN(to-from+1)
	if alphabet == "words" {
		e.out = append(e.out, words(e.rng, n)...)
		return nil
	}
	e.out = append(e.out, run(e.rng, letters, n)...)
	return nil
}

// one appends the expansion of one of the templates between the bars.
func (e *expander) one(arg string, depth int) error {
	var options []string
	level, from := 0, 0
	for i := 0; i < len(arg); i++ {
		switch {
		case arg[i] == '<':
			level++
		case arg[i] == '>':
			level--
		case arg[i] == '|' && level == 0:
			options, from = append(options, arg[from:i]), i+1
		}
	}
	options = append(options, arg[from:])
	text, err := e.sub(options[e.rng.IntN(len(options))], depth)
	e.out = append(e.out, text...)
	return err
}

func (e *expander) repeat(arg string, depth int) error {
	count, t, ok := strings.Cut(arg, ":")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 0 || n > maxExpanded {
		return errors.New("write <rep:count:text>")
	}
	text, err := e.sub(t, depth)
	if err != nil {
		return err
	}
	if n*len(text) > maxExpanded {
		return fmt.Errorf("the text is longer than %d bytes", maxExpanded)
	}
	e.out = append(e.out, strings.Repeat(string(text), n)...)
	return nil
}

// checksum appends the named checksum of the secret so far, spoilt if wrong.
func (e *expander) checksum(name string, wrong bool) error {
	sumOf, ok := checksums[name]
	if !ok {
		return fmt.Errorf("unknown checksum %q", name)
	}
	sum := sumOf(e.out[max(e.open, 0):])
	if wrong {
		spoil(sum)
	}
	e.out = append(e.out, sum...)
	return nil
}
