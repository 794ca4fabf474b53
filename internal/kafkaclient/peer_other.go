//go:build !unix

package kafkaclient

import "net"

// closedByPeer is not known here: a request on such a connection fails, and
// may or may not have been done.
func closedByPeer(net.Conn) bool { return false }
