package samples

import (
	"strconv"
	"strings"
)

// Places of what is no secret: code has all of them.
const (
	coded  = "qqqqqqqxxxxxxxccccciiddyyswwuf"
	config = "qqqqqqqqqqyyyysscciuex"
)

var others = []style{
	{"identifier", 60, maker.ident, coded},
	{"member", 20, func(m maker) string {
		return m.any("self", "this", "form", "req", "user", "e", "t", m.of(m.code), m.of(m.code)) + "." + m.ident()
	}, "xxxxccddiiwwyq"},
	{"expression", 26, maker.expr, "xxxxccddiiwwq"},
	{"word of code", 30, func(m maker) string { return m.any(m.of(m.code), capital(m.of(m.code)), strings.ToUpper(m.of(m.code))) }, coded + "qqqqyyy"},
	{"name of a credential", 24, maker.credential, coded + "qqqqqqqqqyyysse"},
	{"variable", 10, func(m maker) string {
		return m.any(m.of(m.human), m.of(m.plain), m.run(lower, m.between(1, 3)), m.of(m.plain))
	}, "xxxxccddw"},
	{"placeholder", 40, maker.placeholder, config},
	{"reference", 16, maker.reference, config + "xxcc"},
	{"sentence", 26, maker.sentence, "q"},
	{"word of a sentence", 14, func(m maker) string { return m.any(m.of(m.stop), m.of(m.plain), m.of(m.plain)+m.any(".", ",", "")) }, "wwwwwp"},
	{"path", 24, maker.path, config},
	{"url", 8, func(m maker) string { return m.any("https://", "http://", "redis://", "grpc://") + m.host() + m.path() }, config},
	{"host", 6, func(m maker) string { return m.host() + m.any("", ":"+m.run(digits, 4)) }, config},
	{"number", 18, maker.number, config},
	{"resource", 26, maker.resource, config},
	{"setting", 14, maker.setting, config},
	{"pattern", 8, maker.pattern, "qqqqqc"},
	{"selector", 6, func(m maker) string {
		return m.any("#", ".", "input#", "//input[@name='", "input[name=", "[data-test=") + m.ident()
	}, "q"},
	{"type", 10, maker.typed, "ccccxxqqyd"},
	{"label", 8, func(m maker) string {
		return m.any("Contraseña", "Mot de passe", "Kennwort", "Passwort", "Senha", "Wachtwoord", "Parola", "Hasło", "Şifre", "Lösenord", "Пароль", "密码", "パスワード", "비밀번호", "Clave", "Salasana", "contraseña") + m.any("", "", ":", " *")
	}, "qqqqqqey"},
	{"word with a colon", 6, func(m maker) string {
		return m.any(capital(m.of(m.named)), capital(m.of(m.code)), m.of(m.named)) + m.any(":", "?", "!", ".", "...")
	}, "qqqqsyw"},
	{"hex number", 9, func(m maker) string {
		v := "0x" + m.run(m.any(hex, digits+"ABCDEF"), m.between(1, 8))
		return m.any(v, v, "("+strings.ToUpper(m.of(m.code))+")("+v+")")
	}, "xxiiddffcwqyc"},
	{"name with figures", 10, func(m maker) string {
		w := m.any("", "*", "&", "[]") + m.of(m.code) + m.run(digits, m.IntN(2))
		return w + m.any(".", "::", "_", "") + capital(m.of(m.code)) + m.run(digits, 1) + capital(m.of(m.code)) + m.any("", "", ")", "{")
	}, "ffffxxxccwdiq"},
	{"sql", 5, func(m maker) string {
		return m.any("SELECT * FROM ", "UPDATE ", "INSERT INTO ", "VARCHAR(255) NOT NULL ", "ALTER USER ") + m.ident() + m.any("", " WHERE "+m.ident()+" = ?")
	}, "q"},
	{"identity", 14, maker.identity, "n"},
}

