//go:build unix && !aix

package valkey

import (
	"errors"
	"net"
	"syscall"
)

// A socket is looked at without taking anything from it.
type socket struct {
	raw    syscall.RawConn
	look   func(fd uintptr)
	buffer [1]byte
	ended  bool
}

// newSocket returns the socket of a connection, or nil if it has none.
func newSocket(c net.Conn) *socket {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.look = func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), s.buffer[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		s.ended = err == nil && n == 0 ||
			err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	}
	return s
}

// hungUp reports whether the other end has closed the connection. It is called
// by one goroutine at a time.
func (s *socket) hungUp() bool { return s.raw.Control(s.look) != nil || s.ended }
