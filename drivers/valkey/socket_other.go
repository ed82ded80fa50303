//go:build !unix || aix

package valkey

import "net"

// A socket cannot be looked at here.
type socket struct{}

func newSocket(net.Conn) *socket { return nil }

func (*socket) look(bool) error { return nil }
