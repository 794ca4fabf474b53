package pack

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 9)) }

func TestExpand(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"literal", "abc", "abc"},
		{"run", "<4*digit>", `\d{4}`},
		{"range", "<2-5*hex>", `[0-9a-f]{2,5}`},
		{"zero", "a<0-0*hex>b", `ab`},
		{"literal bracket", "<<b><<<2*digit>", `<b><\d\d`},
		{"nothing keeps braces apart", "{<>{x}<>}", `\{\{x\}\}`},
		{"braces alone", `{"a":{"b":1}}`, `\{"a":\{"b":1\}\}`},
		{"one", "<one:live|test>_", `(live|test)_`},
		{"one with a filler", "<one:a<2*digit>|b<one:c|d>>", `(a\d\d|bc|bd)`},
		{"repeat", "<rep:3:ab>", `ababab`},
		{"base64", "<base64:u:<3*lower>>", `dT[A-Za-z0-9+/]+={0,2}`},
		{"base64 of base64", "<base64:<base64:a>>", `WVE9PQ==`},
		{"base64url", "<base64url:a>", `YQ`},
		{"hex of", "<hex:az>", `617a`},
		{"percent", "<percent:a+b c>", `a%2Bb\+c`},
		{"json", `<json:a"b\>`, `a\\"b\\\\`},
		{"uuid", "<uuid>", `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`},
		{"jwt", "<jwt>", `eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{43}`},
		{"jwe", "<jwe>", `eyJ[\w-]+(\.[\w-]+){4}`},
		{"aws", "<aws-key-id>", `[Q-Z2-7][A-Z2-7]{15}`},
		{"nkey", "<nkey:A>", `SAA[A-Z2-7]{55}`},
		{"wif", "<wif>", `[KL][1-9A-HJ-NP-Za-km-z]{51}`},
		{"words", "<3*words>", `[a-z]+ [a-z]+ [a-z]+`},
		{"github", "ghp_<30*base62><check:github-crc32>", `ghp_[A-Za-z0-9]{36}`},
		{"gitlab", "glpat-<27*base62><check:gitlab-routable>", `glpat-[A-Za-z0-9]{27}\.01\.0r[0-9a-z]{7}`},
		{"pem", "<pem:RSA PRIVATE KEY:esc>", `-----BEGIN RSA PRIVATE KEY-----\\n([A-Za-z0-9+/=]{1,64}\\n)+-----END RSA PRIVATE KEY-----`},
		{"pem, cut", "<pem:EC PRIVATE KEY:cut>", `-----BEGIN EC PRIVATE KEY-----\n([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/]{64}`},
		{"pem, ssh2", "<pem:SSH2 ENCRYPTED PRIVATE KEY>", `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n[\s\S]+---- END SSH2 ENCRYPTED PRIVATE KEY ----`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := regexp.MustCompile("^(?:" + c.want + ")$")
			for seed := range uint64(20) {
				text, secret, err := Expand(c.template, rng(seed))
				if err != nil {
					t.Fatal(err)
				}
				if !want.MatchString(text) {
					t.Fatalf("seed %d: %q is not %s", seed, text, c.want)
				}
				if secret != [2]int{0, len(text)} {
					t.Fatalf("without marks the secret is %v of %d bytes", secret, len(text))
				}
				again, _, _ := Expand(c.template, rng(seed))
				if again != text {
					t.Fatal("the same seed gives another text")
				}
			}
		})
	}
}

func TestExpandMarks(t *testing.T) {
	text, secret, err := Expand("a: {{k_<5*digit>}}, b }} c", rng(1))
	if err != nil || secret != [2]int{3, 10} || !strings.HasPrefix(text[secret[0]:], "k_") || !strings.HasSuffix(text, ", b }} c") {
		t.Errorf("%q, %v, %v", text, secret, err)
	}
	// A checksum is that of the secret, not of what stands before it.
	text, secret, err = Expand("x_{{ghp_<30*base62><check:github-crc32>}}", rng(1))
	if err != nil || string(base62CRC([]byte(text[secret[0]+4:secret[1]-6]))) != text[secret[1]-6:secret[1]] {
		t.Error("the checksum is not that of the secret")
	}
	good, _, _ := Expand("ghp_<30*base62><check:github-crc32>", rng(1))
	wrong, _, _ := Expand("ghp_<30*base62><wrong:github-crc32>", rng(1))
	if good[:34] != wrong[:34] || good == wrong {
		t.Error("a wrong checksum must differ from the right one, and nothing else")
	}
}

func TestExpandMistakes(t *testing.T) {
	for template, want := range map[string]string{
		"<4*digit":              "< has no >",
		"<4*numbers>":           "unknown alphabet",
		"<x*digit>":             "is no count",
		"<5-3*digit>":           "is no count",
		"<9999999*digit>":       "is no count",
		"<rep:99999999:x>":      "<rep:count:text>",
		"<rep:1000:<4000*hex>>": "longer than",
		"<frob>":                `unknown filler "frob"`,
		"<check:md5>":           `unknown checksum "md5"`,
		"<pem:>":                "unknown form",
		"<pem:KEY:upside>":      "unknown form",
		"{{a":                   "{{ has no }}",
		"{{a}} {{b}}":           "{{ stands twice",
		"<base64:<base64:<base64:<base64:<base64:<base64:<base64:<base64:<base64:<base64:a>>>>>>>>>>": "nested deeper",
		"<one:<frob>>": "unknown filler",
	} {
		if _, _, err := Expand(template, rng(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", template, err, want)
		}
	}
}

// TestUniform: every alphabet draws each of its bytes about equally often.
func TestUniform(t *testing.T) {
	for name, letters := range alphabets {
		if letters == "" {
			continue
		}
		const n = 20000
		var count [256]int
		for _, c := range run(rng(1), letters, n) {
			count[c]++
		}
		expect, chi := float64(n)/float64(len(letters)), 0.0
		for i := range len(letters) {
			chi += math.Pow(float64(count[letters[i]])-expect, 2) / expect
		}
		if limit := float64(len(letters)) + 6*math.Sqrt(2*float64(len(letters))); chi > limit {
			t.Errorf("%s: chi square %.0f above %.0f", name, chi, limit)
		}
	}
}

// FuzzExpand: never panics, and the secret lies within the text.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"a{{<3*hex>}}b", "<one:a|<2*digit>>", "<pem:PRIVATE KEY:diff>", "<base64:<jwt>>", "<check:bech32>", "<wrong:gitlab-routable>", "<<<>", "<rep:2:<rep:2:x>>"} {
		f.Add(s, uint64(1))
	}
	for name := range checksums {
		f.Add("a-<3*base62>_<check:"+name+">", uint64(2))
		f.Add("<check:"+name+">", uint64(2))
	}
	f.Fuzz(func(t *testing.T, template string, seed uint64) {
		text, secret, err := Expand(template, rng(seed))
		if err != nil {
			return
		}
		if secret[0] < 0 || secret[0] > secret[1] || secret[1] > len(text) {
			t.Fatalf("secret %v of %d bytes", secret, len(text))
		}
	})
}

func TestPEMBodyDecodes(t *testing.T) {
	text, _, err := Expand("<pem:OPENSSH PRIVATE KEY:none>", rng(3))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimSuffix(strings.TrimPrefix(text, "-----BEGIN OPENSSH PRIVATE KEY-----"), "-----END OPENSSH PRIVATE KEY-----")
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil || !strings.HasPrefix(string(raw), "openssh-key-v1\x00") {
		t.Errorf("the body does not decode: %v", err)
	}
}