// ident is an identifier of two to four words of code, in one of the styles.
func (m maker) ident() string {
	n := m.between(1, 4)
	if n == 1 && m.chance(60) {
		n = 2
	}
	words := make([]string, n)
	for i := range words {
		words[i] = m.of(m.code)
		if m.chance(12) {
			words[i] = m.of(m.plain)
		}
		if m.chance(15) {
			words[i] = m.of(m.named)
		}
	}
	tail := ""
	if m.chance(8) {
		tail = m.any("1", "2", "256", "64", "V2", "_v1", "_2", "3")
	}
	return m.join(words) + tail
}

func (m maker) join(words []string) string {
	switch m.IntN(8) {
	case 0, 1:
		return strings.Join(words, "_")
	case 2:
		return strings.ToUpper(strings.Join(words, "_"))
	case 3:
		return strings.Join(words, "-")
	case 4:
		return strings.Join(words, ".")
	case 5:
		for i := range words {
			words[i] = capital(words[i])
		}
		return strings.Join(words, "")
	}
	for i := range words[1:] {
		words[i+1] = capital(words[i+1])
	}
	return m.any("", "", "", "_", "m_", "str", "$") + strings.Join(words, "")
}

func (m maker) expr() string {
	a := m.ident()
	switch m.IntN(9) {
	case 0:
		return a + "()"
	case 1:
		return a + "(" + m.of(m.code)
	case 2:
		return m.of(m.code) + "." + m.ident() + "(" + m.any("", m.of(m.code)) + ")"
	case 3:
		return a + "["
	case 4:
		return m.of(m.code) + "[" + m.any("0", "1", "i", m.of(m.code)) + "]"
	case 5:
		return m.of(m.code) + "->" + m.ident()
	case 6:
		return m.of(m.code) + "::" + m.ident()
	case 7:
		return "&" + a
	}
	return m.any("!", "*", "...", "@", ":", "-") + a
}

// credential is a value that names its own kind.
func (m maker) credential() string {
	w := m.of(m.named)
	switch m.IntN(6) {
	case 0:
		return m.any(w, capital(w), strings.ToUpper(w))
	case 1:
		return m.join([]string{m.of(m.code), w})
	case 2:
		return m.join([]string{w, m.of(m.code)})
	case 3:
		return m.join([]string{m.any("my", "the", "user", "db", "client", "new", "old"), w})
	case 4:
		return m.join([]string{m.of(m.code), m.of(m.code), w})
	}
	return m.join([]string{w, m.of(m.named)})
}

func (m maker) placeholder() string {
	k, w := m.of(m.named), m.of(m.code)
	var v string
	switch m.IntN(14) {
	case 0:
		v = "your-" + w + "-" + k
	case 1:
		v = "your_" + k + m.any("", "_here")
	case 2:
		v = "my-" + m.any("", "secret-", "super-secret-") + k
	case 3:
		v = m.any("changeme", "change-me", "change_me", "replace-me", "replaceme", "fixme", "todo", "insert-"+k+"-here", "REPLACE_WITH_"+strings.ToUpper(k))
	case 4:
		v = m.any("test", "fake", "dummy", "mock", "sample", "example", "invalid", "bogus", "some", "foo", "bad", "wrong") + m.any("-", "_", "") + k
	case 5:
		v = k + m.any("-", "_") + m.any("here", "placeholder", "example", "goes-here", "value")
	case 6:
		v = strings.Repeat(m.any("x", "X", "*", "0", "a", "1", "#", "."), m.between(4, 40))
	case 7:
		v = m.any("<", "[", "{", "%", "__") + k + m.any(">", "]", "}", "%", "__")
	case 8:
		v = m.any("foo", "bar", "baz", "foobar", "test", "testing", "dummy", "fake", "none", "empty", "unknown", "default", "example", "redacted", "hidden", "string")
	case 9:
		v = m.any("test", "fake", "dummy", "mock", "example") + m.any("-", "_", "") + w + m.any("-", "_", "") + k
	case 10:
		v = "enter-" + k
	case 11:
		v = w + m.any("-xxxx", "_XXXXXXXX", "-xxxxxxxxxxxxxxxxxxxx", "...")
	case 12:
		v = m.any("abc", "abcdef", "abcdefgh", "foo-bar", "xyz", "a", "b", "secret", "s")
	default:
		v = m.any("invalid", "expired", "valid", "old", "new", "wrong", "test", "good") + "-" + w + "-" + k
	}
	return m.any(v, v, strings.ToUpper(v))
}

