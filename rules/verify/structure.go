package verify

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// jwt checks that the first segment is a JSON object with "alg" or "enc": what
// a JWS or a JWE must begin with (RFC 7515 section 4.1.1, RFC 7516 section 4.1.2).
// A header longer than 2 KiB is judged by its beginning.
func jwt(token []byte) Result {
	dot := bytes.IndexByte(token, '.')
	if dot < 0 {
		return Unknown
	}
	var buf [2048]byte
	header := decode64(buf[:0], token[:dot])
	if !bytes.HasPrefix(header, []byte("{")) || !printable(header) {
		return Failed
	}
	// json.Valid allocates when it says no, so the cheap signs come first.
	if len(header) < len(buf) && (header[len(header)-1] != '}' || !json.Valid(header)) {
		return Failed
	}
	return of(bytes.Contains(header, []byte(`"alg"`)) || bytes.Contains(header, []byte(`"enc"`)))
}

// base64JSON checks tokens that hold base64 of a JSON object from their first
// "eyJ" on: 1Password ops_, Sentry sntrys_, Grafana glc_ and eyJrIjoi.
func base64JSON(token []byte) Result {
	at := bytes.Index(token, []byte("eyJ"))
	if at < 0 {
		return Failed
	}
	var buf [96]byte
	text := decode64(buf[:0], token[at:])
	return of(bytes.HasPrefix(text, []byte(`{"`)) && printable(text))
}

// basicAuth checks that the last base64 run of the match decodes to text with
// a colon: the credentials of RFC 7617, also in a Docker configuration.
func basicAuth(token []byte) Result {
	end := len(token)
	for end > 0 && sextet[token[end-1]] == 255 {
		end--
	}
	start := end
	for start > 0 && sextet[token[start-1]] != 255 {
		start--
	}
	var buf [512]byte
	text := decode64(buf[:0], token[start:end])
	full := len(text) == len(buf)
	return of(bytes.IndexByte(text, ':') >= 0 && printable(text) && (full || utf8.Valid(text) || latin1(text)))
}

// latin1 says whether text has letters of the high half only between ASCII,
// as user names and passwords of old clients do, and is not plain noise.
func latin1(text []byte) bool {
	high := 0
	for _, c := range text {
		if c >= 0xc0 {
			high++
		} else if c >= 0x80 {
			return false
		}
	}
	return high*4 <= len(text)
}

// pypi checks that the macaroon's location is pypi.org or test.pypi.org.
// https://pypi.org/help/#apitoken
func pypi(token []byte) Result {
	var buf [24]byte
	text := decode64(buf[:0], bytes.TrimPrefix(token, []byte("pypi-")))
	return of(bytes.HasPrefix(text, []byte("\x02\x01\x08pypi.org")) ||
		bytes.HasPrefix(text, []byte("\x02\x01\x0dtest.pypi.or")))
}

// openAI checks for the base64 of "OpenAI" with at least 20 characters on
// either side. https://platform.openai.com/docs/api-reference/authentication
func openAI(token []byte) Result {
	at := bytes.Index(token, []byte("T3Blbk"+"FJ"))
	return of(at >= 20 && len(token)-at-8 >= 20)
}

// anthropic checks API and admin keys: 93 characters and "AA". Other kinds
// (OAuth tokens) have no known tail.
// https://platform.claude.com/docs/en/api/overview
func anthropic(token []byte) Result {
	for _, prefix := range []string{"sk-ant-api03-", "sk-ant-admin01-"} {
		if body, ok := bytes.CutPrefix(token, []byte(prefix)); ok {
			return of(len(body) == 95 && body[93] == 'A' && body[94] == 'A')
		}
	}
	return Unknown
}

// discord checks that the first of the last three segments is the base64 of a
// decimal snowflake; what stands before the token in the match does not count.
// https://docs.discord.com/developers/reference#authentication
func discord(token []byte) Result {
	third := bytes.LastIndexByte(token, '.')
	if third < 0 {
		return Unknown
	}
	second := bytes.LastIndexByte(token[:third], '.')
	if second < 0 {
		return Unknown
	}
	start := second
	for start > 0 && sextet[token[start-1]] != 255 {
		start--
	}
	var buf [32]byte
	id := decode64(buf[:0], token[start:second])
	return of(len(id) >= 17 && len(id) <= 20 && digits(id))
}

// jfrogReference checks reference tokens: base64 of "reftkn:01:", ten digits, ":" and 21 characters.
// https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
func jfrogReference(token []byte) Result {
	var buf [24]byte
	text := decode64(buf[:0], token)
	return of(len(text) > 20 && string(text[:10]) == "reftkn:01:" && digits(text[10:20]) && text[20] == ':')
}

// slack passes tokens of the documented forms: numeric team and user ids and
// a tail of 24 alphanumerics (bot) or 32 hex digits (user). Slack says that
// lengths may change, so nothing fails. https://docs.slack.dev/authentication/tokens
func slack(token []byte) Result {
	dash := bytes.IndexByte(token, '-')
	if dash < 0 {
		return Unknown
	}
	rest := token[dash+1:]
	ids := 0
	for {
		dash = bytes.IndexByte(rest, '-')
		if dash < 0 {
			break
		}
		if dash < 9 || dash > 15 || !digits(rest[:dash]) {
			return Unknown
		}
		rest = rest[dash+1:]
		ids++
	}
	if ids == 2 && len(rest) == 24 || ids == 3 && len(rest) == 32 {
		return Passed
	}
	return Unknown
}

// stripe passes keys of the known forms: 24 characters, or those that begin
// with the account's 51. Stripe does not document more, so nothing fails.
// https://docs.stripe.com/keys
func stripe(token []byte) Result {
	body := token[bytes.LastIndexByte(token, '_')+1:]
	if len(body) == 24 || len(body) >= 90 && body[0] == '5' {
		return Passed
	}
	return Unknown
}

// digits says whether text is a decimal number without leading zero.
func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && text[0] != '0'
}
