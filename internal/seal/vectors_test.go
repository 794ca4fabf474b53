package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

var update = flag.Bool("update", false, "write docs/format/envelope-vectors.json anew")

const vectorFile = "../../docs/format/envelope-vectors.json"

// vectors are the test vectors of the format. Seeds are SHA-256 of the words
// that stand for them; what must stay secret is there as its SHA-256.
type vectors struct {
	Comment  string    `json:"comment"`
	Capsules []capsule `json:"capsules"`
	Payloads []payload `json:"payloads"`
}

type capsule struct {
	PrivateWord  string            `json:"private_seed_is_sha256_of"`
	PQWord       string            `json:"mlkem_randomness_is_sha256_of"`
	XWord        string            `json:"x25519_ephemeral_is_sha256_of"`
	PublicSHA256 string            `json:"public_key_sha256"`
	KeyID        string            `json:"key_id"`
	Enc          string            `json:"enc"`
	ExportSHA256 map[string]string `json:"exported_secret_sha256"`
}

type payload struct {
	Name    string `json:"name"`
	Capsule int    `json:"capsule"`
	Part    byte   `json:"part"`
	Signal  string `json:"signal"`
	Item    string `json:"item"`
	Trace   string `json:"trace"`
	Span    string `json:"span"`
	Policy  string `json:"policy"`

	Text   string `json:"plaintext,omitempty"`
	Repeat int    `json:"plaintext_repeated,omitempty"` // the text, so many times
	Zstd   string `json:"zstd_body,omitempty"`
	// Frame replaces what follows from the plaintext, before padding; Pad
	// what stands behind it. Both are for what must be refused.
	Frame string `json:"frame,omitempty"`
	Pad   string `json:"padding,omitempty"`
	// Flip is XORed to the first byte of the commitment; Piece is how much of
	// the frame a chunk has instead of 921472 bytes.
	Flip  byte `json:"commitment_xor,omitempty"`
	Piece int  `json:"piece,omitempty"`

	SaltWord     string   `json:"salt_is_first_16_of_sha256_of"`
	Context      string   `json:"context"`
	KeySHA256    string   `json:"payload_aes_sha256"`
	Commitment   string   `json:"commitment"`
	FrameSHA256  string   `json:"frame_sha256"`
	Chunks       []string `json:"chunks,omitempty"`
	ChunkSHA256  []string `json:"chunk_sha256,omitempty"` // where chunks are long
	PackedSHA256 string   `json:"packed_sha256"`
	Refused      string   `json:"refused,omitempty"` // why an opener must not take it
}

