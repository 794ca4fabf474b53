package unseal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// Opener opens many payloads: it works out each capsule once. An item's
// patches share the capsules of the batches they came in. It is not safe for
// concurrent use and not to be kept: it has data keys.
type Opener struct {
	keys *Keyring
	max  uint64
	open map[string]*hpke.Recipient // by Enc; at most maxRecipients
}

// maxRecipients bounds what an opener remembers.
const maxRecipients = 256

// Opener returns an opener that refuses plaintexts of more than limit bytes
// before it makes room for them; 0 is envelope.MaxPlain.
func (k *Keyring) Opener(limit int64) *Opener {
	if limit <= 0 || limit > envelope.MaxPlain {
		limit = envelope.MaxPlain
	}
	return &Opener{keys: k, max: uint64(limit), open: map[string]*hpke.Recipient{}}
}

// Format implements fmt.Formatter: data keys do not print.
func (o *Opener) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "opener of %d capsules", len(o.open))
}

// Open is Keyring.Open.
func (o *Opener) Open(c envelope.Capsule, b envelope.Binding, chunks [][]byte) ([]byte, error) {
	first, aead, data, err := o.start(c, b, chunks)
	if err != nil {
		return nil, fmt.Errorf("opening a %v: %w", b.Part, err)
	}
	frame, err := openChunks(first, aead, data, chunks)
	if err != nil {
		return nil, fmt.Errorf("opening a %v: %w: %w", b.Part, ErrDamaged, err)
	}
	plain, err := o.unpack(frame)
	if err != nil {
		return nil, fmt.Errorf("opening a %v: %w", b.Part, err)
	}
	return plain, nil
}

// OpenPacked is Keyring.OpenPacked.
func (o *Opener) OpenPacked(b envelope.Binding, packed []byte) ([]byte, error) {
	var c envelope.Capsule
	chunks, err := c.ParsePacked(packed)
	if err != nil {
		return nil, fmt.Errorf("opening a %v: %w: %w", b.Part, ErrDamaged, err)
	}
	return o.Open(c, b, chunks)
}

// start checks the first chunk's commitment and returns what opens all of them.
func (o *Opener) start(c envelope.Capsule, b envelope.Binding, chunks [][]byte) (h envelope.Header, aead cipher.AEAD, data [32]byte, err error) {
	if data, err = b.Context(c.Key); err != nil {
		return h, nil, data, err
	}
	if len(chunks) == 0 {
		return h, nil, data, fmt.Errorf("%w: there are no chunks", ErrDamaged)
	}
	if _, err = h.Parse(chunks[0]); err != nil {
		return h, nil, data, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	recipient, err := o.recipient(c)
	if err != nil {
		return h, nil, data, err
	}
	secret, err := recipient.Export(b.Part.Exporter(), 32)
	if err != nil {
		return h, nil, data, err
	}
	okm, err := hkdf.Key(sha256.New, secret, h.Salt[:], envelope.Label+" payload"+string(data[:]), 64)
	if err != nil {
		return h, nil, data, err
	}
	if subtle.ConstantTimeCompare(okm[32:], h.Commitment[:]) != 1 {
		return h, nil, data, fmt.Errorf("%w: it was sealed with another capsule, or for another part, item, trace, span or policy", ErrDamaged)
	}
	block, err := aes.NewCipher(okm[:32])
	if err != nil {
		return h, nil, data, err
	}
	aead, err = cipher.NewGCM(block)
	return h, aead, data, err
}

// recipient turns a capsule into its secrets.
func (o *Opener) recipient(c envelope.Capsule) (*hpke.Recipient, error) {
	key, ok := o.keys.key(c.Key)
	if !ok {
		return nil, fmt.Errorf("%w: key %v", ErrNoKey, c.Key)
	}
	name := c.Key.String() + string(c.Enc)
	if r := o.open[name]; r != nil {
		return r, nil
	}
	r, err := hpke.NewRecipient(c.Enc, key.HPKE(), hpke.HKDFSHA256(), hpke.ExportOnly(), []byte(envelope.Label))
	if err != nil {
		return nil, fmt.Errorf("%w: the capsule: %w", ErrDamaged, err)
	}
	if len(o.open) >= maxRecipients {
		clear(o.open)
	}
	o.open[name] = r
	return r, nil
}

// openChunks opens the pieces of a frame, each of which must be the one that
// belongs there.
func openChunks(first envelope.Header, aead cipher.AEAD, data [32]byte, chunks [][]byte) ([]byte, error) {
	if int64(first.Count) != int64(len(chunks)) {
		return nil, fmt.Errorf("%d chunks of %d", len(chunks), first.Count)
	}
	size := 0
	for _, chunk := range chunks {
		size += len(chunk)
	}
	frame := make([]byte, 0, size)
	for i, chunk := range chunks {
		var h envelope.Header
		sealed, err := h.Parse(chunk)
		if err != nil {
			return nil, err
		}
		want := first
		want.Index = uint32(i) //nolint:gosec // less than Count
		if h != want {
			return nil, fmt.Errorf("chunk %d is another one", i)
		}
		if i < len(chunks)-1 && len(sealed) != envelope.Piece+aead.Overhead() {
			return nil, fmt.Errorf("chunk %d is not full", i)
		}
		additional := append(h.Append(nil), data[:]...)
		if frame, err = aead.Open(frame, h.Nonce(), sealed, additional); err != nil {
			return nil, fmt.Errorf("chunk %d is not authentic", i)
		}
	}
	return frame, nil
}

// decoder decompresses views. DecodeAll may be called by many at once. It
// writes no more than what it is given room for.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic("unseal: the options of zstd are wrong: " + err.Error())
	}
	return d
})

const maxWindow = 8 << 20

// unpack removes padding and compression. The frame is authentic, which says
// only that somebody with the public key made it.
func (o *Opener) unpack(frame []byte) ([]byte, error) {
	var f envelope.Frame
	if err := f.Parse(frame); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if f.Plain > o.max {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrDamaged, f.Plain, o.max)
	}
	if !f.Zstd {
		return f.Body, nil
	}
	plain, err := decoder().DecodeAll(f.Body, make([]byte, 0, f.Plain))
	if err != nil || uint64(len(plain)) != f.Plain {
		return nil, fmt.Errorf("%w: the body cannot be decompressed", ErrDamaged)
	}
	return plain, nil
}
