package rules

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// maxWork is how many bytes and steps a scan may look at per byte of text,
// whatever the text. It is a count, not a time.
const maxWork = 80

// costly are pieces of the texts that were slowest when they were looked for
// among some 75,000: names and anchors behind which values and matches overlap,
// and commands, phrases, headers and documents whose patterns reach far.
var costly = []string{
	"privkey=", "privkey%3D", "?PWD%3D", "?API-KEY=A", "PHPSESSID=", "token=token:", "X-AMZ-SECURITY-TOKEN=%3D", "X-AMZ-SECURITY-TOKEN:%3D",
	"_password=", "aiven%3D", "entraclient.", "AWSSECRET-KEY-", "bcp\t", "WMIC\t%3D", "curl%3D", "ldappasswd\r%3D", "bip39\n", `bip39\n`, `seed phrase\`,
	"mnemonic abandon ability ", "cookie: a=b;", "cookie: aB3aB3aB3aB3=aB3aB3aB3aB3;", `"sensitive\\`, `{"c":"x","d":"_"}`, "kind: Secret\ndata:\n a: bcdef\n", "TOKEN  SECRET  ",
	"secret phrase ", "kafka+sasl://:%3D", `".basic_auth(\`, "pass4now:%3D", "rsa-key\t%3D",
}

// BenchmarkHostile is for the eye: the same text takes as long for each of its
// bytes at both sizes, and none takes twenty times as long as ordinary text.
func BenchmarkHostile(b *testing.B) {
	e := builtin(b)
	for _, unit := range costly {
		for _, size := range []int{64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%q/%d", unit, size), func(b *testing.B) {
				text := []byte(strings.Repeat(unit, size/len(unit)))
				var found []Finding
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					found = e.Scan(found[:0], text, Context{})
				}
			})
		}
	}
}

// hostile makes texts of n bytes that are meant to cost much: repeated
// anchors, near misses, unterminated values, nested escapes.
func hostile(t *testing.T, e *Engine, n int) map[string]string {
	t.Helper()
	texts := map[string]string{}
	size := n / 16 // of the many; the few below are longer
	add := func(name, unit string) {
		if unit != "" {
			texts[name] = strings.Repeat(unit, size/len(unit)+1)[:size]
		}
	}
	for i, targets := range e.targets {
		if spelledTwice := !slices.ContainsFunc(targets, func(t target) bool { return t.kind != nearTarget }) && strings.Contains(e.lits[i], "-"); spelledTwice {
			continue // as with "_"
		}
		if len(targets) > 0 {
			add("anchor "+e.lits[i], e.lits[i])
			add("anchor and word "+e.lits[i], e.lits[i]+" ")
			add("anchor and run "+e.lits[i], e.lits[i]+"a1B2")
			add("anchor, encoded sign "+e.lits[i], e.lits[i]+"%3D")
			add("anchor and backslash "+e.lits[i], e.lits[i]+`\\`)
		}
	}
	for i, ex := range allExamples(t) {
		text, secret, err := pack.Expand(ex, rand.New(rand.NewPCG(uint64(i), 3)))
		if err != nil {
			t.Fatal(err)
		}
		add("example "+ex, text)
		add("example without its end "+ex, text[:max(1, secret[1]-1)])
		add("example twice escaped "+ex, strings.ReplaceAll(text, `"`, `\\\"`)+`\n`)
	}
	size = n
	for _, unit := range []string{
		`\`, `\"`, `"`, `{"a":`, `[`, `[{"password":`, `password="`, `password='a `, "password=`", `cookie: `, `cookie: a=`, `token:`, `api_key=`, `%25`, `%2525253D`,
		`&quot;`, `&amp;quot;`, "\x1b[", "\x1b[0", "p\x00", "token\x00", `\u0070`, `\\\\u0070`, `eyJ.`, `a://b:`, `://`, `-----BEGIN `, `-----BEGIN RSA PRIVATE KEY-----` + "\n",
		`ey`, "TOKEN  ", "TOKEN  \n", "TOKEN  KEY\n", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo", "4142434445464748494a4b4c4d4e4f50", `[MASKED:`, `[MASKED:github-token:`, `--password `, `<password>`, `"name":"token","value":`,
	} {
		add("unit "+unit, unit)
	}
	for _, unit := range costly {
		add("unit "+unit, unit)
	}
	var levels strings.Builder
	for i := 0; levels.Len() < n; i++ {
		levels.WriteString("password=" + strings.Repeat(`\`, i%60) + `"`)
	}
	texts["quotes at rising levels"] = levels.String()[:n]
	return texts
}

// hostileSize is 1 MiB in CI.
var hostileSize = flag.Int("hostile", 64<<10, "bytes of hostile text for each rule in TestEveryRuleIsLinear")

// TestEveryRuleIsLinear feeds each rule a long text of the kind that costs it
// most: its anchors alone, with a word and with a run behind them, its
// examples without their end.
func TestEveryRuleIsLinear(t *testing.T) {
	e := builtin(t)
	s := newScanner(e)
	byRule := map[int32][]string{}
	for lit, targets := range e.targets {
		for _, tg := range targets {
			if tg.kind == patternTarget || tg.kind == nearTarget {
				byRule[tg.rule] = append(byRule[tg.rule], e.lits[lit], e.lits[lit]+" ", e.lits[lit]+"a1B2", e.lits[lit]+"=a1B2c3D4", e.lits[lit]+"%3D")
			}
		}
	}
	if len(byRule) < 500 {
		t.Fatalf("only %d rules", len(byRule))
	}
	const small = 2 << 10
	large := *hostileSize
	fed := map[string]bool{} // rules share anchors
	for rule, units := range byRule {
		worst, most := "", -1
		for _, unit := range units {
			s.scan(nil, []byte(strings.Repeat(unit, small/len(unit)+1)), Context{})
			if s.work > most {
				worst, most = unit, s.work
			}
		}
		if fed[worst] {
			continue
		}
		fed[worst] = true
		text := []byte(strings.Repeat(worst, large/len(worst)+1))
		s.scan(nil, text, Context{})
		if s.work > maxWork*len(text) {
			t.Errorf("rule %s: %d steps per byte", e.infos[rule].ID, s.work/len(text))
		}
	}
}

func TestWorkIsLinear(t *testing.T) {
	e := builtin(t)
	const n = 64 << 10
	s := newScanner(e)
	small, large := hostile(t, e, n), hostile(t, e, 2*n)
	if len(small) < 500 {
		t.Fatalf("only %d texts", len(small))
	}
	for name, text := range small {
		s.scan(nil, []byte(text), Context{})
		a := s.work
		s.scan(nil, []byte(large[name]), Context{})
		b := s.work
		if a > maxWork*len(text) || b > 5*a/2+maxWork*1000 {
			t.Errorf("%.60q: %d steps per byte, %.1f times as many for twice the text", name, a/len(text), float64(b)/float64(a))
		}
	}
}
