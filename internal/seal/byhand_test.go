package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// This file is docs/format/envelope.md a second time, from the document and
// the standards it names, with no code of this repository: X-Wing by ML-KEM
// and X25519, the key schedule of RFC 9180 by HMAC, STREAM by AES-GCM.

// word is what a seed of the test vectors is made of.
func word(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// hkdfExtract and hkdfExpand are RFC 5869 with SHA-256.
func hkdfExtract(salt, ikm []byte) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write(ikm)
	return m.Sum(nil)
}

func hkdfExpand(prk, info []byte, n int) []byte {
	var out, block []byte
	for i := byte(1); len(out) < n; i++ {
		m := hmac.New(sha256.New, prk)
		m.Write(block)
		m.Write(info)
		m.Write([]byte{i})
		block = m.Sum(nil)
		out = append(out, block...)
	}
	return out[:n]
}

// handKey is an X-Wing key pair.
type handKey struct {
	pq *mlkem.DecapsulationKey768
	x  *ecdh.PrivateKey
}

func newHandKey(seed []byte) (handKey, error) {
	shake := sha3.NewSHAKE256()
	_, _ = shake.Write(seed)
	var expanded [96]byte
	_, _ = shake.Read(expanded[:])
	pq, err := mlkem.NewDecapsulationKey768(expanded[:64])
	if err != nil {
		return handKey{}, err
	}
	x, err := ecdh.X25519().NewPrivateKey(expanded[64:])
	return handKey{pq, x}, err
}

func (k handKey) public() []byte {
	return append(k.pq.EncapsulationKey().Bytes(), k.x.PublicKey().Bytes()...)
}

func (k handKey) id() []byte {
	sum := sha256.Sum256(k.public())
	return sum[:8]
}

