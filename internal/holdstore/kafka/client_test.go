package kafka

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// TestKinds: what an error means for whoever may try again.
func TestKinds(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
	}{
		{protocol.NewErrNoTopic("a"), errUnavailable}, // an unreachable broker reads like this
		{kafka.NotLeaderForPartition, errUnavailable},
		{kafka.NotEnoughReplicas, errUnavailable},
		{kafkaclient.ErrGone, errUnavailable},
		{kafka.NotEnoughReplicasAfterAppend, nil},
		{kafka.RequestTimedOut, nil},
		{kafka.KafkaStorageError, nil},
		{kafka.Unknown, nil},
		{io.ErrUnexpectedEOF, nil},
		{kafka.OffsetOutOfRange, errOutOfRange},
		{errors.New("crc32 checksum mismatch (computed=1 found=2)"), errDamaged},
		{kafka.TopicAuthorizationFailed, errRefused},
		{kafka.SASLAuthenticationFailed, errRefused},
		{kafka.MessageSizeTooLarge, errRefused},
	} {
		got := explained("doing", fmt.Errorf("kafka.(*Client).Produce: %w", test.err))
		for _, kind := range []error{errUnavailable, errOutOfRange, errDamaged, errRefused} {
			require.Equal(t, kind == test.want, errors.Is(got, kind), "%v: %v", test.err, kind) //nolint:errorlint // the very same
		}
	}
}
