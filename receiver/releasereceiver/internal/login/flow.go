package login

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// FlowDuration is how long a login may take.
const FlowDuration = 10 * time.Minute

// flow is a login in progress. The browser keeps it, sealed: it can neither
// read the verifier and nonce nor change where the login leads.
type flow struct {
	State, Nonce, Verifier, Next string
	Fresh                        bool
	Started                      time.Time
}

// sealer seals flows under a key of this process.
type sealer struct{ aead cipher.AEAD }

func newSealer() sealer {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // the block has 16 bytes
	}
	return sealer{aead}
}

func (s sealer) seal(f flow) string {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings, a bool and a time of this century
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, b, nil))
}

func (s sealer) open(cookie string, now time.Time) (flow, error) {
	var f flow
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return flow{}, fmt.Errorf("%w: no login was begun here", ErrRefused)
	}
	b, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(b, &f) != nil {
		return flow{}, fmt.Errorf("%w: no login was begun here", ErrRefused)
	}
	if age := now.Sub(f.Started); age > FlowDuration {
		return flow{}, fmt.Errorf("%w: the login took longer than %v", ErrRefused, FlowDuration)
	}
	return f, nil
}
