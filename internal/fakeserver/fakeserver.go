// Package fakeserver is a Redis server inside the process. The server answers at
// once, so that a benchmark times the client and nothing else, and an allocation
// test counts the client's allocations only. Except for Serve, the server has no
// goroutine, no socket and no notion of time: the write of a request makes the
// answer. The server knows the few commands of the benchmarks; tests of behaviour
// run on real servers, see package servertest.
//
//	server := fakeserver.New()
//	client := redis.NewClient(&redis.Options{Dialer: server.Dial})
package fakeserver

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Server holds the values that its connections set. Many goroutines may
// use a Server.
type Server struct {
	mu     sync.RWMutex
	values map[string]*[]byte // pointers, so that overwriting a value allocates nothing

	commands atomic.Int64 // without PING, which a client sends when it likes
	hold     atomic.Pointer[hold]
}

// New returns a server that holds nothing.
func New() *Server {
	return &Server{values: map[string]*[]byte{}}
}

// Set stores a value, as SET does.
func (s *Server) Set(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored := bytes.Clone(value)
	s.values[key] = &stored
}

// InOneRoundTrip returns the error of call, or an error if call waits for an answer before
// call has sent all its commands. call runs twice, and must send as many commands each time.
func (s *Server) InOneRoundTrip(call func() error) error {
	before := s.commands.Load()
	if err := call(); err != nil {
		return err
	}
	h := &hold{over: make(chan struct{})}
	h.left.Store(s.commands.Load() - before)
	s.hold.Store(h)
	timer := time.AfterFunc(inVain, h.release)
	err := call()
	if !timer.Stop() && err == nil {
		err = errors.New("fakeserver: the call has waited for an answer before it has sent all its commands")
	}
	h.release()
	return err
}

// inVain is longer than a call takes that waits for no answer.
const inVain = time.Minute

// A hold keeps answers back until some commands have come.
type hold struct {
	left atomic.Int64 // commands that are to come
	over chan struct{}
	end  sync.Once
}

func (h *hold) release() { h.end.Do(func() { close(h.over) }) }

// Dial returns a new connection to the server. The signature is that of the
// clients' dialers; all arguments are ignored.
func (s *Server) Dial(context.Context, string, string) (net.Conn, error) {
	return newConn(s), nil
}

// Serve answers the connections that listener accepts, each on a goroutine of its
// own, until listener is closed and all clients have left. With Serve a benchmark
// measures the system's share of the costs, too.
func (s *Server) Serve(listener net.Listener) {
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		connections.Go(func() {
			defer client.Close()
			s.serve(client)
		})
	}
}

func (s *Server) serve(client net.Conn) {
	c := newConn(s)
	request := make([]byte, 64<<10)
	for {
		n, err := client.Read(request)
		if err != nil {
			return
		}
		_, _ = c.Write(request[:n])
		_, err = client.Write(c.answers)
		c.answers = c.answers[:0]
		if err != nil {
			return
		}
	}
}

// conn is the client's end of a connection.
type conn struct {
	server *Server

	mu      sync.Mutex // guards the fields below
	some    sync.Cond  // signals answers, or the end of the connection
	request []byte     // the written bytes without an answer yet
	args    [][]byte   // scratch of next
	answers []byte
	read    int // how much of answers the client has
	closed  bool
}

func newConn(s *Server) *conn {
	c := &conn{server: s}
	c.some.L = &c.mu
	return c
}

// Write takes a piece of a request and answers every command that is complete.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	data := p
	if len(c.request) > 0 {
		c.request = append(c.request, p...)
		data = c.request
	}
	used := 0
	for {
		n := c.next(data[used:])
		if n == 0 {
			break
		}
		used += n
		c.answer(c.args)
	}
	c.request = append(c.request[:0], data[used:]...)
	c.some.Signal()
	return len(p), nil
}

// Read returns answers, and waits until there are some. Deadlines have no effect.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.read == len(c.answers) && !c.closed {
		c.some.Wait()
	}
	if h := c.server.hold.Load(); h != nil {
		c.mu.Unlock()
		<-h.over
		c.mu.Lock()
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	n := copy(p, c.answers[c.read:])
	c.read += n
	if c.read == len(c.answers) {
		c.answers, c.read = c.answers[:0], 0
	}
	return n, nil
}

