package mask

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// maskerOf makes a masker of the built-in rules whose engine remembers so many bytes.
func maskerOf(t *testing.T, remembered int) *Masker {
	t.Helper()
	ps, err := packs.Builtin()
	require.NoError(t, err)
	e, err := rules.Compile(rules.Limits{Repeats: remembered}, ps...)
	require.NoError(t, err)
	m, err := New(Options{Engine: e, Key: testKey, Style: Style{Kind: "label"}})
	require.NoError(t, err)
	return m
}

// racing says that the race detector is on.
var racing bool

// messages are the forms of an agent's history, by the text of each message.
var messages = []func(text string) any{
	func(text string) any { return map[string]any{"role": "user", "content": text} },
	func(text string) any {
		return map[string]any{"role": "user", "parts": []any{map[string]any{"type": "text", "content": text}}}
	},
	func(text string) any {
		return map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": text}}}}
	},
	func(text string) any { return text },
}

// TestGrownDocuments masks documents that grow by messages, of several sessions in turn, in some
// of which a secret is cut over two or three messages, the last of which may come later: what is masked is the
// same as by a masker that remembers nothing.
func TestGrownDocuments(t *testing.T) {
	remembering, plain := maskerOf(t, 4<<20), maskerOf(t, 0)
	rng := rand.New(rand.NewPCG(7, 8))
	sessions := make([]struct {
		form    func(string) any
		history []any
		rest    string // of a secret that was cut
	}, 3)
	went, cut, late := 0, 0, 0
	for turn := range 1200 {
		s := &sessions[rng.IntN(len(sessions))]
		if s.form == nil || rng.IntN(60) == 0 {
			s.form, s.history, s.rest = messages[rng.IntN(len(messages))], nil, ""
		}
		waits := s.rest != ""
		for range 1 + rng.IntN(3) {
			text := strings.Repeat([]string{"words in a row, ", "f() { return [1] } ", "one\n"}[rng.IntN(3)], rng.IntN(80))
			if s.rest != "" {
				n := len(s.rest)
				if rng.IntN(3) == 0 {
					n = 1 + rng.IntN(n)
				}
				if text, s.rest = s.rest[:n], s.rest[n:]; s.rest == "" {
					text += " and so on."
				}
			} else if rng.IntN(12) == 0 {
				secret, _, err := pack.Expand("ghp_<30*base62><check:github-crc32>", rng)
				require.NoError(t, err)
				text, s.rest = text+" is "+secret[:20], secret[20:]
			}
			s.history = append(s.history, s.form(text))
		}
		doc, err := json.Marshal(s.history)
		require.NoError(t, err)
		var at Where
		got, hits := remembering.Text(nil, doc, &at)
		want, all := plain.Text(nil, doc, &Where{})
		if string(got) != string(want) || len(hits) != len(all) {
			t.Fatalf("turn %d: %d hits, without a memory %d or others", turn, len(hits), len(all))
		}
		if at.past.Of != 0 {
			went++
		}
		if len(all) > 0 {
			cut++
			if waits && s.rest == "" {
				late++
			}
			if rng.IntN(3) == 0 {
				s.form = nil
			}
		}
	}
	t.Logf("%d times a beginning was known, %d times a secret was cut, %d times its end came later", went, cut, late)
	if went < 300 && !racing || cut < 100 || late < 20 {
		t.Error("too few for this to show anything")
	}
}
