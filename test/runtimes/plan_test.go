//go:build e2e

package runtimes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crypto "crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	digits  = "0123456789"
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62  = digits + letters + "abcdefghijklmnopqrstuvwxyz"
)

// plan is what an application and the provider are given, and the truth about it.
type plan struct {
	texts   map[string]string // what the applications read
	secrets map[string]string // by the place they are planted in: exactly what a mask must cover
	decoys  map[string]string // what must survive, by what it is
}

// maker makes what is random, the same for the same seed (but for private keys).
type maker struct{ *rand.Rand }

func (m maker) random(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

// github makes a token with its checksum.
func (m maker) github() string {
	body := m.random(base62, 30)
	sum, check := crc32.ChecksumIEEE([]byte(body)), ""
	for range 6 {
		check = string(base62[sum%62]) + check
		sum /= 62
	}
	return "gh" + "p_" + body + check
}

// jwt makes a token whose parts are what they should be.
func (m maker) jwt() string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part([]byte(`{"sub":"`+m.random(base62, 12)+`","iat":1760000000}`)) + "." + part([]byte(m.random(base62, 32)))
}

// privateKey makes a key that opens nothing, without the last line break.
func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crypto.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// picture makes an image as messages carry it.
func (m maker) picture(t *testing.T) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 24, 24))
	for i, b := range []byte(m.random(base62, 24*24)) {
		img.Set(i%24, i/24, color.Gray{Y: b})
	}
	var b strings.Builder
	b.WriteString("data:image/png;base64,")
	to := base64.NewEncoder(base64.StdEncoding, &b)
	if err := png.Encode(to, img); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// files are texts that agents read all day: checksums, code, configuration.
func files(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{
		"../../go.sum", "../../Makefile", "../../deploy/gateway.yaml", "js/package-lock.json", "js/agent.mjs",
		"python/requirements.txt", "python/tools.py", "python/shipper.py", "tee_test.go",
	} {
		text := read(t, name)
		all.WriteString("==> " + name + " <==\n" + string(text[:min(len(text), 20_000)]) + "\n")
	}
	return all.String()
}

func newPlan(t *testing.T, seed uint64) *plan {
	t.Helper()
	m := maker{rand.New(rand.NewPCG(seed, 7))}
	uuid := func() string {
		h := m.random("0123456789abcdef", 32)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-9" + h[17:20] + "-" + h[20:]
	}
	s := map[string]string{
		"system prompt":   m.random(base62, 22),
		"user prompt":     m.github(),
		"second in user":  "sk_" + "live_" + m.random(base62, 24),
		"tool arguments":  m.jwt(),
		"tool result":     privateKey(t),
		"streamed answer": "xo" + "xb-" + m.random(digits, 12) + "-" + m.random(digits, 12) + "-" + m.random(base62, 24),
		"reasoning":       "gl" + "pat-" + m.random(base62, 20),
		"definition":      "SG" + "." + m.random(base62, 22) + "." + m.random(base62, 43),
		"exception":       m.random(base62, 20),
		"cause":           "np" + "m_" + m.random(base62, 36),
		"url query":       m.random(base62, 40),
		"header":          m.random(base62, 40),
		"cookie":          m.random(base62, 40),
		"statement":       m.random(base62, 18),
		"name beside":     m.random(base62, 20),
		"to be escaped":   m.random(base62, 8) + `"` + m.random(base62, 4) + `\ü&/` + m.random(base62, 16) + "#7!Q",
		"resource":        "hf" + "_" + m.random(base62, 34),
		"command line":    m.random(base62, 24),
		"openai key":      "sk-" + "proj-" + m.random(base62, 20) + "T3Blbk" + "FJ" + m.random(base62, 20),
		"anthropic key":   "sk-" + "ant-api03-" + m.random(base62, 93) + "AA",
	}
	sum := sha256.Sum256([]byte(m.random(base62, 9)))
	d := map[string]string{
		"uuid":              uuid(),
		"session":           uuid(),
		"image digest":      "sha256:" + hex.EncodeToString(sum[:]),
		"integrity":         "sha512-" + base64.StdEncoding.EncodeToString([]byte(m.random(base62, 64))),
		"commit":            m.random(digits+"abcdef", 40),
		"reference":         "API_KEY=${API_KEY}",
		"stars":             "OLD_PASSWORD=****",
		"count":             "max_tokens=100",
		"words":             "ünïcödé \U0001f511 \u4f60\u597d",
		"image":             m.picture(t),
		"signature":         base64.StdEncoding.EncodeToString([]byte(m.random(base62, 240))),
		"encrypted content": "gAAAAAB" + base64.URLEncoding.EncodeToString([]byte(m.random(base62, 180))),
		"call id":           "call_" + m.random(base62, 24),
		"response id":       "chatcmpl-" + m.random(base62, 29),
		"masked by others":  "sk-proj-" + strings.Repeat("*", 40) + m.random(base62, 4),
		"cache key":         "on-call-" + m.random(base62, 12),
	}
	p := &plan{texts: texts(s, d), secrets: s, decoys: d}
	p.texts["files"] = files(t)
	return p
}

// texts is what the applications and the provider are given, of secrets and decoys.
func texts(s, d map[string]string) map[string]string {
	quote := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	command := fmt.Sprintf(`curl -sS -H "Authorization: Bearer %s" https://deploys.internal/v1/commits/%s`, s["tool arguments"], d["commit"])
	return map[string]string{
		"system": "You are on call for the shop.\nIts database is postgresql://shop:" + s["system prompt"] +
			"@db.internal:5432/shop; answer with " + d["count"] + ", and never print " + d["reference"] + ".",
		"user": "The deploy fails. This is .env:\nGITHUB_TOKEN=" + s["user prompt"] + "\nSTRIPE_KEY=\"" + s["second in user"] + "\"\nIMAGE=shop@" + d["image digest"] +
			"\nREQUEST=" + d["uuid"] + "\n" + d["stars"] + "\nINTEGRITY=" + d["integrity"] + "\n" + d["words"] + ", what \\ now?",
		"command":   command,
		"arguments": fmt.Sprintf(`{"command": %s, "attempt": 1}`, quote(command)),
		"result": quote(map[string]any{"exit_code": 0, "env": map[string]any{"DB_PASSWORD": s["to be escaped"], "NEXT_PAGE_TOKEN": "page-2"},
			"stdout": "wrote key\n" + s["tool result"] + "\nof " + d["commit"] + "\n"}),
		"answer":           "Rotate the bot's token " + s["streamed answer"] + " now; commit " + d["commit"] + " is fine.",
		"thought":          "The registry wants " + s["reasoning"] + ", which the user should not see.",
		"tool_description": "Runs a command, such as `SENDGRID_API_KEY=" + s["definition"] + " deploy`.",
		"exception":        "could not connect to mysql://root:" + s["exception"] + "@10.0.0.5:3306/shop (request " + d["uuid"] + ")",
		"cause":            "the registry refused " + s["cause"],
		"tool_key":         s["header"],
		"cookie":           s["cookie"],
		"sql":              "ALTER ROLE app WITH PASSWORD " + "'" + s["statement"] + "'",
		"password":         s["name beside"],
		"escaped_password": s["to be escaped"],
		"cache_key":        d["cache key"],
		"image":            d["image"],
		"decoy_uuid":       d["session"],
		"decoy_digest":     d["image digest"],
		"decoy_signature":  d["signature"],
		"decoy_encrypted":  d["encrypted content"],
	}
}
