// Package corpus makes the texts that the benchmarks scan: the kinds of text
// that model runtimes put into spans, texts full of secrets, and texts that are
// meant to cost much, at any size, from a seed. It is known how many secrets
// each has: of the first kinds none unless one was planted.
package corpus

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2" // seeded: the same seed must make the same texts

	"github.com/tracescrub/tracescrub/rules/pack"
)

// kinds make one piece of text each. Words such as token, key, auth and
// password stand in them as they do in agents' texts: often, and harmlessly.
var kinds = []func(*rand.Rand, []byte) []byte{
	prose, prose, code, code, toolResult, toolResult, stackTrace, shell, hashes, blob, minified,
}

// byName are the same for Of, each by itself.
var byName = []struct {
	name string
	make func(*rand.Rand, []byte) []byte
}{
	{"prose", prose},
	{"source code", code},
	{"JSON tool results", toolResult},
	{"stack traces", stackTrace},
	{"shell output", shell},
	{"hashes", hashes},
	{"base64 images", blob},
	{"minified JavaScript", minified},
}

// Kinds names what Of makes.
func Kinds() []string {
	names := make([]string, len(byName))
	for i, k := range byName {
		names[i] = k.name
	}
	return names
}

// Of is Values with texts of one kind only; of a kind that it does not know it
// makes none.
func Of(kind string, seed uint64, size, count int) [][]byte {
	for _, k := range byName {
		if k.name == kind {
			return values(seed, size, count, func(_ *rand.Rand) func(*rand.Rand, []byte) []byte { return k.make })
		}
	}
	return nil
}

// Values returns count texts of exactly size bytes, without secrets.
func Values(seed uint64, size, count int) [][]byte {
	return values(seed, size, count, func(rng *rand.Rand) func(*rand.Rand, []byte) []byte { return pick(rng, kinds) })
}

func values(seed uint64, size, count int, next func(*rand.Rand) func(*rand.Rand, []byte) []byte) [][]byte {
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	stock := make([]byte, 0, size*count+4096)
	for len(stock) < size*count {
		stock = next(rng)(rng, stock)
	}
	values := make([][]byte, count)
	for i := range values {
		values[i] = stock[i*size : (i+1)*size : (i+1)*size]
	}
	return values
}

// secrets are templates of tokens that give themselves away, for Plant.
var secrets = []string{
	"ghp_<30*base62><check:github-crc32>",
	"xoxb-<12*digit>-<13*digit>-<24*base62>",
}

// Plant puts one secret into every n-th value, in the middle of it, keeping
// its length where it has room, and returns how many it planted.
func Plant(seed uint64, values [][]byte, n int) (int, error) {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	planted := 0
	for i := n / 2; i < len(values); i += n {
		secret, _, err := pack.Expand(secrets[planted%len(secrets)], rng)
		if err != nil {
			return planted, fmt.Errorf("making a secret: %w", err)
		}
		words := []byte(" it is " + secret + " \n")
		v := append([]byte{}, values[i]...)
		at := max(0, len(v)/2-len(words)/2)
		if at+len(words) > len(v) {
			v = append(v[:at], words...)
		}
		copy(v[at:], words)
		values[i] = v
		planted++
	}
	return planted, nil
}

