package xcachetest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xcache-go/xcache/xcachetest"
)

// waitTimeout bounds waits for an event.
const waitTimeout = 10 * time.Second

// pause is the time for which a test checks that nothing happens.
const pause = 30 * time.Millisecond

func TestProxyPassesBytesBothWaysAndCountsThem(t *testing.T) {
	p, c := dialEcho(t)
	for range 3 {
		c.ask(t, "hello", "HELLO")
	}
	want := xcachetest.ProxyStats{Connections: 1, RoundTrips: 3, RequestBytes: 18, ReplyBytes: 18}
	if got := p.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
	if got, want := string(p.Transcript()), strings.Repeat("hello\n", 3); got != want {
		t.Errorf("Transcript() = %q, want %q", got, want)
	}
	p.ResetStats()
	if got := p.Stats(); got != (xcachetest.ProxyStats{}) || len(p.Transcript()) != 0 {
		t.Errorf("after ResetStats: Stats() = %+v, Transcript() = %q", got, p.Transcript())
	}
}

func TestProxyCountsPipelinedRequestsAsOneRoundTrip(t *testing.T) {
	p, c := dialEcho(t)
	c.send(t, "a\nb\nc\n")
	for _, want := range []string{"A", "B", "C"} {
		c.expect(t, want)
	}
	if got := p.Stats().RoundTrips; got != 1 {
		t.Errorf("RoundTrips = %d, want 1", got)
	}
}

func TestProxyStall(t *testing.T) {
	for _, test := range []struct {
		name      string
		stall     func(*xcachetest.Proxy)
		toServer  string // the bytes at the server during the stall
		connected bool
	}{
		{name: "both ways", stall: (*xcachetest.Proxy).Stall, toServer: ""},
		{name: "replies", stall: (*xcachetest.Proxy).StallReplies, toServer: "held\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, c := dialEcho(t)
			c.ask(t, "before", "BEFORE")
			p.ResetStats()
			test.stall(p)
			c.send(t, "held\n")
			c.expectNothing(t)
			for deadline := time.Now().Add(waitTimeout); string(p.Transcript()) != test.toServer; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("the server got %q during the stall, want %q", p.Transcript(), test.toServer)
				}
			}
			late := dial(t, p.Addr()) // still accepted
			late.send(t, "late\n")
			late.expectNothing(t)
			p.Resume()
			c.expect(t, "HELD")
			late.expect(t, "LATE")
			c.ask(t, "after", "AFTER")
		})
	}
}

func TestProxyDelaysReplies(t *testing.T) {
	p, c := dialEcho(t)
	p.Delay(pause)
	start := time.Now()
	c.ask(t, "slow", "SLOW")
	if took := time.Since(start); took < pause {
		t.Errorf("the reply took %v, want at least %v", took, pause)
	}
	p.Delay(0)
	c.ask(t, "fast", "FAST")
}

func TestProxyCutsConnections(t *testing.T) {
	for name, test := range map[string]struct {
		cut  func(*xcachetest.Proxy)
		want error
	}{
		"in order":          {(*xcachetest.Proxy).Cut, io.EOF},
		"by reset":          {(*xcachetest.Proxy).Reset, syscall.ECONNRESET},
		"during a stall":    {func(p *xcachetest.Proxy) { p.Stall(); p.Cut(); p.Resume() }, io.EOF},
		"when it is closed": {(*xcachetest.Proxy).Close, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			p, c := dialEcho(t)
			c.ask(t, "before", "BEFORE")
			test.cut(p)
			if _, err := c.read(waitTimeout); !errors.Is(err, test.want) {
				t.Errorf("read after the cut: %v, want %v", err, test.want)
			}
			if name != "when it is closed" {
				dial(t, p.Addr()).ask(t, "again", "AGAIN")
			}
		})
	}
}

func TestProxyCutsAReplyAfterEachByte(t *testing.T) {
	const reply = "HELLO\n"
	for n := range len(reply) {
		p, c := dialEcho(t)
		c.ask(t, "before", "BEFORE")
		p.ResetStats()
		p.CutReply(n)
		c.send(t, "hello\n")
		got, err := io.ReadAll(c.Conn)
		if err != nil || string(got) != reply[:n] {
			t.Errorf("CutReply(%d): the client got %q, %v, want %q", n, got, err, reply[:n])
		}
		if got := string(p.Transcript()); got != "hello\n" {
			t.Errorf("CutReply(%d): the server got %q, want the whole request", n, got)
		}
		if got := p.Stats(); got.CutReplies != 1 || got.ReplyBytes != int64(n) {
			t.Errorf("CutReply(%d): Stats() = %+v, want one cut after %d bytes", n, got, n)
		}
		dial(t, p.Addr()).ask(t, "again", "AGAIN") // once only
	}
}

func TestProxyCutWaitsForAReplyThatIsLongEnough(t *testing.T) {
	p, c := dialEcho(t)
	p.CutReply(4)
	c.ask(t, "ab", "AB")
	c.send(t, "cd\n")
	if got, err := io.ReadAll(c.Conn); err != nil || string(got) != "C" {
		t.Errorf("the second reply was %q, %v, want its first byte", got, err)
	}
	c = dial(t, p.Addr())
	p.CutReply(0)
	p.CutReply(-1)
	c.ask(t, "ef", "EF")
}