// combine is the combiner of X-Wing.
func (k handKey) combine(ssPQ, ssX, ctX []byte) []byte {
	all := bytes.Join([][]byte{ssPQ, ssX, ctX, k.x.PublicKey().Bytes(), []byte(`\.//^\`)}, nil)
	sum := sha3.Sum256(all)
	return sum[:]
}

// encapsulate is X-Wing's with its randomness given.
func (k handKey) encapsulate(seedPQ, seedX []byte) (shared, enc []byte, err error) {
	ssPQ, ctPQ, err := mlkemtest.Encapsulate768(k.pq.EncapsulationKey(), seedPQ)
	if err != nil {
		return nil, nil, err
	}
	e, err := ecdh.X25519().NewPrivateKey(seedX)
	if err != nil {
		return nil, nil, err
	}
	ssX, err := e.ECDH(k.x.PublicKey())
	if err != nil {
		return nil, nil, err
	}
	ctX := e.PublicKey().Bytes()
	return k.combine(ssPQ, ssX, ctX), append(ctPQ, ctX...), nil
}

func (k handKey) decapsulate(enc []byte) ([]byte, error) {
	if len(enc) != 1120 {
		return nil, errors.New("enc has not 1120 bytes")
	}
	ssPQ, err := k.pq.Decapsulate(enc[:1088])
	if err != nil {
		return nil, err
	}
	e, err := ecdh.X25519().NewPublicKey(enc[1088:])
	if err != nil {
		return nil, err
	}
	ssX, err := k.x.ECDH(e)
	if err != nil {
		return nil, err
	}
	return k.combine(ssPQ, ssX, enc[1088:]), nil
}

// handExport is RFC 9180, sections 5.1 and 5.3: base mode, KEM 0x647a,
// HKDF-SHA256, export only.
func handExport(shared []byte, context string) []byte {
	suite := []byte{'H', 'P', 'K', 'E', 0x64, 0x7a, 0x00, 0x01, 0xff, 0xff}
	extract := func(salt []byte, label string, ikm []byte) []byte {
		return hkdfExtract(salt, bytes.Join([][]byte{[]byte("HPKE-v1"), suite, []byte(label), ikm}, nil))
	}
	expand := func(prk []byte, label string, info []byte) []byte {
		return hkdfExpand(prk, bytes.Join([][]byte{{0, 32}, []byte("HPKE-v1"), suite, []byte(label), info}, nil), 32)
	}
	schedule := []byte{0}
	schedule = append(schedule, extract(nil, "psk_id_hash", nil)...)
	schedule = append(schedule, extract(nil, "info_hash", []byte("tracescrub envelope 1"))...)
	secret := extract(shared, "secret", nil)
	return expand(expand(secret, "exp", schedule), "sec", []byte(context))
}

// handPlace is what a payload is bound to.
type handPlace struct {
	part              byte
	signal            string
	item, trace, span []byte
	policy            string
}

var handParts = []string{1: "view", 2: "restore", 3: "patch"}

func (p handPlace) context(keyID []byte) []byte {
	length := func(s string) []byte { return binary.BigEndian.AppendUint32(nil, uint32(len(s))) }
	sum := sha256.Sum256(bytes.Join([][]byte{
		[]byte("tracescrub envelope 1 binding"), keyID,
		{p.part},
		length(p.signal), []byte(p.signal),
		p.item, p.trace, p.span, length(p.policy), []byte(p.policy),
	}, nil))
	return sum[:]
}

// handKeys are the key of a payload and the commitment to it.
func handKeys(shared, salt, context []byte, part byte) (key, commitment []byte) {
	secret := handExport(shared, "tracescrub envelope 1 "+handParts[part])
	okm := hkdfExpand(hkdfExtract(salt, secret), append([]byte("tracescrub envelope 1 payload"), context...), 64)
	return okm[:32], okm[32:]
}

// handPad is Padmé with at least 1 KiB.
func handPad(frame []byte) []byte {
	n := 1024
	if len(frame) > n {
		e, s := 0, 0
		for l := len(frame); l > 1; l /= 2 {
			e++
		}
		for l := e; l > 0; l /= 2 {
			s++
		}
		step := 1 << (e - s)
		n = (len(frame) + step - 1) / step * step
	}
	return append(frame, make([]byte, n-len(frame))...)
}

func handFrame(compression byte, plain, size uint64, body []byte) []byte {
	f := []byte{compression}
	f = binary.BigEndian.AppendUint64(f, plain)
	f = binary.BigEndian.AppendUint64(f, size)
	return append(f, body...)
}

const handPiece = 921472

func handAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func handHeader(part byte, i, n int, salt, commitment []byte) []byte {
	h := append([]byte("tsc\x01"), part)
	h = binary.BigEndian.AppendUint32(h, uint32(i))
	h = binary.BigEndian.AppendUint32(h, uint32(n))
	h = append(h, salt...)
	return append(h, commitment...)
}

func handNonce(i, n int) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint32(nonce[7:11], uint32(i))
	if i == n-1 {
		nonce[11] = 1
	}
	return nonce
}

// handSeal seals a frame that has its padding. flip changes the commitment;
// pieces are cut at size.
func handSeal(shared, salt, keyID []byte, p handPlace, frame []byte, flip byte, size int) (chunks [][]byte, err error) {
	context := p.context(keyID)
	key, commitment := handKeys(shared, salt, context, p.part)
	commitment[0] ^= flip
	aead, err := handAEAD(key)
	if err != nil {
		return nil, err
	}
	n := (len(frame) + size - 1) / size
	for i := range n {
		piece := frame[i*size : min(len(frame), (i+1)*size)]
		header := handHeader(p.part, i, n, salt, commitment)
		data := append(bytes.Clone(header), context...)
		chunks = append(chunks, aead.Seal(header, handNonce(i, n), piece, data))
	}
	return chunks, nil
}

// handOpen opens what was sealed: the second reader of the format.
func handOpen(k handKey, enc []byte, p handPlace, chunks [][]byte) ([]byte, error) {
	shared, err := k.decapsulate(enc)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 || len(chunks[0]) < 61 {
		return nil, errors.New("no chunk")
	}
	salt, context := chunks[0][13:29], p.context(k.id())
	key, commitment := handKeys(shared, salt, context, p.part)
	if !hmac.Equal(commitment, chunks[0][29:61]) {
		return nil, errors.New("commitment")
	}
	aead, err := handAEAD(key)
	if err != nil {
		return nil, err
	}
	var frame []byte
	for i, chunk := range chunks {
		header := handHeader(p.part, i, len(chunks), salt, commitment)
		if !bytes.HasPrefix(chunk, header) {
			return nil, fmt.Errorf("header of chunk %d", i)
		}
		if i < len(chunks)-1 && len(chunk) != 61+handPiece+16 {
			return nil, fmt.Errorf("size of chunk %d", i)
		}
		piece, err := aead.Open(nil, handNonce(i, len(chunks)), chunk[61:], append(bytes.Clone(header), context...))
		if err != nil {
			return nil, fmt.Errorf("tag of chunk %d", i)
		}
		frame = append(frame, piece...)
	}
	return handUnpack(frame)
}

func handUnpack(frame []byte) ([]byte, error) {
	if len(frame) < 17 {
		return nil, errors.New("short frame")
	}
	plain, size := binary.BigEndian.Uint64(frame[1:]), binary.BigEndian.Uint64(frame[9:])
	if size > uint64(len(frame)-17) {
		return nil, errors.New("long body")
	}
	body := frame[17 : 17+size]
	if !bytes.Equal(handPad(bytes.Clone(frame[:17+size])), frame) {
		return nil, errors.New("padding")
	}
	switch frame[0] {
	case 0:
	case 1:
		d, err := zstd.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		var out bytes.Buffer
		if _, err := out.ReadFrom(d); err != nil {
			return nil, errors.New("zstd")
		}
		body = out.Bytes()
	default:
		return nil, errors.New("compression")
	}
	if uint64(len(body)) != plain {
		return nil, errors.New("length")
	}
	return body, nil
}
