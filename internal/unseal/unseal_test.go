package unseal_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

func TestRoundTrip(t *testing.T) {
	d := keyfiles.In(t.TempDir())
	if _, err := d.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	s, err := seal.New(d.Public)
	if err != nil {
		t.Fatal(err)
	}
	k, err := unseal.New(d.Private)
	if err != nil {
		t.Fatal(err)
	}
	b := envelope.Binding{Part: envelope.View, Signal: "traces", Item: envelope.ID{1}, Policy: "p"}
	for _, n := range []int{0, 1, 1000, 1 << 20, 50 << 20} {
		plain := bytes.Repeat([]byte("0123456789abcde\n"), n/16+1)[:n]
		c, closer, err := s.Capsule()
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := closer.Close(b, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Open(c, b, chunks)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, plain) {
			t.Errorf("%d bytes came back otherwise", n)
		}
	}
}
