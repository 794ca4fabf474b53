package rules

import (
	"math/rand/v2"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// TestNear is a table of where a token of plain form stands beside a word that
// says whose it is. {{ }} marks the secret; what is not marked must stay.
func TestNear(t *testing.T) {
	e := builtin(t)
	for _, tt := range []struct{ name, key, text, rule string }{
		{"member below", "", `{"datadog":{"site":"eu","prod":"{{<32*hex>}}"}}`, "datadog-api-key"},
		{"member", "", `{"mistral":"{{<31*base62>7}}","n":1}`, "mistral-key"},
		{"name and value", "", `[{"name":"HEROKU_KEY","value":"{{<uuid>}}"}]`, "heroku-legacy-key"},
		{"sentence", "", "Our Algolia admin key is {{<31*base62>7}}, please keep it.", ""},
		{"call", "", `os.Setenv("SNYK_TOKEN", "{{<uuid>}}")`, "snyk-token"},
		{"next line", "", "Deepgram key:\n{{<40*hex>}}\n", "deepgram-key"},
		{"behind an id", "", "datadog trace <32*hex> key {{<32*hex>}}", "datadog-api-key"},
		{"attribute key", "app.datadog.prod", "{{<32*hex>}}", "datadog-api-key"},
		{"attribute key of a phrase", "wallet.mnemonic", "{{<bip39:12>}}", "bip39-seed-phrase"},
		{"phrase, then prose", "", "seed phrase: {{<bip39:12>}} of it no more", "bip39-seed-phrase"},
		{"phrase by number", "", "Recovery phrase (keep it):\n1. {{abandon 2. ability 3. able 4. about 5. above 6. absent 7. absorb 8. abstract 9. absurd 10. abuse 11. access 12. accident}}.\n", "bip39-seed-phrase"},
		{"query", "", "GET /v1/forecast?appid=1&openweather_key={{<32*hex>}}&q=x", ""},
		{"id of a run", "", "datadog trace_id=<32*hex>, sentry event <32*hex>", ""},
		{"commit", "", "https://github.com/algolia/x/commit/<40*hex>", ""},
		{"pinned action", "", "github_token: x\n    uses: actions/create-github-app-token@<40*hex> # v2", ""},
		{"digest", "", "datadog/agent@sha256:<64*hex>", ""},
		{"request id below", "", `{"heroku":{"request_id":"<uuid>"}}`, ""},
		{"attribute key of an id", "datadog.trace_id", "<32*hex>", ""},
		{"too far", "", "heroku <20*words>: <uuid>", ""},
		{"too long", "", `deepgram_key_name: "x" deepgram=<44*hex>g`, ""},
		{"words", "", "mnemonic: about twelve words that stand for a wallet are what you have to keep safe", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(20) {
				text, secret, err := pack.Expand(tt.text, rand.New(rand.NewPCG(seed, 8)))
				if err != nil {
					t.Fatal(err)
				}
				fs := e.Scan(nil, []byte(text), Context{Key: tt.key})
				if secret == [2]int{0, len(text)} && tt.rule == "" {
					if len(fs) != 0 {
						t.Errorf("seed %d: found %s", seed, describe(e, fs))
					}
					continue
				}
				if len(fs) != 1 || fs[0].Start != secret[0] || fs[0].End != secret[1] {
					t.Errorf("seed %d: want [%d, %d), got %s", seed, secret[0], secret[1], describe(e, fs))
				} else if got := e.Rules()[fs[0].Rule].ID; tt.rule != "" && got != tt.rule {
					t.Errorf("seed %d: found by %s, want %s", seed, got, tt.rule)
				}
			}
		})
	}
}

// TestListsOfPhrases: of several seed phrases behind one word no word is left.
func TestListsOfPhrases(t *testing.T) {
	e := builtin(t)
	rng := rand.New(rand.NewPCG(3, 39))
	for _, sizes := range [][]int{{16, 16}, {16, 32}, {32, 16}, {16, 16, 16, 16, 16}, {24, 20, 16}} {
		for _, sep := range []string{"\n", "\n2. ", " ", ", ", `","`} {
			for range 20 {
				var list []byte
				for i, n := range sizes {
					entropy := make([]byte, n)
					for k := range entropy {
						entropy[k] = byte(rng.Uint32())
					}
					if i > 0 {
						list = append(list, sep...)
					}
					list = append(list, verify.Mnemonic(entropy)...)
				}
				text := []byte("seed phrases: " + string(list) + ".\nThat was all of them\n")
				from, left := len("seed phrases: "), 0
				for _, f := range append(e.Scan(nil, text, Context{}), Finding{Start: len("seed phrases: ") + len(list)}) {
					for _, c := range text[from:max(from, f.Start)] {
						if isAlpha(c) {
							left++
						}
					}
					from = f.End
				}
				if left > 0 {
					t.Errorf("phrases of %v bytes with %q between: %d letters are left", sizes, sep, left)
				}
			}
		}
	}
}
