package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"
)

// githubCRC32 checks ghp_, gho_, ghu_, ghs_, ghr_ and npm_ tokens: 30
// characters and six base62 digits of their CRC-32. Longer ones (ghs_ and
// ghr_ exist in other forms) are Unknown.
// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
func githubCRC32(token []byte) Result {
	body := token[bytes.LastIndexByte(token, '_')+1:]
	if len(body) != 36 {
		return Unknown
	}
	sum, ok := number(body[30:], 62)
	return of(ok && sum == uint64(crc32.ChecksumIEEE(body[:30])))
}

// githubFineGrained checks the form of github_pat_ tokens only: 22 base62
// characters, an underscore and 59 more. How their tail is computed is not
// documented, so no token of another length is called Failed.
func githubFineGrained(token []byte) Result {
	body, ok := bytes.CutPrefix(token, []byte("github_pat_"))
	if ok && len(body) == 82 && body[22] == '_' {
		return Passed
	}
	return Unknown
}

// gitlabRoutable checks the tail of GitLab's routable tokens: the payload's
// length in two base36 digits and the CRC-32 of all before it in seven. Tokens
// without the tail (20 characters, the older form) are Unknown.
// https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
func gitlabRoutable(token []byte) Result {
	dot := bytes.LastIndexByte(token, '.')
	if dot < 0 || len(token)-dot != 10 {
		return Unknown
	}
	payload := bytes.TrimSuffix(token[:dot], []byte(".01"))
	length, ok := number(token[dot+1:dot+3], 36)
	sum, ok2 := number(token[dot+3:], 36)
	if !ok || !ok2 || sum != uint64(crc32.ChecksumIEEE(token[:dot+3])) {
		return Failed
	}
	return of(length > 0 && length < uint64(len(payload)))
}

// crc32Hex checks tokens of the form prefix_secret_XXXXXXXX, where the last
// eight hex digits are the CRC-32 of the secret. Whether the prefix counts
// differs between issuers, so either will do.
// https://grafana.com/docs/grafana/latest/administration/service-accounts/
func crc32Hex(token []byte) Result {
	last := bytes.LastIndexByte(token, '_')
	if last < 0 || len(token)-last != 9 {
		return Unknown
	}
	sum, ok := number(token[last+1:], 16)
	if !ok {
		return Failed
	}
	first := bytes.IndexByte(token, '_')
	for _, part := range [][]byte{token[min(first+1, last):last], token[:last], token[:last+1]} {
		if sum == uint64(crc32.ChecksumIEEE(part)) {
			return Passed
		}
	}
	return Failed
}

// atlassianCRC32 checks ATATT3xFfGF0 and ATCTT3xFfGN0 tokens: "=" and eight
// hex digits of the CRC-32 of everything before them.
// https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
func atlassianCRC32(token []byte) Result {
	eq := bytes.LastIndexByte(token, '=')
	if eq < 0 || len(token)-eq != 9 {
		return Unknown
	}
	sum, ok := number(token[eq+1:], 16)
	return of(ok && (sum == uint64(crc32.ChecksumIEEE(token[:eq])) || sum == uint64(crc32.ChecksumIEEE(token[:eq+1]))))
}

// confluentCRC32 checks API secrets with the cflt prefix: 54 characters and
// the base64 of their CRC-32, least byte first, in six.
// https://docs.confluent.io/cloud/current/client-apps/api-keys.html
func confluentCRC32(token []byte) Result {
	body, ok := bytes.CutPrefix(token, []byte("cflt"))
	if !ok || len(body) != 60 {
		return Unknown
	}
	var raw [4]byte
	var text [8]byte
	binary.LittleEndian.PutUint32(raw[:], crc32.ChecksumIEEE(body[:54]))
	base64.StdEncoding.Encode(text[:], raw[:])
	return of(bytes.Equal(text[:6], body[54:]))
}

// nkey checks NATS seeds and keys: base32 of prefix, key and CRC-16 (XMODEM,
// least byte first).
// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
func nkey(token []byte) Result {
	var raw [40]byte
	n := 0
	var acc, bits uint32
	for _, c := range token {
		v := base32Value(c)
		if v > 31 {
			return Failed
		}
		acc, bits = acc<<5|uint32(v), bits+5
		if bits >= 8 {
			if n == len(raw) {
				return Unknown
			}
			bits -= 8
			raw[n] = byte(acc >> bits)
			n++
		}
	}
	if n < 35 {
		return Unknown
	}
	crc := uint16(0)
	for _, b := range raw[:n-2] {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return of(uint16(raw[n-2])|uint16(raw[n-1])<<8 == crc)
}

// base32Value is the value of a base32 character, above 31 if it is none.
func base32Value(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A'
	case c >= '2' && c <= '7':
		return c - '2' + 26
	}
	return 255
}

// number reads digits in a base: of 16 in either case, of 36 in lower case, of
// 62 with upper before lower case.
func number(digits []byte, base uint64) (uint64, bool) {
	if base != 62 {
		n, err := strconv.ParseUint(string(digits), int(base), 64)
		return n, err == nil
	}
	var n uint64
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			n = n*62 + uint64(c-'0')
		case c >= 'A' && c <= 'Z':
			n = n*62 + uint64(c-'A') + 10
		case c >= 'a' && c <= 'z':
			n = n*62 + uint64(c-'a') + 36
		default:
			return 0, false
		}
	}
	return n, true
}
