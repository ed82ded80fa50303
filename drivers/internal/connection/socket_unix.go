//go:build unix && !aix

package connection

import (
	"errors"
	"net"
	"syscall"

	"github.com/xcache-go/xcache/drivers/internal/resp"
)

// A Socket is the socket of a connection, which can be examined without a read.
type Socket struct {
	raw    syscall.RawConn
	peek   func(fd uintptr)
	buffer [1]byte
	n      int
	err    error
}

// NewSocket returns the socket of a connection. NewSocket returns nil for a connection
// without a socket, and for a connection whose bytes are decoded above the socket, as
// with TLS.
func NewSocket(c net.Conn) *Socket {
	var sc syscall.Conn
	switch c := c.(type) {
	case *net.TCPConn:
		sc = c
	case *net.UnixConn:
		sc = c
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &Socket{raw: raw}
	s.peek = func(fd uintptr) {
		s.n, _, s.err = syscall.Recvfrom(int(fd), s.buffer[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return s
}

// Check returns an error if nothing may be written: the server has closed the connection, or
// has sent bytes although no reply is due. Check is called by one goroutine at a time.
func (s *Socket) Check(due bool) error {
	switch err := s.raw.Control(s.peek); {
	case err != nil:
		return ErrHungUp
	case s.err == nil && s.n == 0, s.err != nil && !errors.Is(s.err, syscall.EAGAIN) && !errors.Is(s.err, syscall.EINTR):
		return ErrHungUp
	case s.n > 0 && !due && s.buffer[0] != '>':
		return resp.ErrUnasked
	}
	return nil
}