func (m maker) reference() string {
	a := m.join([]string{m.of(m.code), m.of(m.named)})
	switch m.IntN(10) {
	case 0:
		return "$" + a
	case 1:
		return "${" + a + "}"
	case 2:
		return "{{ " + a + " }}"
	case 3:
		return "%" + a + "%"
	case 4:
		return m.any("secret/data/", "prod/", "kv/", "vault:") + m.of(m.code) + "/" + m.of(m.named) + m.any("", "#value")
	case 5:
		return "arn:aws:secretsmanager:eu-west-1:" + m.run(digits, 12) + ":secret:" + a
	case 6:
		return "#{" + a + "}"
	case 7:
		return m.any(":", "@", "?", "%(", "&") + a
	case 8:
		return "ENV['" + a
	}
	return m.any("var.", "local.", "data.", "env.", "secrets.", "module.", "process.env.", "os.environ.") + a
}

func (m maker) sentence() string {
	n := m.between(2, 9)
	words := make([]string, n)
	for i := range words {
		words[i] = m.any(m.of(m.stop), m.of(m.plain), m.of(m.code), m.of(m.plain))
	}
	words[m.IntN(n)] = m.of(m.named)
	words[0] = m.any(words[0], capital(words[0]), capital(words[0]))
	return strings.Join(words, " ") + m.any("", ".", ":", "!", "...", "?")
}

func (m maker) path() string {
	n := m.between(1, 4)
	var b strings.Builder
	b.WriteString(m.any("", "/", "/", "./", "~/", "../", "/etc", "/home", "/var/run", "C:\\"))
	for i := range n {
		if i > 0 || b.Len() > 3 {
			b.WriteString("/")
		}
		b.WriteString(m.any(m.of(m.code), m.of(m.code), m.join([]string{m.of(m.code), m.of(m.named)}), m.of(m.plain)))
	}
	b.WriteString(m.any("", "", ".pem", ".key", ".json", ".yaml", ".txt", ".go", ".py", ".conf", ".js", ".crt", ".env"))
	return b.String()
}

func (m maker) host() string {
	return m.any("api.", "www.", "db.", "id.", "", "redis-"+m.run(digits, 1)+".") + m.of(m.code) + m.any(".example.com", ".com", ".internal", ".svc.cluster.local", ".io", ".org")
}

func (m maker) number() string {
	n := strconv.Itoa(m.IntN(1 << m.between(2, 24)))
	v := n + "." + m.run(digits, 1)
	switch m.IntN(9) {
	case 0:
		return n + m.any("s", "ms", "MB", "Gi", "h", "px", "%", "k", "m")
	case 1:
		return m.any("v", "") + v + "." + m.run(digits, 1) + m.any("", "-rc1", "-beta.2", "+build")
	case 2:
		return "202" + m.run(digits, 1) + "-0" + m.run("123456789", 1) + "-1" + m.run(digits, 1) + m.any("", "T1"+m.run(digits, 1)+":2"+m.run(digits, 1)+":00Z")
	case 3:
		return "10." + m.run("123456789", 1) + ".0." + m.run("123456789", 2)
	case 4:
		return m.any("-", "+", "0x", "#") + m.run(digits, 3)
	case 5:
		return v
	}
	return m.run("123456789", 1) + m.run(digits, m.IntN(3))
}
