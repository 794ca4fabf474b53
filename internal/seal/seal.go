// Package seal closes what is held, for a public key. It cannot open anything.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

// Sealer seals for the newest public key of a directory. It is immutable and
// safe for concurrent use; a new one is made to see new keys.
type Sealer struct{ key keyfiles.PublicKey }

// New reads the public keys in dir, or the one public key in the file dir.
func New(dir string) (*Sealer, error) { return newSealer(dir, time.Now()) }

func newSealer(dir string, now time.Time) (*Sealer, error) {
	keys, err := keyfiles.ReadPublic(dir)
	if err != nil {
		return nil, err
	}
	key, err := keyfiles.Sealing(keys, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Sealer{key}, nil
}

// Key returns the id of the key pair that is sealed for.
func (s *Sealer) Key() envelope.KeyID { return s.key.ID }

// Closer has the data keys of one capsule. It is not safe for concurrent use.
type Closer struct {
	capsule envelope.Capsule
	export  func(context string, length int) ([]byte, error)
	random  func(b []byte) // rand.Read but in tests
}

// Capsule makes a new capsule and what seals under it.
func (s *Sealer) Capsule() (envelope.Capsule, *Closer, error) {
	enc, sender, err := hpke.NewSender(s.key.Key, hpke.HKDFSHA256(), hpke.ExportOnly(), []byte(envelope.Label))
	if err != nil {
		return envelope.Capsule{}, nil, fmt.Errorf("encapsulating for key %v: %w", s.key.ID, err)
	}
	capsule := envelope.Capsule{Key: s.key.ID, Enc: enc}
	return capsule, &Closer{capsule: capsule, export: sender.Export, random: readRandom}, nil
}

func readRandom(b []byte) { _, _ = rand.Read(b) } // never fails

// Format implements fmt.Formatter: data keys do not print.
func (c *Closer) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "closer for key %v", c.capsule.Key)
}

// Close compresses, pads and seals plain, in chunks of at most 900 KiB each.
func (c *Closer) Close(b envelope.Binding, plain []byte) (chunks [][]byte, err error) {
	if len(plain) > envelope.MaxPlain {
		return nil, fmt.Errorf("sealing a %v: %d bytes, more than %d", b.Part, len(plain), envelope.MaxPlain)
	}
	header := envelope.Header{Part: b.Part}
	c.random(header.Salt[:])
	aead, context, err := c.key(b, &header)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	frame := frameOf(b.Part, plain)
	n := (len(frame) + envelope.Piece - 1) / envelope.Piece
	header.Count = uint32(n) //nolint:gosec // at most MaxPlain/Piece
	chunks = make([][]byte, 0, n)
	for i := range n {
		piece := frame[i*envelope.Piece : min((i+1)*envelope.Piece, len(frame))]
		header.Index = uint32(i) //nolint:gosec // less than n
		chunk := make([]byte, 0, len(piece)+128)
		chunk = header.Append(chunk)
		data := append(chunk[:len(chunk):len(chunk)], context[:]...)
		chunks = append(chunks, aead.Seal(chunk, header.Nonce(), piece, data))
	}
	return chunks, nil
}

// Packed seals plain as one byte string that has its capsule with it, as the
// attribute tracescrub.restore carries it. Many may be made with one Closer.
func (c *Closer) Packed(b envelope.Binding, plain []byte) ([]byte, error) {
	chunks, err := c.Close(b, plain)
	if err != nil {
		return nil, err
	}
	return c.capsule.AppendPacked(nil, chunks), nil
}

// key derives the key of one payload from the secret of its part, sets the
// commitment to it and returns what goes into the additional data.
func (c *Closer) key(b envelope.Binding, h *envelope.Header) (cipher.AEAD, [32]byte, error) {
	context, err := b.Context(c.capsule.Key)
	if err != nil {
		return nil, context, err
	}
	secret, err := c.export(b.Part.Exporter(), 32)
	if err != nil {
		return nil, context, err
	}
	okm, err := hkdf.Key(sha256.New, secret, h.Salt[:], envelope.Label+" payload"+string(context[:]), 64)
	if err != nil {
		return nil, context, err
	}
	copy(h.Commitment[:], okm[32:])
	block, err := aes.NewCipher(okm[:32])
	if err != nil {
		return nil, context, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, context, err
}

// encoder compresses views. EncodeAll may be called by many at once.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false))
	if err != nil {
		panic("seal: the options of zstd are wrong: " + err.Error())
	}
	return e
})

// frameOf compresses and pads. Only views are compressed: what a patch has is
// secrets beside text that an attacker may choose, whose compressed length
// would compare the two, and a list of patches is ciphertext.
func frameOf(part envelope.Part, plain []byte) []byte {
	f := envelope.Frame{Plain: uint64(len(plain)), Body: plain}
	if part == envelope.View && len(plain) > 0 {
		if body := encoder().EncodeAll(plain, nil); len(body) < len(plain) {
			f.Zstd, f.Body = true, body
		}
	}
	return f.Encode()
}
