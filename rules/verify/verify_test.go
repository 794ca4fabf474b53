package verify_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/verify"
)

const (
	unknown = verify.Unknown
	passed  = verify.Passed
	failed  = verify.Failed
)

// cases are tokens in the template language of packs, made anew for each seed.
var cases = []struct {
	name, check, template string
	want                  verify.Result
}{
	{"github", "github-crc32", "<one:ghp_|gho_|ghu_|ghs_|ghr_|npm_><30*base62><check:github-crc32>", passed},
	{"github, wrong sum", "github-crc32", "ghp_<30*base62><wrong:github-crc32>", failed},
	{"github, longer form", "github-crc32", "ghs_<60*base62>", unknown},
	{"github fine-grained", "github-fine-grained", "github_pat_<22*base62>_<59*base62>", passed},
	{"github fine-grained, other length", "github-fine-grained", "github_pat_<22*base62>_<40*base62>", unknown},
	{"gitlab routable", "gitlab-routable", "glpat-<27-80*base62><check:gitlab-routable>", passed},
	{"gitlab runner, routable", "gitlab-routable", "glrt-t1_<27-80*base62><check:gitlab-routable>", passed},
	{"gitlab, wrong sum", "gitlab-routable", "glpat-<27*base62><wrong:gitlab-routable>", failed},
	{"gitlab, older form", "gitlab-routable", "glpat-<20*base62>", unknown},
	{"grafana", "crc32-hex", "glsa_<32*base62>_<check:crc32-hex>", passed},
	{"grafana, wrong sum", "crc32-hex", "glsa_<32*base62>_<wrong:crc32-hex>", failed},
	{"grafana, no tail", "crc32-hex", "glsa_<32*base62>", unknown},
	{"atlassian", "atlassian-crc32", "ATATT3xFfGF0<170*base64url><check:atlassian-crc32>", passed},
	{"atlassian, wrong sum", "atlassian-crc32", "ATATT3xFfGF0<170*base64url><wrong:atlassian-crc32>", failed},
	{"atlassian, cut", "atlassian-crc32", "ATATT3xFfGF0<30*base62>", unknown},
	{"confluent", "confluent-crc32", "cflt<54*base64><check:confluent-crc32>", passed},
	{"confluent, random tail", "confluent-crc32", "cflt<54*base64><6*base62>", failed},
	{"confluent, other length", "confluent-crc32", "cflt<50*base64>", unknown},
	{"nkey of a user", "nkey", "<nkey:U>", passed},
	{"nkey of an account", "nkey", "<nkey:A>", passed},
	{"nkey, random", "nkey", "SUA<55*base32>", failed},
	{"nkey, not base32", "nkey", "SUA<54*base32>1", failed},
	{"nkey, short", "nkey", "SUA<20*base32>", unknown},
	{"aws", "aws-key-id", "<one:AKIA|ASIA><aws-key-id>", passed},
	{"aws, account too large", "aws-key-id", "AKIA777777777<7*base32>", failed},
	{"aws, not base32", "aws-key-id", "AKIA<15*base32>0", failed},
	{"aws, before 2019", "aws-key-id", "AKIAI<15*base32>", unknown},
	{"aws, short", "aws-key-id", "AKIA<15*base32>", unknown},
	{"bedrock", "bedrock", "ABSK<base64:BedrockAPIKey-<84*base62>>", passed},
	{"bedrock, other text", "bedrock", "ABSK<base64:OtherThings<84*base62>>", failed},
	{"azure storage", "azure-signature", "<76*base64>+ASt<5*base64>A==", passed},
	{"azure cask", "azure-signature", "<52*base62>JQQJ99<26*base62>", passed},
	{"azure devops", "azure-signature", "<76*base62>AZDO<4*base62>", passed},
	{"azure, no signature", "azure-signature", "<86*lower>==", unknown},
	{"1password", "base64-json", `ops_<base64url:{"a":"<90*base62>"}>`, passed},
	{"sentry", "base64-json", `sntrys_<base64:{"iat":1.5,"url":"<60*base62>"}>_<43*base64>`, passed},
	{"base64 of no object", "base64-json", "ops_eyJ<rep:40:AA>", failed},
	{"no base64 at all", "base64-json", "ops_<30*lower>!", failed},
	{"basic", "basic-auth", "Basic <base64:deploy:<12*password>>", passed},
	{"basic, latin1", "basic-auth", "Basic <base64:user:pässword>", passed},
	{"basic, no colon", "basic-auth", "Basic <base64:<8*words>>", failed},
	{"basic, words", "basic-auth", "basic information", failed},
	{"docker auth", "basic-auth", `"auth": "<base64:u:<12*base62>>"`, passed},
	{"pypi", "pypi", "pypi-AgEIcHlwaS5vcmc<100*base64url>", passed},
	{"test pypi", "pypi", "pypi-AgENdGVzdC5weXBpLm9yZ<100*base64url>", passed},
	{"pypi, other macaroon", "pypi", "pypi-AgEH<100*base64url>", failed},
	{"openai", "openai", "sk-<20*base62>T3BlbkFJ<20*base62>", passed},
	{"openai project", "openai", "sk-proj-<74*base64url>T3BlbkFJ<74*base64url>", passed},
	{"openai, no infix", "openai", "sk-proj-<80*lower>", failed},
	{"anthropic", "anthropic", "sk-ant-api03-<93*base64url>AA", passed},
	{"anthropic admin", "anthropic", "sk-ant-admin01-<93*base64url>AA", passed},
	{"anthropic, other tail", "anthropic", "sk-ant-api03-<93*base64url>BB", failed},
	{"anthropic oauth", "anthropic", "sk-ant-oat01-<80*base64url>", unknown},
	{"discord", "discord", "<base64url:1<17*digit>>.<6*base64url>.<38*base64url>", passed},
	{"discord with context", "discord", "Bot <base64url:9<17*digit>>.<6*base64url>.<27*base62>", passed},
	{"discord, no number", "discord", "<base64url:<18*lower>>.<6*base62>.<38*base62>", failed},
	{"discord, one segment", "discord", "Bot <24*base62>", unknown},
	{"jfrog", "jfrog-reference", "<base64:reftkn:01:1<9*digit>:<21*base62>>", passed},
	{"jfrog, other", "jfrog-reference", "<base64:reftkn:02:1<9*digit>:<21*base62>>", failed},
	{"slack bot", "slack", "xoxb-1<11*digit>-2<12*digit>-<24*base62>", passed},
	{"slack user", "slack", "xoxp-1<11*digit>-2<11*digit>-3<11*digit>-<32*hex>", passed},
	{"slack, other form", "slack", "xoxe-1-<146*base62>", unknown},
	{"stripe", "stripe", "sk_live_<24*base62>", passed},
	{"stripe with account", "stripe", "sk_live_51<97*base62>", passed},
	{"stripe, other length", "stripe", "sk_live_<40*base62>", unknown},
	{"jws", "jwt", "<jwt>", passed},
	{"jwe", "jwt", "<jwe>", passed},
	{"jwt, header without alg", "jwt", `<base64url:{"typ":"JWT"}>.<20*base62>.<43*base62>`, failed},
	{"jwt, header no JSON", "jwt", "eyJ<20*base62>.<20*base62>.<43*base62>", failed},
	{"jwt, one segment", "jwt", "eyJ<20*base62>", unknown},
	{"age", "bech32", "AGE-SECRET-KEY-1<52*BECH32><check:bech32>", passed},
	{"age, wrong sum", "bech32", "AGE-SECRET-KEY-1<52*BECH32><wrong:bech32>", failed},
	{"bech32, short", "bech32", "AGE-SECRET-KEY-1QQ", unknown},
	{"wif", "wif", "<wif>", passed},
	{"wif, random", "wif", "K<51*base58>", failed},
	{"wif, short", "wif", "K<40*base58>", unknown},
	{"bip39", "bip39", "seed: <bip39:12>", passed},
	{"bip39, 24 words", "bip39", "<bip39:24>", passed},
	{"bip39, prose", "bip39", "<20*words>", failed},
	{"pem", "pem", "<pem:RSA PRIVATE KEY>", passed},
	{"pem, openssh, escaped", "pem", "<pem:OPENSSH PRIVATE KEY:esc2>", passed},
	{"pem, numbered", "pem", "<pem:PRIVATE KEY:numbered>", passed},
	{"pem, diff", "pem", "<pem:PRIVATE KEY:diff>", passed},
	{"pgp", "pem", "<pem:PGP PRIVATE KEY BLOCK>", passed},
	{"pem, no key inside", "pem", "-----BEGIN PRIVATE KEY-----\nQUFBQUFBQUFBQUFB\n-----END PRIVATE KEY-----", failed},
	{"pem, encrypted body", "pem", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n<64*base64>", unknown},
}

func TestChecks(t *testing.T) {
	tested := map[string]map[verify.Result]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check := verify.Lookup(c.check)
			if check == nil {
				t.Fatalf("no check %q", c.check)
			}
			if tested[c.check] == nil {
				tested[c.check] = map[verify.Result]bool{}
			}
			tested[c.check][c.want] = true
			for seed := range uint64(50) {
				text, _, err := pack.Expand(c.template, rand.New(rand.NewPCG(seed, 5)))
				if err != nil {
					t.Fatal(err)
				}
				if got := check([]byte(text)); got != c.want {
					t.Fatalf("seed %d: %d, want %d", seed, got, c.want)
				}
			}
		})
	}
	for _, name := range verify.Names() {
		if !tested[name][passed] {
			t.Errorf("no token passes %s in this test", name)
		}
	}
}