var words = []string{
	"the", "a", "of", "to", "and", "in", "is", "for", "that", "with", "request", "user", "session", "token",
	"key", "tokens", "authentication", "password", "reset", "policy", "agent", "model", "response", "context",
	"window", "should", "retry", "after", "failed", "because", "service", "database", "secret", "rotation",
	"authorization", "header", "missing", "value", "access", "granted", "api", "endpoint", "returns", "list",
	"monkey", "keyboard", "tokenizer", "author", "credentials", "were", "not", "found", "please", "check",
	"bearer", "of", "news", "private", "public", "configuration", "file", "next", "step", "deploy", "cluster",
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func prose(rng *rand.Rand, b []byte) []byte {
	for range 2 + rng.IntN(5) {
		for i := range 6 + rng.IntN(14) {
			w := pick(rng, words)
			if i == 0 {
				w = string(w[0]-'a'+'A') + w[1:]
			} else {
				b = append(b, ' ')
			}
			b = append(b, w...)
		}
		b = append(b, ". "...)
	}
	return append(b, "\n\n"...)
}

func code(rng *rand.Rand, b []byte) []byte {
	name := pick(rng, words)
	return fmt.Appendf(b, `func (s *Server) %[1]sHandler(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("X-Request-Id")
	if err := s.auth.Verify(r.Context(), token); err != nil {
		http.Error(w, "access denied: "+err.Error(), http.StatusForbidden)
		return
	}
	key := keyOf(%[2]d, s.%[1]s[%[3]d:])
	for i, v := range s.store.List(key) {
		fmt.Fprintf(w, "%%d\t%%s\n", i+%[2]d, v.Name)
	}
}

`, name, rng.IntN(1000), rng.IntN(64))
}

func toolResult(rng *rand.Rand, b []byte) []byte {
	return fmt.Appendf(b, `{"type":"tool_result","tool_use_id":"toolu_%s","content":[{"type":"text","text":"found %d rows in %s"}],`+
		`"usage":{"input_tokens":%d,"output_tokens":%d,"cache_read_input_tokens":%d},"page_token":null,"is_error":%v,`+
		`"rows":[{"id":"%s","name":"%s %s report","amount":%d.%02d,"max_tokens":%d,"key":"%s"}]}`+"\n",
		hex(rng, 12), rng.IntN(500), pick(rng, words), rng.IntN(9000), rng.IntN(900), rng.IntN(90000), rng.IntN(2) == 0,
		uuid(rng), pick(rng, words), pick(rng, words), rng.IntN(1000), rng.IntN(100), rng.IntN(8192), pick(rng, words))
}

func stackTrace(rng *rand.Rand, b []byte) []byte {
	b = fmt.Appendf(b, "Traceback (most recent call last):\n")
	for range 3 + rng.IntN(6) {
		b = fmt.Appendf(b, "  File \"/usr/lib/python3.12/site-packages/%s/%s.py\", line %d, in %s_%s\n    return self._%s(*args, **kwargs)\n",
			pick(rng, words), pick(rng, words), rng.IntN(2000), pick(rng, words), pick(rng, words), pick(rng, words))
	}
	return fmt.Appendf(b, "KeyError: '%s'\n", pick(rng, words))
}

func shell(rng *rand.Rand, b []byte) []byte {
	b = fmt.Appendf(b, "$ kubectl get pods -n %s --sort-by=.metadata.name\n", pick(rng, words))
	for range 3 + rng.IntN(8) {
		b = fmt.Appendf(b, "%s-%s-%s   1/1   Running   %d   %dd\n", pick(rng, words), hex(rng, 5), hex(rng, 3), rng.IntN(5), rng.IntN(90))
	}
	return b
}

func hashes(rng *rand.Rand, b []byte) []byte {
	for range 2 + rng.IntN(4) {
		b = fmt.Appendf(b, "%s  ./dist/%s-%s.js\nsha256:%s\n", hex(rng, 20), pick(rng, words), hex(rng, 4), hex(rng, 32))
	}
	return append(b, uuid(rng)+"\n"...)
}

func blob(rng *rand.Rand, b []byte) []byte {
	raw := make([]byte, 300+rng.IntN(1200))
	for i := range raw {
		raw[i] = byte(rng.Uint32())
	}
	b = append(b, `<img src="data:image/png;base64,`...)
	from := len(b)
	b = base64.StdEncoding.AppendEncode(b, raw)
	for i := from; i+1 < len(b); i++ {
		// In megabytes of random base64 the prefix of some key stands behind a
		// sign now and then by chance, and then nobody knows the right answer.
		if (b[i] == '+' || b[i] == '/') && b[i+1] >= 'A' && b[i+1] <= 'Z' {
			b[i+1] += 'a' - 'A'
		}
	}
	return append(b, "\" alt=\"chart\">\n"...)
}

func minified(rng *rand.Rand, b []byte) []byte {
	for range 4 + rng.IntN(8) {
		b = fmt.Appendf(b, `!function(e,t){var n=t.%[1]s||{};e.exports=function(r,o){return n[r]?n[r](o):e.key===%[2]d?t(o.tokens,{auth:!%[3]d}):void 0}}(%[1]s,%[2]d);`,
			pick(rng, words), rng.IntN(500), rng.IntN(2))
	}
	return append(b, '\n')
}

func hex(rng *rand.Rand, n int) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(rng.Uint32())
	}
	return fmt.Sprintf("%x", raw)
}

func uuid(rng *rand.Rand) string {
	h := hex(rng, 16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
