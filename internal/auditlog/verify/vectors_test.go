package verify_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorFile = "../../../docs/format/audit-vectors.json"

// vectors is the file. All that is random in it is the SHA-256 of a phrase.
type vectors struct {
	Key         keyVector          `json:"key"`
	Commitments []commitmentVector `json:"commitments"`
	Entries     []entryVector      `json:"entries"`
	Refused     []refusedVector    `json:"refused"`
	Tree        []tlog.Hash        `json:"tree"`
	Checkpoints []string           `json:"checkpoints"`
	Receipts    []string           `json:"receipts"`
	// RefusedReceipts are made of the receipts by a change each.
	RefusedReceipts []refusedReceipt `json:"refused_receipts"`
	Consistency     []tlog.Hash      `json:"consistency"`
}

type keyVector struct {
	SeedPhrase string `json:"seed_is_sha256_of"`
	Public     string `json:"public"`
}

type commitmentVector struct {
	Text        bool   `json:"text"`
	Value       string `json:"value"`
	NoncePhrase string `json:"nonce_is_sha256_of"`
	Commitment  string `json:"commitment"`
}

type entryVector struct {
	Line string    `json:"line"`
	Leaf tlog.Hash `json:"leaf"`
}

type refusedVector struct {
	Line   string `json:"line"`
	Reason string `json:"reason"`
}

func makeVectors(t *testing.T) *vectors {
	t.Helper()
	v := &vectors{Key: keyVector{SeedPhrase: "audit vectors: key"}}
	seed := sha256.Sum256([]byte(v.Key.SeedPhrase))
	private, public, err := proof.NewKey("example.com/audit", bytes.NewReader(seed[:]))
	require.NoError(t, err)
	v.Key.Public = public
	for _, c := range []commitmentVector{
		{Value: "https://idp.example.com alice", NoncePhrase: "audit vectors: alice"},
		{Text: true, Value: "a test key, é\n", NoncePhrase: "audit vectors: text"},
	} {
		c.Commitment = subjects.Of(c.Text, sha256.Sum256([]byte(c.NoncePhrase)), c.Value)
		v.Commitments = append(v.Commitments, c)
	}
	var tree proof.Tree
	var file []byte
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	attributes := []map[string]any{
		{"version": int64(1), "origin": "example.com/audit", "key": public},
		{"user.id": v.Commitments[0].Commitment, "tracescrub.reason": v.Commitments[1].Commitment, "tracescrub.version": int64(2)},
		{"text": "\"\\\b\f\n\r\t\x01é\u2028", "list": []any{true, int64(-9007199254740991), map[string]any{}}},
		nil,
		nil,
	}
	for i, kind := range []string{entry.Opened, "tracescrub.denied", "tracescrub.masked", entry.Heartbeat, entry.Closed} {
		e := &entry.Entry{Seq: int64(i), Kind: kind, Time: at, Logged: at.Add(time.Duration(i)), Attributes: attributes[i]}
		require.NoError(t, e.DeriveID())
		line, err := e.Line()
		require.NoError(t, err)
		leaf := tlog.RecordHash(line)
		v.Entries = append(v.Entries, entryVector{string(line), leaf})
		for _, h := range tree.Add(leaf) {
			v.Tree, file = append(v.Tree, h), append(file, h[:]...)
		}
		signed, err := proof.Checkpoint{Origin: "example.com/audit", Size: tree.Size(), Root: tree.Root()}.Sign(private)
		require.NoError(t, err)
		v.Checkpoints = append(v.Checkpoints, string(signed))
	}
	for i, e := range v.Entries {
		r := &proof.Receipt{Index: int64(i), Extra: []byte(e.Line), Checkpoint: []byte(v.Checkpoints[4])}
		r.Path, err = tlog.ProveRecord(5, int64(i), proof.Hashes(bytes.NewReader(file)))
		require.NoError(t, err)
		v.Receipts = append(v.Receipts, string(r.Marshal()))
	}
	v.RefusedReceipts = refusedReceipts(t, v, private)
	v.Consistency, err = tlog.ProveTree(5, 3, proof.Hashes(bytes.NewReader(file)))
	require.NoError(t, err)
	good := v.Entries[3].Line
	v.Refused = []refusedVector{
		{" " + good, "white space"},
		{good[:len(good)-1] + `,"w":1}`, "a field that is not known"},
		{good[:len(good)-2] + `1.0}`, "a fraction"},
		{good[:len(good)-2] + `2}`, "another version"},
		{good + "\n", "something behind it"},
	}
	return v
}

// TestVectors holds the code against the file, and the file against itself.
func TestVectors(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(makeVectors(t)))
	if *update {
		require.NoError(t, os.WriteFile(vectorFile, b.Bytes(), 0o600))
	}
	file, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	require.Equal(t, string(file), b.String())

	var v vectors
	require.NoError(t, json.Unmarshal(file, &v))
	keys := []string{v.Key.Public}
	for i, s := range v.Receipts {
		r, err := proof.ParseReceipt([]byte(s))
		require.NoError(t, err)
		_, _, err = r.Check([]byte(v.Entries[i].Line), keys)
		require.NoError(t, err)
		_, _, err = r.Check([]byte(v.Entries[(i+1)%5].Line), keys)
		require.Error(t, err, "the receipt of another entry")
	}
	require.Greater(t, len(v.RefusedReceipts), 20)
	for _, x := range v.RefusedReceipts {
		r, err := proof.ParseReceipt([]byte(x.Receipt))
		if err == nil {
			_, _, err = r.Check(nil, []string{x.Public})
		}
		require.Error(t, err, x.Reason)
	}
	var c [5]proof.Checkpoint
	for i, s := range v.Checkpoints {
		c[i], _, err = proof.Open([]byte(s), keys)
		require.NoError(t, err)
	}
	require.NoError(t, proof.CheckConsistency(v.Consistency, c[4], c[2]))
	require.Error(t, proof.CheckConsistency(v.Consistency, c[4], c[1]))
	for _, r := range v.Refused {
		_, err := entry.Parse([]byte(r.Line))
		require.Error(t, err, r.Reason)
	}
}
