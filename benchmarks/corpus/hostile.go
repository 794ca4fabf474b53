package corpus

import "bytes"

// hostile are texts that are meant to cost a scanner much: anchors again and
// again, values and documents that never end, escapes in escapes. None has a
// secret.
var hostile = []struct{ name, unit string }{
	{"one keyword again and again", "token "},
	{"assignments of nothing", "api_key = \n"},
	{"values without their end", `password="` + "correct horse battery staple, "},
	{"the prefix of a token again and again", "ghp_"},
	{"the beginning of a JWT again and again", "eyJ"},
	{"the header of a private key again and again", "-----BEGIN " + "RSA PRIVATE KEY-----\n"},
	{"base64 without end", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"},
	{"hexadecimal without end", "4142434445464748494a4b4c4d4e4f50"},
	{"percent signs, escaped again", "%2525253D"},
	{"backslashes and quotes", `\\\"`},
	{"JSON that only opens", `[{"password":`},
	{"addresses with a user and no host", "a://b:"},
	{"entities in entities", "&amp;quot;"},
	{"names without values", "TOKEN  KEY\n"},
}

// HostileKinds names what Hostile makes.
func HostileKinds() []string {
	names := make([]string, len(hostile))
	for i, k := range hostile {
		names[i] = k.name
	}
	return names
}

// Hostile returns a text of exactly size bytes of the kind, without secrets;
// of a kind that it does not know it returns none.
func Hostile(kind string, size int) []byte {
	for _, k := range hostile {
		if k.name == kind {
			return bytes.Repeat([]byte(k.unit), size/len(k.unit)+1)[:size]
		}
	}
	return nil
}
