package samples

import "strings"

// resource is the name of something that runs or is kept somewhere.
func (m maker) resource() string {
	a, b := m.of(m.code), m.of(m.code)
	switch m.IntN(9) {
	case 0: // a Kubernetes pod
		return a + "-" + b + "-" + m.run("bcdfghjklmnpqrstvwxz2456789", m.between(8, 10)) + "-" + m.run("bcdfghjklmnpqrstvwxz2456789", 5)
	case 1: // of a stateful set
		return a + "-" + b + "-" + m.run(digits, 1)
	case 2: // a container
		return m.of(m.plain) + "_" + m.of(m.human)
	case 3, 4: // a Kubernetes secret
		return a + "-" + b + "-" + m.any("credentials", "secret", "secrets", "tls", "token", "creds", "key", "auth")
	case 5: // an image
		return a + "/" + b + ":" + m.any("latest", "1."+m.run(digits, 2), "v2", "stable-alpine")
	case 6: // a model
		return m.any("gpt-4o-mini", "gpt-4.1", "claude-opus-4", "claude-sonnet-4-5", "gemini-2.5-flash", "llama-3.1-70b", "text-embedding-3-small", "mistral-large-2411")
	case 7: // a region, an instance
		return m.any("eu-west-1", "us-east-2", "europe-north1-a", "t3.large", "db.r6g.xlarge")
	}
	return m.join([]string{a, m.of(m.named), m.any("v1", "v2", "prod", "dev", "2024", "01")})
}

func (m maker) setting() string {
	return m.any(
		"max-age=3600", "no-cache", "same-origin", "application/json", "text/html; charset=utf-8", "multipart/form-data", "image/png",
		"en-US", "de_DE", "utf-8", "UTF-8", "ISO-8859-1", "RS256", "HS512", "SHA256", "sha-256", "AES-256-GCM", "aes-128-cbc", "PBKDF2WithHmacSHA1", "bcrypt", "argon2id",
		"client_credentials", "authorization_code", "refresh_token", "Bearer", "Basic", "Token ", "X-Api-Key", "X-Auth-Token", "access_token", "csrfmiddlewaretoken",
		"PLAIN", "SCRAM-SHA-256", "TLSv1.2", "read-write", "READ_ONLY", "rw", "always", "never", "auto", "current-password", "new-password", "one-time-code",
		"off", "2fa", "base64", "sha256", "md5", "oauth2", "http/1.1", "x509", "ed25519", "ssh-rsa", "secp256k1", "inherit", "0600", "openid profile email",
	)
}

func (m maker) pattern() string {
	return m.any("^", "", "(?i)") + m.any("[A-Za-z0-9]+", "[a-f0-9]{32}", `\w+`, `\S{8,}`, "(.*)", ".+", `(?P<key>[^"]+)`) + m.any("$", "", "|"+m.of(m.code), `\s*=`)
}

func (m maker) typed() string {
	w := m.any("String", "str", "string", "SecretStr", "Buffer", "bytes", "[]byte", "uint8", "Text", "CharField", capital(m.of(m.code)))
	switch m.IntN(6) {
	case 0:
		return "Optional[" + w + "]"
	case 1:
		return w + "[]"
	case 2:
		return w + "?"
	case 3:
		return w + "|null"
	case 4:
		return m.any("*", "&", "::") + w
	}
	return w
}

// identity is random and no secret: it stands without the name of one.
func (m maker) identity() string {
	switch m.IntN(7) {
	case 0:
		return m.uuid()
	case 1:
		return m.run(hex, m.anyLen(7, 8, 12, 16, 32, 40, 64))
	case 2:
		return "sha256:" + m.run(hex, 64)
	case 3:
		return `W/"` + m.run(hex, 12) + `"`
	case 4:
		return m.any("toolu_", "call_", "chatcmpl-", "resp_", "msg_") + m.run(base62, 24)
	case 5:
		return strings.ToUpper(m.run(lower, 3)) + "-" + m.run(digits, 6)
	}
	return m.resource()
}
