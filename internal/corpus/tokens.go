package corpus

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
)

// jwt makes an HS256 token whose payload takes a name and a time.
func jwt(r *rand.Rand, payload string) string {
	enc := base64.RawURLEncoding
	claims := fmt.Sprintf(payload, expand(r, "{hex:6}"), 1746000000+r.IntN(1e6))
	body := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, randomBytes(r, 32))
	mac.Write([]byte(body))
	return body + "." + enc.EncodeToString(mac.Sum(nil))
}

// discordToken is a bot id in base64, a time and a signature.
func discordToken(r *rand.Rand) string {
	id := base64.RawStdEncoding.EncodeToString([]byte(expand(r, "7{digits:17}")))
	return id + expand(r, ".{alnum:6}.{b64url:37}{alnum:1}")
}

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// ageSecretKey is bech32 (BIP-173) with its checksum, in upper case.
func ageSecretKey(r *rand.Rand) string {
	const hrp = "age-secret-key-"
	data := make([]byte, 52) // 32 bytes in groups of five bits
	for i := range data {
		data[i] = byte(r.IntN(32))
	}
	data[51] &= 0x10 // 52 groups hold 260 bits, the last four are padding
	var all []byte
	for _, c := range []byte(hrp) {
		all = append(all, c>>5)
	}
	all = append(all, 0)
	for _, c := range []byte(hrp) {
		all = append(all, c&31)
	}
	sum := bech32Polymod(append(append(all, data...), make([]byte, 6)...)) ^ 1
	for i := range 6 {
		data = append(data, byte(sum>>(5*(5-i)))&31)
	}
	var b strings.Builder
	for _, d := range data {
		b.WriteByte(bech32Alphabet[d])
	}
	return strings.ToUpper(hrp + "1" + b.String())
}

func bech32Polymod(values []byte) uint32 {
	gen := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	chk := uint32(1)
	for _, v := range values {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range gen {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	return chk
}

// bip39A are the first words of BIP-39's English list in its order, so that
// the index of a word is its value.
var bip39A = strings.Fields(`abandon ability able about above absent absorb abstract absurd abuse access accident
account accuse achieve acid acoustic acquire across act action actor actress actual adapt add addict address
adjust admit adult advance advice aerobic affair afford afraid again age agent agree ahead aim air airport aisle
alarm album alcohol alert alien all alley allow almost alone alpha already also alter always amateur amazing
among amount amused analyst anchor ancient anger angle angry animal ankle announce annual another answer antenna
antique anxiety any apart apology appear apple approve april arch arctic area arena argue arm armed armor army
around arrange arrest arrive arrow art artefact artist artwork`)

// seedPhrase is twelve words with a valid checksum: eleven random ones and a
// last one that fits (seven bits of entropy, four of checksum).
func seedPhrase(r *rand.Rand) string {
	for {
		var idx []int
		for range 11 {
			idx = append(idx, r.IntN(len(bip39A)))
		}
		for last := range bip39A {
			if bip39Valid(append(idx[:11:11], last)) {
				var w []string
				for _, i := range append(idx, last) {
					w = append(w, bip39A[i])
				}
				return strings.Join(w, " ")
			}
		}
	}
}

func bip39Valid(idx []int) bool {
	entropy, bit := make([]byte, 17), 0
	for _, x := range idx {
		for i := 10; i >= 0; i-- {
			entropy[bit/8] |= byte(x>>i&1) << (7 - bit%8)
			bit++
		}
	}
	sum := sha256.Sum256(entropy[:16])
	return sum[0]>>4 == entropy[16]>>4
}

// pngWith is a small image of noise, with a text chunk if there is a text.
func pngWith(r *rand.Rand, text string) string {
	img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	copy(img.Pix, randomBytes(r, len(img.Pix)))
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("encoding an image into memory: " + err.Error())
	}
	out := b.String()
	if text == "" {
		return out
	}
	const afterHeader = 8 + 4 + 4 + 13 + 4 // signature and IHDR chunk
	chunk := "tEXtComment\x00uploaded with " + text
	head := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4))
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(chunk)))
	return out[:afterHeader] + string(head) + chunk + string(sum) + out[afterHeader:]
}
