package join

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// lastIndex is bytes.LastIndex, which is slow where sep does not stand: pieces
// are searched forwards for that.
func lastIndex(b, sep []byte) int {
	const piece = 4 << 10
	for end := len(b); end > 0; end -= piece {
		from := max(0, end-piece)
		if part := b[from:min(len(b), end+len(sep)-1)]; bytes.Contains(part, sep) {
			return from + bytes.LastIndex(part, sep)
		}
	}
	return -1
}

// lastByte is bytes.LastIndexByte, eight bytes at a time.
func lastByte(b []byte, c byte) int {
	const each = 0x0101010101010101
	end := len(b)
	for ; end >= 8; end -= 8 {
		v := binary.LittleEndian.Uint64(b[end-8:]) ^ each*uint64(c)
		// The sum of a byte without its highest bit and 0x7f stays within the byte.
		if zero := ^(v&(each*0x7f) + each*0x7f | v) & (each * 0x80); zero != 0 {
			return end - 1 - bits.LeadingZeros64(zero)/8
		}
	}
	return bytes.LastIndexByte(b[:end], c)
}
