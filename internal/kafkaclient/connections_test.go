package kafkaclient

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	require.Eventually(t, func() bool { return closedByPeer(own.Conn) }, time.Minute, time.Millisecond)
	_, err = client.Write([]byte("more of it"))
	require.NotErrorIs(t, err, ErrGone, "the request may have been done")

	client, server = pair(t, all)
	talk()
	require.NoError(t, server.Close())
	own = client.(*connection)
	require.Eventually(t, func() bool { return closedByPeer(own.Conn) }, time.Minute, time.Millisecond)
	n, err := client.Write([]byte("?"))
	require.Zero(t, n)
	require.ErrorIs(t, err, ErrGone)
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
