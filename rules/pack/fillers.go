package pack

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/big"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/rules/verify"
)

const (
	digit   = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62  = digit + upper + lower
	base58  = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	bech32  = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	base32s = upper + "234567"
)

// alphabets are the names that may stand after the * of a random run.
var alphabets = map[string]string{
	"digit": digit, "lower": lower, "upper": upper, "alpha": upper + lower,
	"alnum": base62, "base62": base62, "base36": digit + lower, "BASE36": digit + upper,
	"hex": digit + "abcdef", "HEX": digit + "ABCDEF", "Hex": digit + "abcdefABCDEF",
	"base32": base32s, "base32lower": lower + "234567", "base58": base58,
	"base64": base62 + "+/", "base64url": base62 + "-_",
	"bech32": bech32, "BECH32": strings.ToUpper(bech32), "crypt": base62 + "./",
	"password": base62 + "!#*+-._~", "words": "",
}

// plainWords make prose: none is the name of a credential.
var plainWords = strings.Fields(`the quick report covers seven regions and lists every order
that was late by more than two days please check each line before noon`)

// encoders append the encoded form of a text.
var encoders = map[string]func(dst, src []byte) []byte{
	"base64":    base64.StdEncoding.AppendEncode,
	"base64url": base64.RawURLEncoding.AppendEncode,
	"hex":       hex.AppendEncode,
	"percent":   func(dst, src []byte) []byte { return append(dst, url.QueryEscape(string(src))...) },
	"json": func(dst, src []byte) []byte {
		quoted, _ := json.Marshal(string(src)) // a string always marshals
		return append(dst, quoted[1:len(quoted)-1]...)
	},
}

// generators make what is more than a run of one alphabet.
var generators = map[string]func(rng *rand.Rand, arg string) string{
	"uuid":       func(rng *rand.Rand, _ string) string { return uuid(rng) },
	"jwt":        jwt,
	"jwe":        func(rng *rand.Rand, _ string) string { return jwe(rng) },
	"aws-key-id": func(rng *rand.Rand, _ string) string { return awsKeyID(rng) },
	"nkey":       nkey,
	"bip39":      bip39,
	"wif":        func(rng *rand.Rand, _ string) string { return wif(rng) },
}

// checksums compute what follows a token from the token so far.
var checksums = map[string]func(token []byte) []byte{
	// GitHub's scheme, npm's too: CRC-32 of what stands after the prefix, six base62 digits.
	"github-crc32": func(t []byte) []byte { return base62CRC(afterLast(t, '_')) },
	// The same length and CRC tail on every GitLab token that names its route.
	"gitlab-routable": gitlabTail,
	// Eight hex digits of the CRC-32 of the secret part between the underscores.
	"crc32-hex": func(t []byte) []byte {
		return fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(afterLast(t[:max(len(t)-1, 0)], '_')))
	},
	"atlassian-crc32": func(t []byte) []byte { return fmt.Appendf(nil, "=%08X", crc32.ChecksumIEEE(t)) },
	"bech32":          bech32Sum,
	"confluent-crc32": confluentSum,
}

// run draws n bytes uniformly from letters.
func run(rng *rand.Rand, letters string, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[rng.IntN(len(letters))]
	}
	return out
}

func words(rng *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = plainWords[rng.IntN(len(plainWords))]
	}
	return strings.Join(out, " ")
}

// spoil changes the last letter or digit of a checksum to another of its
// kind; never to 1, which has a meaning of its own in bech32.
func spoil(sum []byte) {
	for i := len(sum) - 1; i >= 0; i-- {
		switch c := sum[i]; {
		case c == '9':
			sum[i] = '8'
		case c == '0':
			sum[i] = '2'
		case c >= '1' && c < '9', c == 'a', c == 'A':
			sum[i]++
		case c > 'a' && c <= 'z', c > 'A' && c <= 'Z':
			sum[i] = c&0x20 | 'A'
		default:
			continue
		}
		return
	}
}

func afterLast(t []byte, sep byte) []byte {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i] == sep {
			return t[i+1:]
		}
	}
	return t
}

func base62CRC(body []byte) []byte {
	sum := crc32.ChecksumIEEE(body)
	out := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		out[i], sum = base62[sum%62], sum/62
	}
	return out
}

// gitlabTail makes ".01.", the length of the payload in two base36 digits and
// the CRC-32 of all before it in seven.
func gitlabTail(token []byte) []byte {
	payload := afterLast(token, '-')
	if t1 := strings.LastIndex(string(token), "-t1_"); t1 >= 0 {
		payload = token[t1+4:]
	}
	head := ".01." + pad(strconv.FormatInt(int64(len(payload)), 36), 2)
	sum := crc32.ChecksumIEEE([]byte(string(token) + head))
	return []byte(head + pad(strconv.FormatInt(int64(sum), 36), 7))
}

