// Package loopback tells this machine from others: what only it can reach needs
// neither a password nor encryption.
package loopback

import (
	"net"
	"net/netip"
	"strings"
)

// Is says whether a host, with or without a port, is this machine by its name
// alone: localhost or a loopback address. No host at all means every address of
// this machine, and so is none.
func Is(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
