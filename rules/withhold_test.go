package rules

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// slow are texts that take long, each in its own part of the scanner, around
// places for secrets: @ stands for one, % for one that shows when it is decoded,
// # for one that only a word in another string gives away.
var slow = map[string]string{
	"no anchor":       strings.Repeat("plain words of prose, ", 30_000) + "@",
	"numbers in JSON": "[" + strings.Repeat("1,", 400_000) + `"@"]`,
	"strings in JSON": "[" + strings.Repeat(`"a @ word",`, 2000) + `"@"]`,
	"names":           strings.Repeat("privkey=", 40_000) + " @",
	"a costly rule":   strings.Repeat("bcp\t", 60_000) + "\n@ ",
	"references":      strings.Repeat("a&quot;b&lt;c ", 20_000) + "@",
	"escapes":         strings.Repeat(`a \u0070 @ `, 2000),
	"base64":          strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo= @ ", 2000),
	"documents":       "[" + strings.Repeat(`{"algolia_admin":{"is":"#"}},`, 500) + strings.Repeat(`"a",`, 50_000) + `"algolia_admin"]`,
	"half encoded":    strings.Repeat("a % b ", 500) + strings.Repeat("a token = b ", 20_000) + " @",
	"seed phrases":    strings.Repeat("mnemonic abandon ", 20_000) + "@",
}

// maxBetween is how many steps lie between two looks at the clock.
const maxBetween = 4 * lookWork

// TestTheClockIsLookedAt counts the work between two looks, and stops the clock
// at each of some looks: what was not scanned then has to be withheld.
func TestTheClockIsLookedAt(t *testing.T) {
	e := builtin(t)
	start := time.Now()
	for name, text := range slow {
		t.Run(name, func(t *testing.T) {
			text, secrets := planted(t, text)
			s := newScanner(e)
			looks, last, most := 0, 0, 0
			stop := -1
			s.clock = func() time.Time {
				looks++
				most, last = max(most, s.work-last), s.work
				if looks == stop {
					return start.Add(time.Hour)
				}
				return start
			}
			at := Context{Deadline: start.Add(time.Minute)}
			if found := s.scan(nil, text, at); !foundOrWithheld(found, secrets) || withheld(found) {
				t.Fatalf("with time enough: %d findings", len(found))
			}
			most = max(most, s.work-last)
			if all := s.work; most > maxBetween {
				t.Errorf("%d steps between two looks at the clock, of %d", most, all)
			}
			for all, n := looks, 1; n <= all; n += 1 + all/40 {
				looks, last, stop = 0, 0, n
				found := s.scan(nil, text, at)
				if !foundOrWithheld(found, secrets) {
					t.Fatalf("late at look %d of %d: a secret is neither found nor withheld", n, all)
				}
				if !withheld(found) && n < all/2 {
					t.Fatalf("late at look %d of %d: nothing is withheld", n, all)
				}
			}
		})
	}
}

// TestFindingsBeyondTheLimitAreWithheld has more secrets than may be found, the
// last of them encoded, or in a document that only its rules look at as a whole.
func TestFindingsBeyondTheLimitAreWithheld(t *testing.T) {
	e := builtin(t)
	e.limits.Findings = 4
	for name, text := range map[string]string{
		"plain":    strings.Repeat("a @ b\n", 9),
		"encoded":  "a % " + strings.Repeat("a @ b\n", 9),
		"document": "[" + strings.Repeat(`"a @ b",`, 9) + `"@"]`,
	} {
		t.Run(name, func(t *testing.T) {
			text, secrets := planted(t, text)
			if found := newScanner(e).scan(nil, text, Context{}); !foundOrWithheld(found, secrets) || !withheld(found) {
				t.Errorf("%d findings: a secret is neither found nor withheld", len(found))
			}
		})
	}
}

// planted puts a secret in each place of text.
func planted(t *testing.T, text string) (out []byte, secrets [][2]int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	for {
		i := strings.IndexAny(text, "@%#")
		if i < 0 {
			return append(out, text...), secrets
		}
		out = append(out, text[:i]...)
		secret, _, err := pack.Expand(map[byte]string{
			'@': "ghp_<30*base62><check:github-crc32>", '%': "ghp%5F<30*base62><6*base62>", '#': "<16*base62><1*digit><15*base62>",
		}[text[i]], rng)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, [2]int{len(out), len(out) + len(secret)})
		out, text = append(out, secret...), text[i+1:]
	}
}

// foundOrWithheld says that each of the secrets was found or withheld.
func foundOrWithheld(found []Finding, secrets [][2]int) bool {
	i := 0
	for _, sp := range secrets {
		for i < len(found) && found[i].End < sp[1] {
			i++
		}
		if i == len(found) || found[i].Start > sp[0] {
			return false
		}
	}
	return true
}

func withheld(found []Finding) bool {
	for i := range found {
		if found[i].Withheld != None {
			return true
		}
	}
	return false
}
