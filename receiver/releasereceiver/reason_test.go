package releasereceiver

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestSecretIn(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	rng := rand.New(rand.NewPCG(1, 2))
	token := make([]byte, 36)
	for i := range token {
		token[i] = letters[rng.IntN(len(letters))]
	}
	is := secretIn(zap.NewNop())
	require.True(t, is("it is only "+"gh"+"p_"+string(token)+", which is dead"))
	for _, reason := range []string{
		"a good one", "rotated on Monday, see ticket SEC-1234", "the token has been revoked; the password is required by the test",
		"approved by ann and bob after a call, trace 4bf92f3577b34da6a3ce929d0e0e4736",
	} {
		require.False(t, is(reason), reason)
	}
}