func TestProxyCutsARequest(t *testing.T) {
	for _, test := range []struct {
		n     int
		reply string
	}{{0, ""}, {3, ""}, {4, "ABC\n"}, {6, "ABC\n"}, {8, "ABC\nDEF\n"}} {
		p, c := dialEcho(t)
		c.ask(t, "before", "BEFORE")
		p.ResetStats()
		p.CutRequest(test.n)
		c.send(t, "abc\ndef\nghi\n")
		got, err := io.ReadAll(c.Conn)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) || string(got) != test.reply {
			t.Errorf("CutRequest(%d): the client got %q, %v, want %q", test.n, got, err, test.reply)
		}
		if got := string(p.Transcript()); got != "abc\ndef\nghi\n"[:test.n] {
			t.Errorf("CutRequest(%d): the server got %q", test.n, got)
		}
		if got := p.Stats(); got.CutRequests != 1 || got.RequestBytes != int64(test.n) {
			t.Errorf("CutRequest(%d): Stats() = %+v, want one cut after %d bytes", test.n, got, test.n)
		}
		dial(t, p.Addr()).ask(t, "again", "AGAIN") // once only
	}
}

func TestProxyCutWaitsForARequestThatIsLongEnough(t *testing.T) {
	p, c := dialEcho(t)
	p.CutRequest(4)
	c.ask(t, "ab", "AB")
	c.send(t, "cd\n")
	if got, err := io.ReadAll(c.Conn); err != nil && !errors.Is(err, syscall.ECONNRESET) || len(got) != 0 {
		t.Errorf("the second reply was %q, %v, want none", got, err)
	}
	if got := string(p.Transcript()); got != "ab\nc" {
		t.Errorf("the server got %q", got)
	}
	c = dial(t, p.Addr())
	p.CutRequest(0)
	p.CutRequest(-1)
	c.ask(t, "ef", "EF")
}

func TestProxyRefusesAndAcceptsAgain(t *testing.T) {
	p, c := dialEcho(t)
	c.ask(t, "before", "BEFORE") // the proxy has accepted the connection, which the end of its listener would reset
	p.Refuse()
	p.Refuse()
	if conn, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial = %v, %v, want a refusal", conn, err)
	}
	c.ask(t, "still", "STILL")
	for range 2 {
		if err := p.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, p.Addr()).ask(t, "back", "BACK")
}

func TestProxyResetsClientsOfAServerThatIsDown(t *testing.T) {
	server := echoServer(t)
	p := xcachetest.NewProxy(t, server.Addr().String())
	server.Close()
	if conn, err := net.Dial("tcp", p.Addr()); err == nil { // the reset may come first
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(waitTimeout))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read without a server: %v, want the end of the connection", err)
		}
	}
	if got := p.OpenConnections(); got != 0 {
		t.Errorf("OpenConnections() = %d, want 0", got)
	}
}

func TestProxyCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	server := echoServer(t)
	p := xcachetest.NewProxy(t, server.Addr().String())
	for range 5 {
		dial(t, p.Addr()).ask(t, "x", "X")
	}
	p.Stall()
	p.Close()
	p.Close()
	if got := p.OpenConnections(); got != 0 {
		t.Errorf("OpenConnections() = %d, want 0", got)
	}
	if err := p.Accept(); err == nil {
		t.Error("Accept on a closed proxy succeeded")
	}
	server.Close()
	for deadline := time.Now().Add(waitTimeout); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestProxyUnderConcurrentUse(t *testing.T) {
	server := echoServer(t)
	p := xcachetest.NewProxy(t, server.Addr().String())
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 20 {
				conn, err := net.Dial("tcp", p.Addr())
				if err != nil {
					continue // refused just now
				}
				_ = conn.SetDeadline(time.Now().Add(waitTimeout))
				_, _ = io.WriteString(conn, "x\n")
				_, _ = io.ReadFull(conn, make([]byte, 2)) // cut or not
				conn.Close()
			}
		})
	}
	for range 20 {
		p.Stall()
		p.Resume()
		p.CutReply(1)
		p.Refuse()
		if err := p.Accept(); err != nil {
			t.Error(err)
		}
		p.Reset()
	}
	p.CutReply(-1)
	clients.Wait()
	dial(t, p.Addr()).ask(t, "fine", "FINE")
}

// echoServer answers each line with the line in capitals.
func echoServer(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				// The lines that come together are answered together.
				buffer, rest := make([]byte, 4<<10), ""
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					rest += string(buffer[:n])
					lines := rest[:strings.LastIndex(rest, "\n")+1]
					rest = rest[len(lines):]
					_, _ = io.WriteString(conn, strings.ToUpper(lines))
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	return listener
}

func dialEcho(t *testing.T) (*xcachetest.Proxy, *client) {
	t.Helper()
	p := xcachetest.NewProxy(t, echoServer(t).Addr().String())
	return p, dial(t, p.Addr())
}

type client struct {
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{Conn: conn, lines: bufio.NewReader(conn)}
}

func (c *client) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func (c *client) read(within time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

func (c *client) expect(t *testing.T, want string) {
	t.Helper()
	if got, err := c.read(waitTimeout); err != nil || got != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

func (c *client) expectNothing(t *testing.T) {
	t.Helper()
	if got, err := c.read(pause); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %q, %v, want nothing", got, err)
	}
}

func (c *client) ask(t *testing.T, text, want string) {
	t.Helper()
	c.send(t, text+"\n")
	c.expect(t, want)
}
