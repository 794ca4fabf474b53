package verify

// sextet is the value of each base64 character of either alphabet, 255 of any other byte.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(letters) {
		t[letters[i]] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// decode64 appends to dst what text holds in base64 of either alphabet, up to
// dst's capacity or the first byte that is not base64. It never allocates.
func decode64(dst, text []byte) []byte {
	var acc, bits uint32
	for _, c := range text {
		v := sextet[c]
		if v == 255 || len(dst) == cap(dst) {
			break
		}
		acc, bits = acc<<6|uint32(v), bits+6
		if bits >= 8 {
			bits -= 8
			dst = append(dst, byte(acc>>bits))
		}
	}
	return dst
}

// printable says whether text looks like text: no control bytes but tab and line ends.
func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return len(text) > 0
}
