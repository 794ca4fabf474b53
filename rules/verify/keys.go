package verify

import (
	"bytes"
	"crypto/sha256"
	"strings"
)

// pemBody checks that the first bytes of a PEM block are a DER SEQUENCE, an
// OpenSSH key or an OpenPGP packet, whatever stands between its lines. Blocks
// with headers (Proc-Type) hold cipher text and are Unknown.
// RFC 7468, RFC 4880 section 4.2
func pemBody(token []byte) Result {
	at := bytes.Index(token, []byte("KEY"))
	if at < 0 {
		return Unknown
	}
	if bytes.Contains(token, []byte("Proc-Type")) || bytes.Contains(token, []byte("Comment:")) {
		return Unknown
	}
	body := bytes.TrimLeft(bytes.TrimPrefix(token[at+3:], []byte(" BLOCK")), "- ")
	for {
		n := separator(body)
		if n == 0 {
			break
		}
		body = body[n:]
	}
	var buf [14]byte
	head := decode64(buf[:0], body)
	if len(head) < 6 {
		return Unknown
	}
	return of(head[0] == 0x30 || string(head[:6]) == "openss" || head[0]&0xc0 == 0x80 || head[0] == 0xc5)
}

// separator is the length of the line end, escaped or not, or of the
// indentation that text begins with; 0 if it begins with anything else.
func separator(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case text[0] == '\\':
		n := 1
		for n < len(text) && text[n] == '\\' {
			n++
		}
		if n < len(text) && (text[n] == 'n' || text[n] == 'r' || text[n] == 't') {
			return n + 1
		}
		if bytes.HasPrefix(text[n:], []byte("u000")) && len(text) > n+5 {
			return n + 5
		}
		return 0
	case strings.IndexByte(" \t\r\n|", text[0]) >= 0:
		if len(text) > 1 && text[0] == '\n' && text[1] == '+' {
			return 2
		}
		return 1
	case text[0] >= '0' && text[0] <= '9':
		n := 1
		for n < len(text) && n < 6 && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		if n < len(text) && strings.IndexByte("\t |:", text[n]) >= 0 {
			return n + 1
		}
	}
	return 0
}

// bech32Letters are the characters of BIP-173 by value.
const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 checks the checksum of BIP-173 over a token in one case, as age's
// AGE-SECRET-KEY-1. https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
func bech32(token []byte) Result {
	one := bytes.LastIndexByte(token, '1')
	if one < 1 || len(token)-one < 8 || len(token) > 1024 {
		return Unknown
	}
	chk := uint32(1)
	for _, c := range token[:one] {
		chk = bech32Step(chk, lower(c)>>5)
	}
	chk = bech32Step(chk, 0)
	for _, c := range token[:one] {
		chk = bech32Step(chk, lower(c)&31)
	}
	for _, c := range token[one+1:] {
		v := strings.IndexByte(bech32Letters, lower(c))
		if v < 0 {
			return Failed
		}
		chk = bech32Step(chk, byte(v))
	}
	return of(chk == 1)
}

func bech32Step(chk uint32, v byte) uint32 {
	top := chk >> 25
	chk = chk&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			chk ^= g
		}
	}
	return chk
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

const base58Letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// wif checks a Bitcoin private key in wallet import format: base58 whose last
// four bytes begin the double SHA-256 of the rest.
// https://en.bitcoin.it/wiki/Wallet_import_format
func wif(token []byte) Result {
	if len(token) < 51 || len(token) > 52 {
		return Unknown
	}
	var raw [38]byte // 52 characters are at most 38.1 bytes: version, key, flag, sum
	for _, c := range token {
		carry := strings.IndexByte(base58Letters, c)
		if carry < 0 {
			return Failed
		}
		for i := len(raw) - 1; i >= 0; i-- {
			carry += 58 * int(raw[i])
			raw[i] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return Failed
		}
	}
	n := bytes.IndexByte(raw[:], 0x80)
	if n < 0 || len(raw)-n < 37 {
		return Failed
	}
	sum := sha256.Sum256(raw[n : len(raw)-4])
	sum = sha256.Sum256(sum[:])
	return of(bytes.Equal(sum[:4], raw[len(raw)-4:]))
}
