package drivertest

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A scripted is a server that answers each command as a function says. The
// answer may be anything at all.
type scripted struct {
	addr string
	// connections counts the connections that were made.
	connections atomic.Int32
}

// A said is the answer of a scripted server to a command. The server writes text,
// and then hangs up if hangUp is set.
type said struct {
	text   string
	later  string // text that follows a while later
	hangUp bool
}

// serveScript starts a server for one test. reply is called for each command, by
// several goroutines; number counts the connections from 1.
func serveScript(t testing.TB, reply func(number int, words []string) said) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{addr: listener.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			number := int(s.connections.Add(1))
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				serveCommands(conn, func(words []string) said { return reply(number, words) })
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

// serveCommands answers the commands on a connection, each before reading the
// next command.
func serveCommands(conn net.Conn, reply func(words []string) said) {
	requests := bufio.NewReader(conn)
	for {
		words, err := readCommand(requests)
		if err != nil {
			return
		}
		words[0] = strings.ToUpper(words[0])
		a := reply(words)
		if _, err := io.WriteString(conn, a.text); err != nil || a.hangUp {
			return
		}
		if a.later != "" {
			time.Sleep(5 * time.Millisecond)
			if _, err := io.WriteString(conn, a.later); err != nil {
				return
			}
		}
	}
}

func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readNumber(r, '*')
	if err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		size, err := readNumber(r, '$')
		if err != nil {
			return nil, err
		}
		data := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		words[i] = string(data[:size])
	}
	return words, nil
}

func readNumber(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(strings.TrimRight(line[1:], "\r\n"))
}

// handshake answers the commands of a login as servers do, and reports false for
// any other command.
func handshake(words []string) (said, bool) {
	switch words[0] {
	case "HELLO":
		return said{text: "*2\r\n$5\r\nproto\r\n:2\r\n"}, true
	case "AUTH", "CLIENT", "SELECT", "READONLY":
		return said{text: "+OK\r\n"}, true
	}
	return said{}, false
}
