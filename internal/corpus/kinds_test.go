package corpus

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func (*filler) rng() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func make1(t *testing.T, r *rand.Rand, kind string) string {
	t.Helper()
	s, err := generate(r, secretSpec{ID: "s01", Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysParse(t *testing.T) {
	r := new(filler).rng()
	for kind, parse := range map[string]func([]byte) error{
		"ed25519_private_key":   func(b []byte) error { _, err := x509.ParsePKCS8PrivateKey(b); return err },
		"pkcs8_private_key":     func(b []byte) error { _, err := x509.ParsePKCS8PrivateKey(b); return err },
		"gcp_service_account":   func(b []byte) error { _, err := x509.ParsePKCS8PrivateKey(b); return err },
		"rsa_private_key":       func(b []byte) error { _, err := x509.ParsePKCS1PrivateKey(b); return err },
		"ec_private_key":        func(b []byte) error { _, err := x509.ParseECPrivateKey(b); return err },
		"kubeconfig_client_key": func(b []byte) error { _, err := x509.ParseECPrivateKey(b); return err },
		"openssh_private_key":   func([]byte) error { return nil },
		"pgp_private_key":       func([]byte) error { return nil },
	} {
		for range 3 {
			s := make1(t, r, kind)
			block, rest := pem.Decode([]byte(s))
			if kind == "pgp_private_key" { // its checksum line is no PEM
				block, rest = pem.Decode([]byte(regexp.MustCompile(`(?m)^=.*\n`).ReplaceAllString(s, "")))
			}
			if block == nil || len(rest) > 0 {
				t.Errorf("%s is no PEM block", kind)
			} else if err := parse(block.Bytes); err != nil {
				t.Errorf("%s does not parse: %v", kind, err)
			}
		}
	}
}

func TestChecksums(t *testing.T) {
	r := new(filler).rng()
	for range 20 {
		for _, kind := range []string{"github_pat", "github_app_token", "npm_token"} {
			s := make1(t, r, kind)
			if body := s[4:34]; len(s) != 40 || crc62(body) != s[34:] {
				t.Errorf("%s has no valid checksum", kind)
			}
		}
		age := strings.ToLower(make1(t, r, "age_secret_key"))
		const hrp = "age-secret-key-"
		var v []byte
		for _, c := range []byte(hrp) {
			v = append(v, c>>5)
		}
		v = append(v, 0)
		for _, c := range []byte(hrp) {
			v = append(v, c&31)
		}
		for _, c := range []byte(age[len(hrp)+1:]) {
			v = append(v, byte(strings.IndexByte(bech32Alphabet, c)))
		}
		if len(age) != 74 || bech32Polymod(v) != 1 {
			t.Error("the age key has no valid checksum")
		}
	}
	// The documented checksum of GitHub's announcement: leading zeros are kept.
	if got := crc62(""); got != "000000" {
		t.Errorf("crc62 of nothing is %s", got)
	}
}

func TestSeedPhrase(t *testing.T) {
	// The all-zero entropy's phrase is a test vector of BIP-39.
	if !bip39Valid([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}) || bip39Valid(make([]int, 12)) {
		t.Error("the checksum is not BIP-39's")
	}
	if n := len(strings.Fields(make1(t, new(filler).rng(), "bip39_seed_phrase"))); n != 12 {
		t.Errorf("%d words", n)
	}
}

func TestJWT(t *testing.T) {
	for _, kind := range []string{"jwt", "k8s_sa_token"} {
		parts := strings.Split(make1(t, new(filler).rng(), kind), ".")
		if len(parts) != 3 {
			t.Fatalf("%s has %d parts", kind, len(parts))
		}
		for _, p := range parts[:2] {
			b, err := base64.RawURLEncoding.DecodeString(p)
			if err != nil || !json.Valid(b) {
				t.Errorf("%s: a part is no JSON", kind)
			}
		}
	}
}

func TestGenerateUnknownKind(t *testing.T) {
	if _, err := generate(new(filler).rng(), secretSpec{ID: "s01", Kind: "nothing"}); err == nil {
		t.Error("no error")
	}
}

// The same seed makes the same look-alikes; what is media or a key has the size it was asked for.
func TestLookalikes(t *testing.T) {
	for name := range lookalike {
		shape := "{" + name + ":64}"
		s := expand(new(filler).rng(), shape)
		if s != expand(new(filler).rng(), shape) || strings.Contains(s, name) || name != "bad" && len(s) < 64 {
			t.Errorf("%s is not made, or not the same twice", name)
		}
	}
	block, rest := pem.Decode([]byte(expand(new(filler).rng(), "{cert}")))
	if block == nil || len(rest) > 0 {
		t.Fatal("the certificate is no PEM block")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		t.Errorf("the certificate does not parse: %v", err)
	}
}

// No committed template may hold what push protection or a scanner would take for a secret.
func TestTemplatesHoldNoSecret(t *testing.T) {
	token := regexp.MustCompile(`AKIA[A-Z2-7]{16}|gh[pousr]_[A-Za-z0-9]{36}|sk[-_](?:live|ant|proj)[-_][A-Za-z0-9]{8}|xox[abp]-\d|AIza[\w-]{30}|eyJ[\w-]{20}|BEGIN [A-Z ]*PRIVATE KEY|glpat-\w{8}|hvs\.\w{8}|npm_\w{20}`)
	run := regexp.MustCompile(`[A-Za-z0-9+]{24,}`)
	scan := func(s string) bool {
		s = placeholder.ReplaceAllString(s, " ")
		if token.MatchString(s) {
			return true
		}
		for _, m := range run.FindAllString(s, -1) {
			if strings.ContainsAny(m, digits) && strings.ContainsAny(m, upper) && strings.ContainsAny(m, lower) {
				return true
			}
		}
		return false
	}
	for _, x := range load(t).templates {
		for i, s := range x.Decoys {
			if scan(classRE.ReplaceAllString(s.Shape, " ")) {
				t.Errorf("%s: the shape of decoy %d looks like a secret", x.Name, i)
			}
		}
		n, err := parse(x.Payload)
		if err != nil {
			t.Fatal(err)
		}
		leaves(n, func(l leaf) {
			if scan(l.n.text) {
				t.Errorf("%s: %s looks like a secret", x.Name, l.path)
			}
		})
	}
	if !scan("ghp_"+strings.Repeat("aB3", 12)) || !scan(strings.Repeat("aB3", 8)) {
		t.Error("the check does not see a planted token")
	}
}
