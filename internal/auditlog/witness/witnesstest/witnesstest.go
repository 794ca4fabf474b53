// Package witnesstest is a C2SP tlog-witness in memory, for tests: written from
// the text of the specification, not from the client.
package witnesstest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness is one. It is an http.Handler for its submission prefix.
type Witness struct {
	// Key is its public key, a vkey.
	Key string
	// Damage, if set, changes the answer of a request that was cosigned.
	Damage func(answer string) string

	name    string
	id      [4]byte
	private ed25519.PrivateKey

	mu       sync.Mutex
	logs     map[string]note.Verifier // under mu, by origin
	size     map[string]int64         // under mu: what was cosigned
	root     map[string]tlog.Hash     // under mu
	requests []string                 // under mu: the first line of each
}

// New makes a witness with a name.
func New(name string) *Witness {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	key := append([]byte{0x04}, public...)
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	w := &Witness{
		name: name, private: private, logs: map[string]note.Verifier{}, size: map[string]int64{}, root: map[string]tlog.Hash{},
	}
	copy(w.id[:], sum[:])
	w.Key = fmt.Sprintf("%s+%x+%s", name, w.id, base64.StdEncoding.EncodeToString(key))
	return w
}

// Trust makes it cosign the log with this public key.
func (w *Witness) Trust(vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs[v.Name()] = v
	return nil
}

// Size is how many entries of a log it has cosigned.
func (w *Witness) Size(origin string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size[origin]
}

// Requests are the first lines of what was asked.
func (w *Witness) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

// ServeHTTP is add-checkpoint.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/add-checkpoint") {
		http.Error(rw, "no", http.StatusMethodNotAllowed)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	first, _, _ := strings.Cut(string(body), "\n")
	w.requests = append(w.requests, first)
	status, answer := w.add(body)
	switch {
	case status == http.StatusConflict:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
	case status == http.StatusOK && w.Damage != nil:
		answer = w.Damage(answer)
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, answer)
}

// request takes a body apart: the old size, the proof, the checkpoint.
func request(body []byte) (old int64, proof tlog.TreeProof, signed []byte, ok bool) {
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, false
	}
	lines := strings.Split(string(head), "\n")
	number, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != number || len(lines) > 64 {
		return 0, nil, nil, false
	}
	for _, l := range lines[1:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			return 0, nil, nil, false
		}
		proof = append(proof, h)
	}
	return old, proof, signed, true
}

func (w *Witness) add(body []byte) (status int, answer string) {
	old, proof, signed, ok := request(body)
	if !ok {
		return http.StatusBadRequest, ""
	}
	origin, _, _ := strings.Cut(string(signed), "\n")
	v, ok := w.logs[origin]
	if !ok {
		return http.StatusNotFound, ""
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return http.StatusForbidden, ""
	}
	var size int64
	var root64 string
	if _, err := fmt.Sscanf(strings.TrimPrefix(n.Text, origin+"\n"), "%d\n%s\n", &size, &root64); err != nil || old > size {
		return http.StatusBadRequest, ""
	}
	root, err := tlog.ParseHash(root64)
	if err != nil {
		return http.StatusBadRequest, ""
	}
	was := w.size[origin]
	switch {
	case old != was, old == size && old > 0 && root != w.root[origin]:
		return http.StatusConflict, fmt.Sprintf("%d\n", was)
	case (old == 0 || old == size) && len(proof) > 0:
		return http.StatusUnprocessableEntity, ""
	case old > 0 && old < size && tlog.CheckTree(proof, size, root, old, w.root[origin]) != nil:
		return http.StatusUnprocessableEntity, ""
	}
	w.size[origin], w.root[origin] = size, root
	return http.StatusOK, w.Cosign(n.Text)
}

// Cosign returns the line of its cosignature of any text.
func (w *Witness) Cosign(text string) string {
	at := uint64(time.Now().Unix()) //nolint:gosec // G115: after 1970
	sig := ed25519.Sign(w.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	raw := append(binary.BigEndian.AppendUint64(w.id[:4:4], at), sig...)
	return fmt.Sprintf("\u2014 %s %s\n", w.name, base64.StdEncoding.EncodeToString(raw))
}