// confluentSum makes the base64 of the CRC-32, least byte first, of what
// follows the prefix cflt.
func confluentSum(token []byte) []byte {
	sum := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(token[min(4, len(token)):]))
	return []byte(base64.RawStdEncoding.EncodeToString(sum))
}

func pad(s string, width int) string {
	return strings.Repeat("0", max(width-len(s), 0)) + s
}

func uuid(rng *rand.Rand) string {
	h := string(run(rng, digit+"abcdef", 32))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-" + string("89ab"[rng.IntN(4)]) + h[17:20] + "-" + h[20:]
}

// jwt makes a signed token; arg, if any, is a claim such as "iss":"x".
func jwt(rng *rand.Rand, arg string) string {
	if arg == "" {
		arg = `"iss":"https://id.example.com"`
	}
	header := `{"alg":"HS256","typ":"JWT"}`
	claims := fmt.Sprintf(`{%s,"sub":"%s","exp":%d}`, arg, run(rng, base62, 12), 1700000000+rng.IntN(1e8))
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(claims)) + "." +
		string(run(rng, alphabets["base64url"], 43))
}

func jwe(rng *rand.Rand) string {
	letters := alphabets["base64url"]
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`))
	parts := []string{header}
	for _, n := range []int{342, 16, 80, 22} {
		parts = append(parts, string(run(rng, letters, n)))
	}
	return strings.Join(parts, ".")
}

// awsKeyID makes the 16 characters after the four letter prefix: base32 whose
// first six bytes hold a set bit, the account id and a bit of the rest.
func awsKeyID(rng *rand.Rand) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], 1<<63|rng.Uint64N(1e12)<<23|rng.Uint64N(1<<23))
	binary.BigEndian.PutUint16(raw[8:], uint16(rng.Uint32()))
	return base32.StdEncoding.EncodeToString(raw[:10])
}

// nkey makes a NATS seed of the type arg (a letter, default U): base32 of two
// prefix bytes, 32 random ones and their CRC-16.
func nkey(rng *rand.Rand, arg string) string {
	public := byte(20) // U
	if i := strings.IndexByte(base32s, (arg + "U")[0]); i >= 0 {
		public = byte(i)
	}
	raw := make([]byte, 34, 36)
	raw[0] = 18<<3 | public>>2 // 18 is S
	raw[1] = public << 6
	for i := range raw[2:] {
		raw[2+i] = byte(rng.Uint32())
	}
	crc := uint16(0) // CRC-16/XMODEM
	for _, b := range raw {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	raw = binary.LittleEndian.AppendUint16(raw, crc)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
}

// bip39 makes a seed phrase of 12 (default), 15, 18, 21 or 24 words.
func bip39(rng *rand.Rand, arg string) string {
	n, _ := strconv.Atoi(arg)
	entropy := make([]byte, max(4, min(8, n/3))*4)
	for i := range entropy {
		entropy[i] = byte(rng.Uint32())
	}
	return verify.Mnemonic(entropy)
}

// wif makes a Bitcoin private key in wallet import format: version, key, flag
// and four bytes of a double SHA-256 in base58.
func wif(rng *rand.Rand) string {
	raw := []byte{0x80}
	for range 32 {
		raw = append(raw, byte(rng.Uint32()))
	}
	raw = append(raw, 1)
	sum := sha256.Sum256(raw)
	sum = sha256.Sum256(sum[:])
	n := new(big.Int).SetBytes(append(raw, sum[:4]...))
	var out []byte
	for rest := new(big.Int); n.Sign() > 0; {
		n.DivMod(n, big.NewInt(58), rest)
		out = append([]byte{base58[rest.Int64()]}, out...)
	}
	return string(out)
}

// bech32Sum makes the six checksum characters of BIP-173 in the case of the token.
func bech32Sum(token []byte) []byte {
	s := strings.ToLower(string(token))
	hrp, data, _ := strings.Cut(s, "1")
	values := make([]byte, 0, 2*len(s))
	for i := 0; i < len(hrp); i++ {
		values = append(values, hrp[i]>>5)
	}
	values = append(values, 0)
	for i := 0; i < len(hrp); i++ {
		values = append(values, hrp[i]&31)
	}
	for i := 0; i < len(data); i++ {
		values = append(values, byte(max(strings.IndexByte(bech32, data[i]), 0)))
	}
	chk := uint32(1)
	for _, v := range append(values, 0, 0, 0, 0, 0, 0) {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	chk ^= 1
	out := make([]byte, 6)
	for i := range out {
		out[i] = bech32[chk>>(5*(5-i))&31]
	}
	if string(token) != s {
		out = []byte(strings.ToUpper(string(out)))
	}
	return out
}