// vectorCases are what the vectors are made of.
func vectorCases() []payload {
	view := payload{
		Part: 1, Signal: "traces", Item: "000102030405060708090a0b0c0d0e0f", Trace: "101112131415161718191a1b1c1d1e1f",
		Span: "0000000000000000", Policy: "p-1",
	}
	restore := view
	restore.Part = 2
	patch := view
	patch.Part, patch.Item, patch.Span = 3, strings.Repeat("0", 32), "2021222324252627"
	with := func(p payload, name, text string, n int) payload {
		p.Name, p.Text, p.Repeat, p.SaltWord = name, text, n, "salt of "+name
		return p
	}
	refused := func(name, frame, pad, why string) payload {
		p := with(patch, name, "", 0)
		p.Frame, p.Pad, p.Refused = frame, pad, why
		return p
	}
	zstdView := with(view, "view, compressed", "the masked telemetry of an item, again and again; ", 40)
	zstdView.Zstd = "made"
	bomb := with(view, "view that says too little", "0", 200000)
	bomb.Zstd, bomb.Refused = "made", "the body decompresses to more than the plaintext's length"
	flipped := with(patch, "commitment to another key", "x", 1)
	flipped.Flip, flipped.Refused = 1, "the commitment is not that of the key, although the chunk is authentic under it"
	small := with(patch, "chunk that is not full", "x", 1)
	small.Piece, small.Refused = 1000, "the first of two chunks is not full"
	logs := with(patch, "patch of a log record without trace and policy", "x", 1)
	logs.Signal, logs.Trace, logs.Span, logs.Policy, logs.Capsule = "logs", strings.Repeat("0", 32), strings.Repeat("0", 16), "", 1
	return []payload{
		with(view, "view, empty", "", 0),
		zstdView,
		with(patch, "patch", "what restores one span", 1),
		logs,
		with(patch, "frame of exactly 1024 bytes", "a", 1024-17),
		with(patch, "frame of 1025 bytes", "a", 1025-17),
		with(restore, "restore, three chunks", "sealed patches, one behind another\n", 60000),
		refused("padding that is not zeros", hex.EncodeToString(handFrame(0, 1, 1, []byte("x"))), strings.Repeat("00", 1005)+"01", "the padding is not zeros"),
		refused("padding that is too long", hex.EncodeToString(handFrame(0, 1, 1, []byte("x"))), strings.Repeat("00", 1070), "the frame is longer than its padding"),
		refused("padding that is too short", hex.EncodeToString(handFrame(0, 1, 1, []byte("x"))), "00", "the frame is shorter than 1024 bytes"),
		refused("unknown compression", hex.EncodeToString(handFrame(2, 1, 1, []byte("x"))), strings.Repeat("00", 1006), "compression 2"),
		refused("body longer than the frame", hex.EncodeToString(handFrame(0, 2000, 2000, nil)), strings.Repeat("00", 1007), "the body ends behind the frame"),
		refused("plaintext longer than the body", hex.EncodeToString(handFrame(0, 2, 1, []byte("x"))), strings.Repeat("00", 1006), "an uncompressed body of another length"),
		refused("body that is no zstd frame", hex.EncodeToString(handFrame(1, 2, 2, []byte("xx"))), strings.Repeat("00", 1005), "the body cannot be decompressed"),
		bomb, flipped, small,
	}
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (p payload) place(t *testing.T) handPlace {
	t.Helper()
	return handPlace{p.Part, p.Signal, unhex(t, p.Item), unhex(t, p.Trace), unhex(t, p.Span), p.Policy}
}

func (p payload) plain() []byte { return bytes.Repeat([]byte(p.Text), p.Repeat) }

// frame returns what is sealed.
func (p payload) frame(t *testing.T) []byte {
	t.Helper()
	plain := p.plain()
	switch {
	case p.Frame != "":
		return append(unhex(t, p.Frame), unhex(t, p.Pad)...)
	case p.Zstd != "" && p.Refused != "":
		body := unhex(t, p.Zstd)
		return handPad(handFrame(1, uint64(len(plain)/2), uint64(len(body)), body))
	case p.Zstd != "":
		body := unhex(t, p.Zstd)
		return handPad(handFrame(1, uint64(len(plain)), uint64(len(body)), body))
	}
	return handPad(handFrame(0, uint64(len(plain)), uint64(len(plain)), plain))
}

// seal returns the chunks.
func (p payload) seal(t *testing.T, c handCapsule) [][]byte {
	t.Helper()
	piece := handPiece
	if p.Piece > 0 {
		piece = p.Piece
	}
	chunks, err := handSeal(c.shared, word(p.SaltWord)[:16], c.key.id(), p.place(t), p.frame(t), p.Flip, piece)
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

// handCapsule is a capsule of the vectors with its secrets.
type handCapsule struct {
	key    handKey
	shared []byte
	enc    []byte
}

func capsules(t *testing.T) (list []capsule, open []handCapsule) {
	t.Helper()
	for _, n := range []string{"1", "2"} {
		c := capsule{PrivateWord: "private key " + n, PQWord: "ML-KEM " + n, XWord: "X25519 " + n, ExportSHA256: map[string]string{}}
		k, err := newHandKey(word(c.PrivateWord))
		if err != nil {
			t.Fatal(err)
		}
		shared, enc, err := k.encapsulate(word(c.PQWord), word(c.XWord))
		if err != nil {
			t.Fatal(err)
		}
		c.PublicSHA256, c.KeyID, c.Enc = sha(k.public()), hex.EncodeToString(k.id()), hex.EncodeToString(enc)
		for _, part := range handParts[1:] {
			c.ExportSHA256[part] = sha(handExport(shared, "tracescrub envelope 1 "+part))
		}
		list, open = append(list, c), append(open, handCapsule{k, shared, enc})
	}
	return list, open
}

// build makes the vectors. The bodies that zstd made are taken from the file,
// since another version may compress otherwise.
func build(t *testing.T, bodies map[string]string) vectors {
	t.Helper()
	list, open := capsules(t)
	v := vectors{
		Comment:  "Test vectors of docs/format/envelope.md, made by: go test ./internal/seal -run TestVectors -update",
		Capsules: list,
	}
	for _, p := range vectorCases() {
		if p.Zstd != "" {
			p.Zstd = bodies[p.Name]
		}
		c := open[p.Capsule]
		salt, frame := word(p.SaltWord)[:16], p.frame(t)
		chunks := p.seal(t, c)
		context := p.place(t).context(c.key.id())
		key, commitment := handKeys(c.shared, salt, context, p.Part)
		p.Context, p.Commitment = hex.EncodeToString(context), hex.EncodeToString(commitment)
		p.KeySHA256, p.FrameSHA256 = sha(key), sha(frame)
		for _, chunk := range chunks {
			if len(chunk) > 4096 {
				p.ChunkSHA256 = append(p.ChunkSHA256, sha(chunk))
			} else {
				p.Chunks = append(p.Chunks, hex.EncodeToString(chunk))
			}
		}
		p.PackedSHA256 = sha(handPacked(c, chunks))
		v.Payloads = append(v.Payloads, p)
	}
	return v
}

func handPacked(c handCapsule, chunks [][]byte) []byte {
	b := append([]byte("tsk\x01"), c.key.id()...)
	b = append(b, c.enc...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(chunks)))
	for _, chunk := range chunks {
		b = binary.BigEndian.AppendUint32(b, uint32(len(chunk)))
		b = append(b, chunk...)
	}
	return b
}

func compressed(t *testing.T) map[string]string {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	bodies := map[string]string{}
	for _, p := range vectorCases() {
		if p.Zstd != "" {
			bodies[p.Name] = hex.EncodeToString(e.EncodeAll(p.plain(), nil))
		}
	}
	return bodies
}

// TestVectors holds the file of vectors, the second implementation of the
// tests and this package against each other.
func TestVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(build(t, compressed(t)), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, p := range v.Payloads {
		bodies[p.Name] = p.Zstd
	}
	again, err := json.MarshalIndent(build(t, bodies), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(again, '\n'), text) {
		t.Error("the file is not what -update writes")
	}
	_, open := capsules(t)
	ring := handRing(t, open)
	for _, p := range v.Payloads {
		t.Run(p.Name, func(t *testing.T) { checkPayload(t, p, open[p.Capsule], ring) })
	}
}

// handRing is a keyring with the keys of the vectors.
func handRing(t *testing.T, open []handCapsule) *unseal.Keyring {
	t.Helper()
	dir := t.TempDir()
	for i, c := range open {
		writeKey(t, filepath.Join(dir, string(rune('a'+i))+".key"), c.key, word("private key "+string(rune('1'+i))))
	}
	ring, err := unseal.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func checkPayload(t *testing.T, p payload, c handCapsule, ring *unseal.Keyring) {
	t.Helper()
	place := p.place(t)
	salt := word(p.SaltWord)[:16]
	chunks := p.seal(t, c)
	capsule := envelope.Capsule{Key: envelope.KeyID(c.key.id()), Enc: c.enc}
	binding := place.binding()
	got, err := ring.Open(capsule, binding, chunks)
	byHand, handErr := handOpen(c.key, c.enc, place, chunks)
	if p.Refused != "" {
		if !errors.Is(err, unseal.ErrDamaged) || handErr == nil {
			t.Errorf("taken, although %s: %v; by hand: %v", p.Refused, err, handErr)
		}
		return
	}
	if err != nil || handErr != nil {
		t.Fatalf("opening: %v; by hand: %v", err, handErr)
	}
	if !bytes.Equal(got, p.plain()) || !bytes.Equal(byHand, p.plain()) {
		t.Error("the plaintext came back otherwise")
	}
	export := func(context string, n int) ([]byte, error) { return handExport(c.shared, context)[:n], nil }
	closer := seal.CloserOf(capsule, export, func(b []byte) { copy(b, salt) })
	again, err := closer.Close(binding, p.plain())
	if err != nil {
		t.Fatal(err)
	}
	if p.Zstd == "" && p.Part != 1 && !bytes.Equal(handPacked(c, again), handPacked(c, chunks)) {
		t.Error("what is sealed here is not what the vectors have")
	}
	packed, err := closer.Packed(binding, p.plain())
	if err != nil || !bytes.Equal(packed, handPacked(c, again)) {
		t.Errorf("what is packed here is not what the document says: %v", err)
	}
	if back, err := handOpen(c.key, c.enc, place, again); err != nil || !bytes.Equal(back, p.plain()) {
		t.Errorf("what is sealed here does not open by hand: %v", err)
	}
}

func (p handPlace) binding() envelope.Binding {
	return envelope.Binding{
		Part: envelope.Part(p.part), Signal: p.signal, Item: envelope.ID(p.item), Trace: [16]byte(p.trace),
		Span: [8]byte(p.span), Policy: p.policy,
	}
}