// TestNoAllocation: checks run on every candidate, so none may allocate.
func TestNoAllocation(t *testing.T) {
	for _, c := range cases {
		text, _, err := pack.Expand(c.template, rand.New(rand.NewPCG(1, 5)))
		if err != nil {
			t.Fatal(err)
		}
		check, token := verify.Lookup(c.check), []byte(text)
		if n := testing.AllocsPerRun(20, func() { check(token) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// FuzzChecks: no check panics or changes the token, whatever it is given.
func FuzzChecks(f *testing.F) {
	for i, c := range cases {
		text, _, err := pack.Expand(c.template, rand.New(rand.NewPCG(uint64(i), 5)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(text))
		f.Add([]byte(text[:len(text)/2]))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, token []byte) {
		before := bytes.Clone(token)
		for _, name := range verify.Names() {
			if r := verify.Lookup(name)(token); r > verify.Failed {
				t.Errorf("%s: result %d", name, r)
			}
		}
		verify.DocExample(token)
		if !bytes.Equal(before, token) {
			t.Error("a check changed its token")
		}
	})
}

func TestDocExample(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"aws id", "AKIAIOSFODNN7" + "EXAMPLE", true},
		{"aws secret", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY", true},
		{"stripe", "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc", true},
		{"rfc 7617", "QWxhZGRpbjpvcGVu" + "IHNlc2FtZQ==", true},
		{"placeholder", "ghp_" + strings.Repeat("X", 36), true},
		{"your key", "your-api-key", true},
		{"counting", "sk-1234567890abcdef", true},
		{"letters", "abcdefghijklmnop", true},
		{"one character", "0000000000000000", true},
		{"short", "abc", false},
		{"empty", "", false},
		{"password", "Winter-Falcon-73", false},
	} {
		if got := verify.DocExample([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for seed := range uint64(2000) {
		text, _, err := pack.Expand("<20-60*base62>", rand.New(rand.NewPCG(seed, 6)))
		if err != nil {
			t.Fatal(err)
		}
		if verify.DocExample([]byte(text)) {
			t.Errorf("seed %d: random text is taken for an example", seed)
		}
	}
}

// TestVectors: the list is well formed and none of its hashes is that of a word.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("vectors.tsv")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		c := strings.Split(line, "\t")
		if len(c) != 3 || len(c[0]) != 2*sha256.Size || !strings.HasPrefix(c[2], "https://") {
			t.Errorf("line %d: want hash, provider and reference", i+1)
			continue
		}
		if _, err := hex.DecodeString(c[0]); err != nil {
			t.Errorf("line %d: the hash is not hex", i+1)
		}
		n++
	}
	if n < 30 {
		t.Errorf("only %d vectors", n)
	}
}
