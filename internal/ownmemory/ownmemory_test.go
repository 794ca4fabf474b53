package ownmemory

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"
	"reflect"
	"testing"
)

// reached is all memory that values lead to.
func reached(values ...any) []byte {
	w := walk{seen: map[place]bool{}}
	for _, v := range values {
		w.value(reflect.ValueOf(v))
	}
	return bytes.Join(w.found, []byte{'|'})
}

func TestWalkReaches(t *testing.T) {
	type inner struct {
		key  []byte
		next *inner
	}
	type outer struct {
		any     any
		many    []inner
		few     [2]*inner
		text    string
		direct  [4]byte
		ignored map[string][]byte
	}
	ring := &inner{key: []byte("in a ring")}
	ring.next = ring
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"bytes", []byte("plain bytes"), "plain bytes"},
		{"text", "plain text", "plain text"},
		{"behind an unexported pointer", &outer{few: [2]*inner{nil, {key: []byte("far")}}}, "far"},
		{"in a slice of structs", outer{many: []inner{{}, {next: &inner{key: []byte("deep")}}}}, "deep"},
		{"in an interface", &outer{any: &inner{key: []byte("hidden")}}, "hidden"},
		{"a string in a struct", &outer{text: "words"}, "words"},
		{"in the struct itself", &outer{direct: [4]byte{'h', 'e', 'r', 'e'}}, "here"},
		{"a ring", ring, "in a ring"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(reached(tt.value), []byte(tt.want)) {
				t.Error("it is not reached")
			}
		})
	}
	if got := reached(nil, (*inner)(nil), []byte(nil), ""); len(got) != 0 {
		t.Errorf("%d bytes of nothing", len(got))
	}
	if bytes.Contains(reached(outer{ignored: map[string][]byte{"a": []byte("in a map")}}), []byte("in a map")) {
		t.Error("the comment of Lock is wrong about maps")
	}
}

// TestWalkReachesPrivateKey: the seed of a key, and both keys made of it, lie
// in what is locked.
func TestWalkReachesPrivateKey(t *testing.T) {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	key, err := hpke.MLKEM768X25519().NewPrivateKey(bytes.Clone(seed))
	if err != nil {
		t.Fatal(err)
	}
	got := reached(key)
	if !bytes.Contains(got, seed) {
		t.Error("the seed is not reached")
	}
	// The expanded key of ML-KEM has 768/256 vectors of 256 coefficients, of two bytes each.
	if len(got) < 3*256*2 {
		t.Errorf("only %d bytes are reached", len(got))
	}
}

func TestLock(t *testing.T) {
	if err := Lock(make([]byte, 32)); err != nil {
		t.Logf("this system does not allow it: %v", err)
	}
	type list struct{ next *list }
	var long *list
	for range maxVisited + 10 {
		long = &list{long}
	}
	if err := Lock(long); err == nil {
		t.Error("a list of thousands is taken for a key")
	}
	if err := Lock(nil, []byte(nil), ""); err != nil {
		t.Errorf("nothing cannot be locked: %v", err)
	}
}
