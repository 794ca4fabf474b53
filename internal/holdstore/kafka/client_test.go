package kafka

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
)

// pair is a connection to a server, and the server's end of it.
func pair(t *testing.T, of *connections) (client, server net.Conn) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err = of.dial(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// TestClosedByPeer: a request on a connection that the broker has closed is
// known not to have been done; one that was begun is not.
func TestClosedByPeer(t *testing.T) {
	all := newConnections()
	t.Cleanup(all.close)
	client, server := pair(t, all)
	talk := func() {
		_, err := client.Write([]byte("?"))
		require.NoError(t, err)
		_, err = io.ReadFull(server, make([]byte, 1))
		require.NoError(t, err)
		_, err = server.Write([]byte("!"))
		require.NoError(t, err)
		_, err = io.ReadFull(client, make([]byte, 1))
		require.NoError(t, err)
	}
	talk()
	talk()
	_, err := client.Write([]byte("begun"))
	require.NoError(t, err)
	_, err = io.ReadFull(server, make([]byte, 5))
	require.NoError(t, err)
	require.NoError(t, server.Close())
	own := client.(*connection)
	eventually(t, "the end arrives", func() bool { return closedByPeer(own.Conn) })
	_, err = client.Write([]byte("more of it"))
	require.NotErrorIs(t, err, errUnavailable, "the request may have been done")

	client, server = pair(t, all)
	talk()
	require.NoError(t, server.Close())
	own = client.(*connection)
	eventually(t, "the end arrives", func() bool { return closedByPeer(own.Conn) })
	n, err := client.Write([]byte("?"))
	require.Zero(t, n)
	require.ErrorIs(t, err, errUnavailable)
}

// TestCloseConnections: closing ends what is open, and what would be opened.
func TestCloseConnections(t *testing.T) {
	all := newConnections()
	client, server := pair(t, all)
	all.close()
	all.close()
	_, err := client.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	_, err = all.dial(t.Context(), "tcp", server.LocalAddr().String())
	require.Error(t, err)
}

// TestKinds: what an error means for whoever may try again.
func TestKinds(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
	}{
		{protocol.NewErrNoTopic("a"), errUnavailable}, // an unreachable broker reads like this
		{kafka.NotLeaderForPartition, errUnavailable},
		{kafka.NotEnoughReplicas, errUnavailable},
		{fmt.Errorf("%w: the broker has closed the connection", errUnavailable), errUnavailable},
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
