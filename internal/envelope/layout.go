package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// The first four bytes of what is stored: what it is, and the version.
const (
	capsuleMagic = "tsk\x01"
	chunkMagic   = "tsc\x01"
)

const (
	encSize     = 1120 // ML-KEM-768 ciphertext and X25519 share
	capsuleSize = len(capsuleMagic) + 8 + encSize
	headerSize  = len(chunkMagic) + 1 + 4 + 4 + 16 + 32
	tagSize     = 16
	frameSize   = 1 + 8 + 8
	minPadded   = 1 << 10
	maxRatio    = 128 << 10 / 4 // zstd: four bytes of input are one block of at most 128 KiB
)

// Capsule is what the holder of a private key turns into the data keys of an
// item: an HPKE encapsulation. Without it nobody can open the item.
type Capsule struct {
	Key KeyID  // whose private key opens it
	Enc []byte // 1120 bytes
}

// Append appends the encoding of the capsule to dst.
func (c Capsule) Append(dst []byte) []byte {
	dst = append(dst, capsuleMagic...)
	dst = append(dst, c.Key[:]...)
	return append(dst, c.Enc...)
}

// Parse reads a capsule that begins b and returns what stands behind it. The
// capsule shares b's memory.
func (c *Capsule) Parse(b []byte) (rest []byte, err error) {
	if len(b) < capsuleSize {
		return nil, fmt.Errorf("capsule: %d bytes of at least %d", len(b), capsuleSize)
	}
	if string(b[:4]) != capsuleMagic {
		return nil, errors.New("capsule: it does not begin as a capsule of version 1")
	}
	copy(c.Key[:], b[4:])
	c.Enc = b[12:capsuleSize:capsuleSize]
	return b[capsuleSize:], nil
}

// AppendPacked appends a capsule and the chunks sealed under it to dst.
func (c Capsule) AppendPacked(dst []byte, chunks [][]byte) []byte {
	dst = c.Append(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(chunks))) //nolint:gosec // at most MaxPlain/Piece
	for _, chunk := range chunks {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(chunk))) //nolint:gosec // at most 900 KiB
		dst = append(dst, chunk...)
	}
	return dst
}

// ParsePacked reads what AppendPacked wrote, all of b. Capsule and chunks
// share b's memory.
func (c *Capsule) ParsePacked(b []byte) (chunks [][]byte, err error) {
	b, err = c.Parse(b)
	if err != nil {
		return nil, err
	}
	if len(b) < 4 {
		return nil, errors.New("packed: it ends before the number of chunks")
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if uint64(n) > uint64(len(b)/4) { // a number alone must not make us allocate
		return nil, fmt.Errorf("packed: %d chunks in %d bytes", n, len(b))
	}
	chunks = make([][]byte, 0, n)
	for i := range n {
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, fmt.Errorf("packed: it ends within chunk %d", i)
		}
		size := 4 + int(binary.BigEndian.Uint32(b))
		chunks = append(chunks, b[4:size:size])
		b = b[size:]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("packed: %d bytes too many", len(b))
	}
	return chunks, nil
}

// Header begins every chunk, in the clear and authenticated. All chunks of a
// payload have the same one but for Index.
type Header struct {
	Part         Part
	Index, Count uint32
	Salt         [16]byte // of the payload's key; random
	Commitment   [32]byte // to the key and what it is bound to
}

// Append appends the encoding of the header to dst.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, chunkMagic...)
	dst = append(dst, byte(h.Part))
	dst = binary.BigEndian.AppendUint32(dst, h.Index)
	dst = binary.BigEndian.AppendUint32(dst, h.Count)
	dst = append(dst, h.Salt[:]...)
	return append(dst, h.Commitment[:]...)
}

// Parse reads the header of a chunk and returns the ciphertext behind it,
// which shares the chunk's memory. Whether the chunk belongs where it stands
// is not asked here.
func (h *Header) Parse(chunk []byte) (sealed []byte, err error) {
	switch {
	case len(chunk) < headerSize+tagSize+1:
		return nil, fmt.Errorf("chunk: %d bytes of at least %d", len(chunk), headerSize+tagSize+1)
	case len(chunk) > headerSize+tagSize+Piece:
		return nil, fmt.Errorf("chunk: %d bytes of at most %d", len(chunk), headerSize+tagSize+Piece)
	case string(chunk[:4]) != chunkMagic:
		return nil, errors.New("chunk: it does not begin as a chunk of version 1")
	}
	h.Part = Part(chunk[4])
	h.Index = binary.BigEndian.Uint32(chunk[5:])
	h.Count = binary.BigEndian.Uint32(chunk[9:])
	copy(h.Salt[:], chunk[13:])
	copy(h.Commitment[:], chunk[29:])
	switch {
	case h.Part < View || h.Part > Patch:
		return nil, fmt.Errorf("chunk: unknown part %d", uint8(h.Part))
	case h.Index >= h.Count:
		return nil, fmt.Errorf("chunk: number %d of %d", h.Index, h.Count)
	}
	return chunk[headerSize:], nil
}

// Nonce returns the nonce of the chunk: its number and whether it is the last.
// Every payload has a key of its own, so numbers are enough.
func (h Header) Nonce() []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint32(nonce[7:], h.Index)
	if h.Index == h.Count-1 {
		nonce[11] = 1
	}
	return nonce
}

// Frame is what is cut into pieces and sealed: the body and, behind it, zeros
// that hide its length.
type Frame struct {
	Zstd  bool   // Body is the plaintext as one zstd frame, else as it is
	Plain uint64 // the length of the plaintext
	Body  []byte
}

// Encode returns the padded frame.
func (f Frame) Encode() []byte {
	b := make([]byte, padded(frameSize+len(f.Body)))
	if f.Zstd {
		b[0] = 1
	}
	binary.BigEndian.PutUint64(b[1:], f.Plain)
	binary.BigEndian.PutUint64(b[9:], uint64(len(f.Body)))
	copy(b[frameSize:], f.Body)
	return b
}

// Parse reads what Encode wrote. Body shares b's memory. The length of the
// plaintext is one that the body can have.
func (f *Frame) Parse(b []byte) error {
	if len(b) < minPadded {
		return fmt.Errorf("frame: %d bytes of at least %d", len(b), minPadded)
	}
	size := binary.BigEndian.Uint64(b[9:])
	if size > uint64(len(b)-frameSize) {
		return errors.New("frame: the body is longer than the frame")
	}
	end := frameSize + int(size)
	if len(b) != padded(end) {
		return errors.New("frame: its length is not that of its padding")
	}
	for _, c := range b[end:] {
		if c != 0 {
			return errors.New("frame: the padding is not zeros")
		}
	}
	f.Zstd, f.Plain, f.Body = b[0] == 1, binary.BigEndian.Uint64(b[1:]), b[frameSize:end:end]
	switch {
	case b[0] > 1:
		return fmt.Errorf("frame: unknown compression %d", b[0])
	case !f.Zstd && f.Plain != size, f.Zstd && f.Plain/maxRatio > size:
		return errors.New("frame: the body cannot have so long a plaintext")
	}
	return nil
}

// padded is n rounded up as Padmé does (Nikitin et al. 2019): at most 12 %
// more, and of all lengths up to n only O(log log n) bits remain visible.
func padded(n int) int {
	if n <= minPadded {
		return minPadded
	}
	e := bits.Len(uint(n)) - 1
	low := e - bits.Len(uint(e))
	mask := 1<<low - 1
	return (n + mask) &^ mask
}
