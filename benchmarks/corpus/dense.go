package corpus

import (
	"bytes"
	"fmt"
	"math/rand/v2" // seeded: the same seed must make the same texts

	"github.com/tracescrub/tracescrub/rules/pack"
)

// dense are the lines of texts that are full of secrets. "<...>" is made anew
// for each line; what follows the first "|" of a template is how many secrets
// a line of it has.
var dense = []struct {
	name  string
	lines []line
}{
	{".env files", []line{
		{"GITHUB_TOKEN=ghp_<30*base62><check:github-crc32>\n", 1},
		{"SLACK_BOT_TOKEN=xoxb-<12*digit>-<13*digit>-<24*base62>\n", 1},
		{"LOG_LEVEL=debug\n", 0},
		{"DATABASE_URL=postgres://app:<24*base62>@db.internal:5432/app\n", 1},
		{"SESSION_SECRET=<40*base62>\n", 1},
		{"PORT=8080\n", 0},
		{"PAYMENT_API_KEY=\"<32*base62>\"\n", 1},
		{"# rotated every quarter\n", 0},
	}},
	{"credential dumps, JSON", []line{
		{`{"id":<5*digit>,"service":"billing","username":"svc-billing","password":"<12*base62>!<4*digit>#<8*base62>"}` + "\n", 1},
		{`{"id":<5*digit>,"service":"mirror","username":"svc-mirror","token":"ghp_<30*base62><check:github-crc32>"}` + "\n", 1},
		{`{"id":<5*digit>,"service":"search","username":"svc-search","api_key":"<32*base62>","client_secret":"<40*base62>"}` + "\n", 2},
	}},
	{"headers in logs", []line{
		{`level=debug msg="request" method=GET path=/v1/items header="Authorization: Bearer <48*base62>" status=200` + "\n", 1},
		{`level=debug msg="request" method=PUT path=/v1/items/<4*digit> header="X-Api-Key: <32*base62>" status=204` + "\n", 1},
		{`level=info msg="slow query" table=items took=<3*digit>ms rows=<2*digit>` + "\n", 0},
	}},
}

// line is a template, and how many secrets a line of it has.
type line struct {
	template string
	secrets  int
}

// DenseKinds names what Dense makes.
func DenseKinds() []string {
	names := make([]string, len(dense))
	for i, k := range dense {
		names[i] = k.name
	}
	return names
}

// Dense returns count texts of exactly size bytes of whole lines full of
// secrets, and how many secrets they have altogether. What no line fits into
// any more is filled with line ends.
func Dense(kind string, seed uint64, size, count int) (values [][]byte, secrets int, err error) {
	for _, k := range dense {
		if k.name != kind {
			continue
		}
		rng := rand.New(rand.NewPCG(seed, uint64(size)))
		for range count {
			v, n, err := fill(rng, k.lines, size)
			if err != nil {
				return nil, 0, fmt.Errorf("making %s: %w", kind, err)
			}
			values, secrets = append(values, v), secrets+n
		}
		return values, secrets, nil
	}
	return nil, 0, fmt.Errorf("no texts of the kind %q", kind)
}

func fill(rng *rand.Rand, lines []line, size int) (v []byte, secrets int, err error) {
	v = make([]byte, 0, size)
	for i := rng.IntN(len(lines)); ; i++ {
		l := lines[i%len(lines)]
		text, _, err := pack.Expand(l.template, rng)
		if err != nil {
			return nil, 0, err
		}
		if len(v)+len(text) > size {
			return append(v, bytes.Repeat([]byte("\n"), size-len(v))...), secrets, nil
		}
		v, secrets = append(v, text...), secrets+l.secrets
	}
}
