package verify

import (
	"bytes"
	"hash/crc32"
)

// githubCRC32 checks ghp_, gho_, ghu_, ghs_, ghr_ and npm_ tokens: 30
// characters and six base62 digits of their CRC-32. Longer ones (ghs_ and
// ghr_ exist in other forms) are Unknown.
// https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
func githubCRC32(token []byte) Result {
	body := token[bytes.LastIndexByte(token, '_')+1:]
	if len(body) != 36 {
		return Unknown
	}
	sum, ok := base62(body[30:])
	return of(ok && sum == uint64(crc32.ChecksumIEEE(body[:30])))
}

// base62 reads digits, upper and lower case letters, in that order of value.
func base62(digits []byte) (uint64, bool) {
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
