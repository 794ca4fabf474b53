package rules

import (
	"math/rand/v2"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestNamedSecrets is a table of the syntaxes in which a credential stands
// under its name. {{ }} marks the secret; what is not marked must stay.
func TestNamedSecrets(t *testing.T) {
	e := builtin(t)
	for _, tt := range []struct{ name, key, text string }{
		{"env file", "", "A=1\nDB_PASSWORD={{<8*alpha>9!<4*lower>}}\nB=2"},
		{"env file, letters only", "", "DB_PASSWORD={{<14*lower>}}\n"},
		{"env file, hard characters", "", "export DB_PASSWORD={{<6*alnum>;&,)<6*alnum>}}\n"},
		{"escaped env file", "", `A=1\nAPI_TOKEN={{<32*base62>}}\nB=2`},
		{"export in quotes", "", "export API_KEY='{{<32*base62>}}'"},
		{"JSON member", "", `{"user":"x","password":"{{<8*alpha>1#<4*lower>}}","n":1}`},
		{"JSON in JSON", "", `{"body":"{\"client_secret\":\"{{<32*base62>}}\",\"a\":\"b\"}"}`},
		{"JSON member with an escape in the value", "", `{"password":"{{ab<6*alnum>\"<6*alnum>\\x}}","n":1}`},
		{"JSON in a sentence, escapes in the value", "", `got {"password":"{{\"ab<6*alnum>\\x&/<12*alnum>}}"} back`},
		{"JSON in Python's repr, escapes in the value", "", `{'out': '{"password":"{{\\"ab<6*alnum>\\\\x&/<12*alnum>}}"}'}`},
		{"JSON number", "", `{"card":{"pin":{{<4*digit>}}},"n":1234}`},
		{"JSON cut inside", "", `{"a":{"password":"{{<14*base62>}}`},
		{"camel case", "", `const openaiApiKey = "{{<32*base62>}}";`},
		{"python repr", "", `{'api-key': '{{<36*base62>}}', 'timeout': None}`},
		{"python bytes repr", "", `{'api_key': b'{{<36*base62>}}'}`},
		{"list of pairs", "", `[('authorization', 'Bearer {{<36*base62>}}'), ('accept', 'x')]`},
		{"YAML", "", "db:\n  password: {{<10*alnum>#<3*digit>}}\n  host: a.b\n"},
		{"YAML, next line", "", "smtp:\n  SMTP_PASSWORD:\n    {{<8*base62>.1<8*alpha>}}\n  host: a.b\n"},
		{"YAML, block", "", "db:\n  password: |-\n    {{<8*base62>#1<8*alpha>}}\n  host: a.b\n"},
		{"TOML", "", "[db]\npassword = \"{{<10*alnum>-<3*digit>}}\"\n"},
		{"properties", "", "spring.datasource.password={{<10*alnum>$<3*digit>}}\n"},
		{"XML element", "", "<<user>ci<</user><<password>{{<10*alnum>}}<</password>"},
		{"header", "", "GET / HTTP/1.1\r\nX-Api-Key: {{<32*base62>}}\r\nAccept: */*"},
		{"authorization header", "", "authorization: Token {{<32*base62>}}"},
		{"cookie header", "", "Cookie: theme=dark; sessionid={{<32*base62>}}; lang=en"},
		{"query", "", "https://a.example/cb?state=1&access_token={{<32*base62>}}&x=y"},
		{"query alone", "url.query", "access_token={{<32*base62>}}&state=xyz"},
		{"baggage", "baggage", "session_token={{<32*base62>}},tenant=acme"},
		{"behind a forged mask", "", "password={{[MASKED:named-password:00000000]<6*alpha>1<4*alnum>}} x"},
		{"behind a forged mask in JSON", "", `{"password":"{{[MASKED:named-password:00000000]<6*alpha>1<4*alnum>}}"}`},
		{"behind a forged mask and a space", "db.password", `{{[MASKED:named-password:00000000] <6*alpha>1<4*alnum>}}`},
		{"prose", "", "The admin password is {{<12*base62>.9x}} according to the wiki."},
		{"prose, of what", "", "The password of the admin console is {{<5*alpha>-<4*digit>!}}"},
		{"connection string", "", "Server=tcp:db;User Id=sa;Password={{<8*alnum>&3,<2*alnum>}};Encrypt=true"},
		{"attributes of XML", "", `<<property name="password" value="{{<6*alnum>4xY}}"/>`},
		{"Terraform variable", "", "variable \"db_password\" {\n  type    = string\n  default = \"{{<6*alnum>4xY}}\"\n}"},
		{"member called value", "", `{"password":{"value":"{{<6*alnum>4xY}}","type":"string","sensitive":true}}`},
		{"setter", "", `cfg.setPassword("{{<8*alnum>#4x}}");`},
		{"builder", "", `.password("{{<8*alnum>#4x}}").build()`},
		{"Go bytes", "", "var jwtSecret = []byte(\"{{<32*base62>}}\")"},
		{"C array", "", `static const char API_KEY[] = "{{<32*base62>}}";`},
		{"Rust", "", `const API_KEY: &str = "{{<32*base62>}}";`},
		{"C# property", "", `public string ApiKey { get; set; } = "{{<32*base62>}}";`},
		{"conditional", "", `api_key ||= "{{<32*base62>}}"`},
		{"Android string", "", `<<string name="api_key">{{<32*base62>}}<</string>`},
		{"filled in", "", `When I fill in "Password" with "{{<8*alnum>#4x}}"`},
		{"Kubernetes Secret", "", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  tls.bin: {{<24*base62>}}\ntype: Opaque\n"},
		{"Kubernetes Secret, data first", "", "stringData:\n  conf: {{<10*lower>}}\nkind: Secret\n---\nkind: ConfigMap\ndata:\n  a: abcdefgh\n"},
		{"one-time code", "", "your one-time code is {{<6*digit>}}."},
		{"OTP beside", "", "OTP {{<6*digit>}} expires soon"},
		{"short flag", "process.command_line", "mysql -u root -p{{<6*base62>.9X<4*lower>}} -h db"},
		{"short flag in a list", "process.command_args", "-p{{<6*base62>.9X<4*lower>}}"},
		{"clone URL", "", "git push https://x-access-token:{{<40*base62>}}@github.com/acme/orders.git HEAD"},
		{"prose, quoted", "", "The file sets WG_PRIVATE_KEY to `{{<43*base64>=}}`, so that is what the service uses."},
		{"prose, now", "", "Our internal API key is now {{<36*base62>}}, do not share it."},
		{"prose, the other way round", "", "Please log in with {{<6*alpha>-<4*digit>!<3*alpha>}} as the root password, then go on."},
		{"prose, use as", "", "use '{{<6*alpha>-<4*digit>!}}' as the password"},
		{"prose, beside", "", "connect with user admin and password {{<3*upper><5*lower>-<4*digit>!}} please"},
		{"prose, changed to", "", "changed the root password to {{<5*lower><3*digit>#<3*upper>}} yesterday"},
		{"prose, code", "", "Your verification code is {{<6*digit>}}. It expires in 10 minutes."},
		{"HTML table", "", "<<tr><<td>API_KEY<</td><<td><<code>{{<32*base62>}}<</code><</td><</tr>"},
		{"Markdown cell", "", "| API_KEY | `{{<32*base62>}}` |"},
		{"aligned", "", "API_KEY      {{<32*base62>}}\nREGION       eu-west-1"},
		{"psql column", "", " id | service | api_token\n----+---------+-----------\n  1 | billing | {{<40*base62>}}\n(1 row)"},
		{"kubectl column", "", "NAME      TOKEN                                      AGE\nweb-1     {{<40*base62>}}   3d\nweb-2     <<none>                                     3d\n"},
		{"mysql column", "", "+----+-----------+\n| id | password  |\n+----+-----------+\n|  1 | {{<6*alpha>-<3*digit>!}} |\n+----+-----------+"},
		{"flag and value", "", "run --api-key {{<32*base62>}} --verbose"},
		{"flag with equals", "", "run --password={{<10*alnum>!}} --verbose"},
		{"environ subscript", "", `os.environ["AUTH_TOKEN"] = "{{<32*base62>}}"`},
		{"default of getenv", "", `os.environ.get("AUTH_TOKEN", "{{<32*base62>}}")`},
		{"hash rocket", "", `:password => "{{<10*alnum>!}}"`},
		{"typed", "", `password: str = "{{<10*alnum>!}}"`},
		{"spaced name", "", `API key: {{<32*base62>}}`},
		{"attribute key", "db.password", "{{<10*alnum>}}"},
		{"attribute key with path", "http.request.header.x-api-key", "{{<32*base62>}}"},
		{"attribute key over a list in JSON", "http.request.header.authorization", `["Bearer {{<32*base62>}}"]`},
		{"name and value members", "", `[{"name":"X-Api-Key","value":"{{<32*base62>}}"},{"name":"a","value":"b"}]`},
		{"flag and value in a list", "", `["curl","--password","{{<10*alnum>}}","-v"]`},
		{"weak password in YAML", "", "db:\n  password: {{sunshine}}\n"},
		{"weak password in JSON", "", `{"user":"x","password":"{{dragon}}"}`},
		{"weak password of two words", "", `password = "{{velvetHarbor}}"`},
		{"passphrase", "", `passphrase: "{{correct-horse-battery-staple}}"`},
		{"letters only in quotes", "", `pwd = '{{<9*lower>}}';`},
		{"token of letters", "", "token: {{<32*lower>}}\n"},
		{"token of capitals", "", `API_KEY="{{<24*upper>}}"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(20) {
				text, secret, err := pack.Expand(tt.text, rand.New(rand.NewPCG(seed, 7)))
				if err != nil {
					t.Fatal(err)
				}
				fs := e.Scan(nil, []byte(text), Context{Key: tt.key})
				if len(fs) != 1 || fs[0].Start != secret[0] || fs[0].End != secret[1] {
					t.Errorf("seed %d: want [%d, %d), got %s", seed, secret[0], secret[1], describe(e, fs))
				}
			}
		})
	}
}

// TestBrokenTokens is a table of the ways in which a token is broken in two
// and still found whole.
func TestBrokenTokens(t *testing.T) {
	e := builtin(t)
	for _, tt := range []struct{ name, text string }{
		{"wrapped at a column", "the deployment printed this token for the robot account: {{ghp_<14*base62>\n<22*base62>}} and stopped"},
		{"wrapped and numbered", "    12→the deployment printed this token for the robot account: {{ghp_<14*base62>\n    13→<22*base62>}}\n"},
		{"wrapped in a diff", "+the deployment printed this token for the robot account: {{ghp_<14*base62>\n+<22*base62>}}\n"},
		{"continued", "curl -H 'X: {{ghp_<14*base62>\\\n  <22*base62>}}'"},
		{"concatenated", `const t = "{{ghp_<14*base62>" + "<22*base62>}}";`},
		{"concatenated over lines", "t = ('{{xoxb-<12*digit>-<12*digit>-<4*base62>'\n     '<20*base62>}}')"},
		{"zero width", "token {{ghp_<14*base62>\u200b<22*base62>}} here"},
		{"soft hyphen", "token {{ghp_<14*base62>\u00ad<22*base62>}} here"},
		{"quoted-printable", "token=3D{{ghp_<14*base62>=\r\n<22*base62>}} here"},
		{"coloured", "token {{ghp_<14*base62>\x1b[1;31m<22*base62>}}\x1b[0m here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(20) {
				text, secret, err := pack.Expand(tt.text, rand.New(rand.NewPCG(seed, 7)))
				if err != nil {
					t.Fatal(err)
				}
				covered(t, e, "plain", text, secret)
				enc, sp := encode(text, secret, 2)
				covered(t, e, "in JSON", enc, sp)
			}
		})
	}
}

// TestNotSecrets is what looks like a credential and is none.
func TestNotSecrets(t *testing.T) {
	e := builtin(t)
	for _, tt := range []struct{ name, key, text string }{
		{"prose", "", "The password is required. A token is invalid; the secret: keep calm."},
		{"prose about passwords", "", "The password is sha256-hashed and the token is base64 encoded; your API key is required in step 2. The password was changed 3 days ago, the secret of success is work, password policy v2 is on. The access token is used as the cache key for http2 requests."},
		{"prose with codes", "", "The exit code is 137 and the status code was 502; error code 4711. The token count is 123456."},
		{"tables about passwords", "", "| password | required |\n|---|---|\n| token | string, see RFC 6750 |\n\nNAME   TOKEN   AGE\nweb-1  valid   3d"},
		{"code", "", "def reset_password(user, token):\n    token = request.headers['X-Token']\n    password = getpass.getpass()\n    if password == other: return token.strip()"},
		{"types", "", `{"properties":{"password":{"type":"string"},"token":"string"}}`},
		{"references", "", "password: ${DB_PASSWORD}\napi_key: $API_KEY\ntoken=$(cat /run/secrets/token)\nsecret: vault:secret/data/db#pw\nx_token: {{ .Values.token }}\npassword=%DB_PASSWORD%"},
		{"code references", "", "token: process.env.API_TOKEN,\napi_key = os.environ[\"API_KEY\"]\npassword = self.password\nsecret=config.secret"},
		{"kubernetes reference", "", "api_key: valueFrom.secretKeyRef"},
		{"redacted", "", "password=****\ntoken: <redacted>\nsecret: [REDACTED]\napi_key=<your-api-key>\npassword: ••••••"},
		{"verbs of formats", "", "ALTER ROLE app WITH PASSWORD '%s' and '%v', PASSWORD '%(pw)s', PASSWORD '%1$s', PASSWORD '%[1]s'\npassword: \"%s\", token=%[2]q"},
		{"shortened", "", "password: Abc12345…9z= token=abcdef12345...xyz api_key='A3MY2Skx5s…cN8'"},
		{"a word at the end of a line", "", "$ kubectl get pods --all-namespaces -n bearer --sort-by=.metadata.name\nnext-4ca3328e4e-ad8269   1/1   Running   3"},
		{"harmless cookies", "", "Cookie: theme=dark; _ga=GA1.2.1234567890.1234567890; _fbp=fb.1.1596403881668.1116446470; cookieconsent_status=a1b2c3d4e5f6g7; lang=en-US"},
		{"schema with default", "", `{"password":{"type":"string","default":"none","description":"the password of the user"}}`},
		{"other Kubernetes kinds", "", "kind: SecretStore\ndata:\n  a: abcdefgh\n---\nkind: ConfigMap\ndata:\n  a: abcdefghijkl\n"},
		{"getters", "", `p := getPassword("db.main.v2"); t = vault.readSecret("kv/app1/db")`},
		{"short flags", "command", "docker run -p8080:80 -pthread -package com.acme.Web2 -p 5432 mkdir -p /var/lib/App1"},
		{"sensitive in a plan", "", "  + password = (sensitive value)\n  + token    = (known after apply)"},
		{"masked before", "", "password=[MASKED:github-token:0a1b2c3d] token: [WITHHELD:size:00112233]"},
		{"counters", "gen_ai.usage.input_tokens", "48213377"},
		{"counters in text", "", "max_tokens=4096 token_count: 12345678 total_token=99999999 tokens_per_second: 123456.7"},
		{"names of keys", "", "primary_key: order_id_2024_08, public_key_id=k-2026-08-11, sort_key=abc123def456ghi"},
		{"about passwords", "", "password_policy=min12chars2digits password_changed_at: 2026-08-11T06:28:26Z password_reset_url=https://a.example/r1/x2"},
		{"URL of a token endpoint", "", "token_url: https://id.example.com/oauth2/v1/token"},
		{"secret by name", "", "secretName: orders-db-credentials-v2 secret_id=projects/1/secrets/db"},
		{"flags", "", `{"has_password":true,"is_secret":1,"use_token":"yes"}`},
		{"booleans and null", "", `{"password":null,"api_key":false,"token":"","secret":"none"}`},
		{"a name as a value, then a member", "", `"name":"agent password","amount2":388,"x":{"token":"credential_id_1":`},
		{"comparison", "", `if token == "abcdef0123456789abcdef" and api_key != other123456789:`},
		{"words for a token", "", "token: valueFrom\nsecret: orders-db-credentials\nauth_token: getToken\nprivate_key: path/to/key.pem\naccess_token: accessToken\n"},
		{"types in YAML", "", "password: str\napiKey: string\ntoken: SecretStr\nclientSecret: Optional\n"},
		{"paths", "", "pwd: /home/app\nOLDPWD=/var/lib/jenkins\nssh_private_key: ~/.ssh/id_rsa\n"},
		{"members", "", "password = form.cleaned_data\napi_key = settings.API_KEY2\nuser.password = payload.new_password1;\n"},
		{"placeholders in quotes", "", `api_key = "insert-api-key-here", password="changeme", secret: "my-client-secret", token: 'test-token'`},
		{"labels", "", `{"password":"Password:","confirmPassword":"Confirm password","accessToken":"access_token","passwords":"users"}`},
		{"calls", "", "hashed_password = bcrypt.hashpw(password.encode(), salt)\nmaster_password = local.master_password\nif (password == NULL) return;\ndef f(self, password=None, token=None):\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if fs := e.Scan(nil, []byte(tt.text), Context{Key: tt.key}); len(fs) != 0 {
				t.Errorf("found %s", describe(e, fs))
			}
		})
	}
}

func TestTokensInImagesAreChance(t *testing.T) {
	e := builtin(t)
	token, _, err := pack.Expand("AKIA<16*base32>", rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	blob, _, err := pack.Expand("<60*base62>", rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"data:image/png;base64," + blob + "/" + token + "/" + blob: 0,
		"https://example.com/keys/" + token + "/" + blob:           1,
		"key=" + token: 1,
	} {
		if fs := e.Scan(nil, []byte(text), Context{}); len(fs) != want {
			t.Errorf("%d findings in %d bytes, want %d: %s", len(fs), len(text), want, describe(e, fs))
		}
	}
}
