package packs

import (
	"math/rand/v2"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// survivors are texts of telemetry that look like credentials and must stay.
var survivors = map[string]string{
	"traceparent":          "00-<32*hex>-<16*hex>-01",
	"uuid":                 "id=<uuid>, parent=<uuid>",
	"digest":               "sha256:<64*hex> sha1 <40*hex> md5 <32*hex>",
	"npm integrity":        "sha512-<86*base64>==",
	"etag":                 `ETag: W/"<32*hex>"`,
	"tool call id":         "toolu_01<22*base62> call_<24*base62> tooluse_<22*base64url>",
	"response id":          "resp_<48*hex> msg_01<22*base62> chatcmpl-<29*base62> run_<24*base62> req_<24*base62>",
	"pod name":             "orders-api-<10*base36>-<5*base36> db-<5*base36> pa-<4*lower>",
	"stripe publishable":   "pk_live_51<99*base62> pk_test_<24*base62>",
	"sentry public dsn":    "https://<32*hex>@o305671.ingest.sentry.io/0501268",
	"ssh public key":       "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI<43*base64> me@example.com",
	"rsa ssh public key":   "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC<340*base64>= me",
	"public key":           "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA<20*base64>\n<64*base64>\n-----END PUBLIC KEY-----",
	"certificate":          "-----BEGIN CERTIFICATE-----\nMIID<60*base64>\n<64*base64>\n-----END CERTIFICATE-----",
	"thinking signature":   `"signature":"Eu<2*base62>CkYIBxkA<600*base64>=="`,
	"encrypted content":    `"encrypted_content":"gAAAAAB<400*base64url>"`,
	"image":                "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAA<20000*base64>",
	"base64url blob":       "<20000*base64url>",
	"s3 version id":        "versionId=<32*base64url>",
	"csp nonce":            "script-src 'nonce-<24*base64>'",
	"css hash":             "main.<20*hex>.chunk.css app-<8*base62>.js",
	"token counts":         `"max_tokens": 4096, "total_tokens":1532, tokens_per_second=87`,
	"placeholders":         "${TOKEN} $API_KEY **** [REDACTED] <<redacted> sk-...9fQa %s %(password)s {{ secret }}",
	"environment":          "OPENAI_API_KEY=os.environ['OPENAI_API_KEY'] process.env.STRIPE_KEY secretKeyRef",
	"code":                 "def reset_password(user, token): s.split('.'); cr-line fc-list db-migrate KEY_PREFIX API-GATEWAY S3 pat.match(x) t1.join(t2)",
	"prose with names":     "Basic usage: the bearer of the ticket sends key- or sk- keys; the password is required, see STS.AssumeRoleWithWebIdentity.",
	"urls without secrets": "http://localhost:8080/a?b=c&page_token=x https://user@example.com:8443/ git@github.com:acme/a.git redis://cache:6379/0",
	"times and hosts":      "2026-08-12T22:26:06.639Z 10.144.246.7:7475 [::1]:4317 295114912176 us-east-1 eu-us1 v1.0-rc1",
	"docker image":         "registry.example.com/orders@sha256:<64*hex> v2/orders/manifests/<40*hex>",
	"arn":                  "arn:aws:iam::123456789012:role/orders arn:aws:s3:::bucket/<36*base36>",
	"go module sums":       "go.yaml.in/yaml/v3 v3.0.6 h1:<43*base64>=",
	"minified javascript":  "function(e,t,n){return e.sk_(t),pk_.re_=n.fw_}var r8_=1;cio.t1.s.S.KEY={}",
	"wireguard public key": "PublicKey = <43*base64>=",
	"ids near providers":   `datadog trace_id=<32*hex> dd.span_id=<16*hex> heroku[router]: request_id=<uuid> sentry event <32*hex> snyk issue <uuid> {"okta":{"requestId":"<40*base62>"}}`,
	"commits near tools":   "https://github.com/algolia/search/commit/<40*hex> codecov/patch at <40*hex> circleci pipeline <uuid> jenkins build <32*hex> drone image sha256:<64*hex>",
	"models near keys":     "openai model gpt-4o-2024-08-06, mistral run <32*hex>, deepgram response id <uuid>, cohere generation <uuid>, the wandb run <8*base36>",
	"prose near providers": "We moved from Datadog to Honeycomb; the Twilio and Okta keys are rotated, see the Cloudflare documentation about API tokens and their scopes.",
	"command lines":        "mkdir -p build/out && docker run -p 8080:80 -e A=b redis && psql -p 5432 -U app && ssh -p 2222 h && nmap -p 1-1024 h && cp -pr a b && curl -u $USER:$PASS h && redis-cli -p 6380 -h h && mysql -h db -P 3306",
	"sql":                  "SELECT password FROM users WHERE id = $1; ALTER ROLE app WITH PASSWORD :pw; IDENTIFIED BY ?; SET PASSWORD = :p; UPDATE u SET password = crypt($1, gen_salt('bf'))",
	"near a wallet":        "wallet balance 1.25 ETH, tx 0x<64*hex>, block hash 0x<64*hex>, address 0x<40*hex>; the mnemonic device helps to remember the names of the planets in their order",
}

// TestSurvivors: no rule finds anything in them.
func TestSurvivors(t *testing.T) {
	for _, p := range builtin(t) {
		for i := range p.Rules {
			o := newOracle(&p.Rules[i])
			for name, template := range survivors {
				for seed := range uint64(3) {
					text, _, err := pack.Expand(template, rand.New(rand.NewPCG(seed, 4)))
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if got := o.find(text); len(got) > 0 {
						t.Errorf("%s, seed %d: rule %s finds %v", name, seed, o.rule.ID, got)
					}
				}
			}
		}
	}
}
