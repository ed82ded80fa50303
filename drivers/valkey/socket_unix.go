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
	peek   func(fd uintptr)
	buffer [1]byte
	n      int
	err    error
}

// newSocket returns the socket of a connection, or nil if it has none, or if what
// is in the socket is not what is read.
func newSocket(c net.Conn) *socket {
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
	s := &socket{raw: raw}
	s.peek = func(fd uintptr) {
		s.n, _, s.err = syscall.Recvfrom(int(fd), s.buffer[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return s
}

// look returns why nothing more may be written: the other end has closed the
// connection, or has sent something though no reply is due. It is called by one
// goroutine at a time.
func (s *socket) look(due bool) error {
	switch err := s.raw.Control(s.peek); {
	case err != nil:
		return errHungUp
	case s.err == nil && s.n == 0, s.err != nil && !errors.Is(s.err, syscall.EAGAIN) && !errors.Is(s.err, syscall.EINTR):
		return errHungUp
	case s.n > 0 && !due && s.buffer[0] != '>':
		return errUnasked
	}
	return nil
}