// next reads one command into args and returns the command's length, 0 if the
// command is not complete.
func (c *conn) next(data []byte) int {
	count, pos := number(data, '*')
	if pos == 0 {
		return 0
	}
	c.args = c.args[:0]
	for range count {
		length, n := number(data[pos:], '$')
		if n == 0 || len(data) < pos+n+length+2 {
			return 0
		}
		c.args = append(c.args, data[pos+n:pos+n+length])
		pos += n + length + 2
	}
	return pos
}

// number reads a line such as *3 or $12 and returns its number and its length,
// 0 if the line is not complete.
func number(data []byte, kind byte) (value, length int) {
	if len(data) == 0 || data[0] != kind {
		return 0, 0
	}
	for i, b := range data[1:] {
		if b == '\r' {
			if len(data) < i+3 {
				return 0, 0
			}
			return value, i + 3
		}
		value = value*10 + int(b-'0')
	}
	return 0, 0
}

// maxNameLength is more than the longest command's name.
const maxNameLength = 16

func (c *conn) answer(args [][]byte) {
	var upper [maxNameLength]byte
	name := upper[:copy(upper[:], args[0])]
	for i, b := range name {
		if b >= 'a' && b <= 'z' {
			name[i] = b - 'a' + 'A'
		}
	}
	s := c.server
	if string(name) != "PING" {
		s.commands.Add(1)
		if h := s.hold.Load(); h != nil && h.left.Add(-1) == 0 {
			h.release()
		}
	}
	switch string(name) {
	case "GET":
		s.mu.RLock()
		c.bulk(s.values[string(args[1])])
		s.mu.RUnlock()
	case "HGET": // all fields of the hash hold the same value
		s.mu.RLock()
		c.bulk(s.values[string(args[1])])
		s.mu.RUnlock()
	case "LPUSH", "SADD":
		c.header(':', len(args)-2)
	case "HSET", "ZADD":
		c.header(':', len(args)/2-1)
	case "XADD":
		c.text("$15\r\n1700000000000-0")
	case "MGET":
		c.header('*', len(args)-1)
		s.mu.RLock()
		for _, key := range args[1:] {
			c.bulk(s.values[string(key)])
		}
		s.mu.RUnlock()
	case "SET":
		s.mu.Lock()
		value := s.values[string(args[1])]
		if value == nil {
			value = new([]byte)
			s.values[string(args[1])] = value
		}
		*value = append((*value)[:0], args[2]...)
		s.mu.Unlock()
		c.text("+OK")
	case "DEL", "UNLINK":
		removed := 0
		s.mu.Lock()
		for _, key := range args[1:] {
			if _, ok := s.values[string(key)]; ok {
				delete(s.values, string(key))
				removed++
			}
		}
		s.mu.Unlock()
		c.header(':', removed)
	case "HELLO":
		protocol := "2"
		if len(args) > 1 {
			protocol = string(args[1])
		}
		c.text("*4\r\n+server\r\n+redis\r\n+proto\r\n:" + protocol)
	case "PING":
		c.text("+PONG")
	case "SELECT", "CLIENT", "AUTH":
		c.text("+OK")
	default:
		c.text("-ERR unknown command")
	}
}

func (c *conn) text(line string) {
	c.answers = append(append(c.answers, line...), '\r', '\n')
}

func (c *conn) header(kind byte, n int) {
	c.answers = strconv.AppendInt(append(c.answers, kind), int64(n), 10)
	c.answers = append(c.answers, '\r', '\n')
}

func (c *conn) bulk(value *[]byte) {
	if value == nil {
		c.text("$-1")
		return
	}
	c.header('$', len(*value))
	c.answers = append(append(c.answers, *value...), '\r', '\n')
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.some.Broadcast()
	return nil
}

func (c *conn) LocalAddr() net.Addr              { return address{} }
func (c *conn) RemoteAddr() net.Addr             { return address{} }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// address is the address of both ends of a connection.
type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "fakeserver" }
