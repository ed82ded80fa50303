//go:build !unix || aix

package connection

import "net"

// A Socket cannot be examined on this system.
type Socket struct{}

// NewSocket returns nil.
func NewSocket(net.Conn) *Socket { return nil }

// Check returns nil.
func (*Socket) Check(bool) error { return nil }
