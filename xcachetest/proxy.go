package xcachetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A Proxy stands between a client and a server on loopback, passes and counts bytes in
// both directions, and simulates the faults of networks. A Proxy stalls, delays, cuts and
// resets connections, drops replies, and refuses connections. The server needs no support
// for this, and the client uses a real socket.
//
// All methods may be called concurrently. A fault affects all bytes that are sent after the
// return of its method.
type Proxy struct {
	target   string
	addr     string
	reserved net.PacketConn // keeps the port from the proxies of other processes

	mu         sync.Mutex
	closed     bool
	listener   net.Listener  // nil while connections are refused
	accepting  chan struct{} // closed when the accept loop of listener has ended
	links      map[*link]struct{}
	requests   gate
	replies    gate
	delay      time.Duration
	trickle    time.Duration
	replyLeft  int // reply bytes that pass before the cut; -1 without a cut
	askLeft    int // request bytes that pass before the cut; -1 without a cut
	stats      ProxyStats
	transcript []byte // requests

	work sync.WaitGroup
}

// ProxyStats counts the traffic of a Proxy since its creation, or since the last
// ResetStats.
type ProxyStats struct {
	// Connections is the number of accepted connections. Connections are accepted in the
	// order in which clients made them.
	Connections int
	// RoundTrips is the number of requests that were followed by a reply, over all
	// connections. A client that writes several commands before reading makes one round
	// trip. A request without a reply makes none.
	RoundTrips int
	// RequestBytes is the number of bytes to the server. ReplyBytes is the number of bytes
	// from the server. Withheld bytes are not counted.
	RequestBytes, ReplyBytes int64
	// CutReplies is the number of cuts by CutReply: the server sent more of these replies
	// than the client got.
	CutReplies int
	// CutRequests is the number of cuts by CutRequest: the client sent more of these
	// requests than the server got.
	CutRequests int
}

// transcriptLimit bounds the number of kept request bytes.
const transcriptLimit = 16 << 20

// NewProxy starts a proxy in front of the server at target (host:port) and closes the
// proxy when the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := newProxy(target)
	if err != nil {
		t.Fatalf("xcachetest: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

func newProxy(target string) (*Proxy, error) {
	p := &Proxy{target: target, links: make(map[*link]struct{}), replyLeft: -1, askLeft: -1}
	p.requests.open()
	p.replies.open()
	// A free port is not reserved, so another process may take the port first.
	var err error
	for range 100 {
		p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		// Between Refuse and Accept nothing listens at the port. Other proxies would take the port
		// then, but no proxy takes a port that is in use for UDP.
		if p.reserved, err = net.ListenPacket("udp", p.addr); err != nil {
			continue
		}
		if err = p.Accept(); err == nil {
			return p, nil
		}
		p.reserved.Close()
	}
	return nil, err
}

// The proxy listens below the range of ports that systems use for outgoing connections.
// In that range, a client that dials while connections are refused could get the proxy's
// port as its local port. The client would then connect to itself.
const (
	lowestPort  = 10000
	highestPort = 12000
)

// Addr returns the address to connect to, as host:port. The address does not change.
func (p *Proxy) Addr() string { return p.addr }

// Stall stops all bytes, in both directions, until Resume. Connections stay open and new
// connections are accepted, as with a server that hangs, or a network that drops packets.
func (p *Proxy) Stall() { p.setGates(false, false) }

// StallReplies passes requests and keeps the replies until Resume.
func (p *Proxy) StallReplies() { p.setGates(true, false) }

// Resume ends Stall and StallReplies. Kept bytes are then passed, in order.
func (p *Proxy) Resume() { p.setGates(true, true) }

func (p *Proxy) setGates(requests, replies bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests.set(requests)
	p.replies.set(replies)
}

// Delay delays every piece of a reply by d; 0 ends the delay.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Trickle passes replies one byte at a time, with a pause of d between two bytes; 0 ends
// the trickle.
func (p *Proxy) Trickle(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trickle = d
}

// Cut closes every connection in an orderly way.
func (p *Proxy) Cut() { p.closeLinks((*link).close) }

// Reset closes every connection with a TCP reset.
func (p *Proxy) Reset() { p.closeLinks((*link).reset) }

// CutReply passes n bytes of the next reply and then closes its connection. With n = 0 the
// server has received and answered the request, and the client gets no byte. A reply of at
// most n bytes passes completely, and the rest of n counts for the next reply. The cut
// happens once, and ProxyStats.CutReplies counts the cut. A negative n cancels the cut.
func (p *Proxy) CutReply(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replyLeft = max(n, -1)
}

// CutRequest passes n bytes of the next request. When the client sends more, the proxy
// closes the connection, as a server that refuses the request. Before the close, the
// server's reply to the n bytes passes; the proxy waits at most a second for a reply, without
// the time in which the process does not run. A request of at most n bytes passes completely,
// and the rest of n counts for the next request. The cut happens once, and
// ProxyStats.CutRequests counts the cut. A negative n cancels the cut.
func (p *Proxy) CutRequest(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.askLeft = max(n, -1)
}

// Refuse makes the system refuse new connections, as without a server at the address.
// Existing connections stay: a call of Cut after Refuse simulates a dead server.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	listener, accepting := p.listener, p.accepting
	p.listener = nil
	p.mu.Unlock()
	if listener != nil {
		listener.Close()
		<-accepting
	}
}

// Accept ends Refuse. Accept fails if another process has taken the port.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("the proxy is closed")
	}
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("the proxy cannot listen: %w", err)
	}
	accepting := make(chan struct{})
	p.listener, p.accepting = listener, accepting
	p.work.Go(func() {
		defer close(accepting)
		p.acceptAll(listener)
	})
	return nil
}

// Stats returns the present counts.
func (p *Proxy) Stats() ProxyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// ResetStats sets the counts of Stats to zero and empties the Transcript.
func (p *Proxy) ResetStats() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats = ProxyStats{}
	p.transcript = nil
}

// Transcript returns the bytes that were passed to the server, of all connections in the
// order of their arrival, up to 16 MiB. The number of a unique key in the transcript is the
// number of times that a command was sent.
func (p *Proxy) Transcript() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]byte(nil), p.transcript...)
}

// OpenConnections returns the number of open connections.
func (p *Proxy) OpenConnections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close cuts every connection and waits for the proxy's goroutines. Closing a
// closed proxy does nothing.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.reserved.Close()
	p.Cut()
	p.work.Wait()
}

func (p *Proxy) closeLinks(end func(*link)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		end(l)
	}
}

func (p *Proxy) acceptAll(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.stats.Connections++
		p.mu.Unlock()
		p.work.Go(func() { p.serve(client) })
	}
}

// serve runs one connection until its end.
func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		(&link{client: client}).reset()
		return
	}
	l := &link{client: client, server: server, ended: make(chan struct{})}
	p.mu.Lock()
	p.links[l] = struct{}{}
	if p.closed {
		l.close()
	}
	p.mu.Unlock()

	var pumps sync.WaitGroup
	pumps.Go(func() {
		defer l.close()
		if errors.Is(l.pump(client, server, p.passRequest, net.Conn.Write), errRequestCut) {
			p.awaitReply(l)
		}
	})
	pumps.Go(func() {
		defer l.close()
		_ = l.pump(server, client, p.passReply, p.writeReply) // the reason of the end does not matter
	})
	pumps.Wait()

	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// passRequest returns the number of bytes of a piece from the client that may pass.
func (p *Proxy) passRequest(l *link, piece []byte) (int, error) {
	if err := l.wait(p, &p.requests); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pass, err := len(piece), error(nil)
	switch {
	case p.askLeft < 0:
	case p.askLeft < len(piece):
		pass, err = p.askLeft, errRequestCut
		p.askLeft = -1
		p.stats.CutRequests++
	default:
		p.askLeft -= len(piece)
	}
	l.asked = l.asked || pass > 0
	p.stats.RequestBytes += int64(pass)
	room := min(pass, transcriptLimit-len(p.transcript))
	p.transcript = append(p.transcript, piece[:room]...)
	return pass, err
}

var (
	errRequestCut = errors.New("the request was cut")
	errReplyCut   = errors.New("the reply was cut")
)

// awaitReply waits until the server has answered the last request, for a limited time.
func (p *Proxy) awaitReply(l *link) {
	const atMost, inFull = time.Second, 20 * time.Millisecond
	watch := stopwatch.Start()
	defer watch.Stop()
	for ; watch.Elapsed() < atMost; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		asked := l.asked
		p.mu.Unlock()
		if !asked {
			stopwatch.Rest(inFull) // the reply may come in pieces
			return
		}
	}
}

// passReply returns the number of bytes of a piece from the server that may pass. An error
// ends the connection after these bytes.
func (p *Proxy) passReply(l *link, piece []byte) (int, error) {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-l.ended:
			return 0, net.ErrClosed
		}
	}
	if err := l.wait(p, &p.replies); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.asked {
		l.asked = false
		p.stats.RoundTrips++
	}
	pass, err := len(piece), error(nil)
	switch {
	case p.replyLeft < 0:
	case p.replyLeft < len(piece):
		pass, err = p.replyLeft, errReplyCut
		p.replyLeft = -1
		p.stats.CutReplies++
	default:
		p.replyLeft -= len(piece)
	}
	p.stats.ReplyBytes += int64(pass)
	return pass, err
}

// writeReply writes a piece of a reply, or each byte of the piece after its pause.
func (p *Proxy) writeReply(to net.Conn, piece []byte) (n int, err error) {
	for n < len(piece) && err == nil {
		p.mu.Lock()
		trickle := p.trickle
		p.mu.Unlock()
		if trickle == 0 {
			break
		}
		time.Sleep(trickle)
		_, err = to.Write(piece[n : n+1])
		n++
	}
	if err != nil {
		return n, err
	}
	rest, err := to.Write(piece[n:])
	return n + rest, err
}

// A link is a connection through the proxy.
type link struct {
	client, server net.Conn
	asked          bool // a request was passed since the last reply; guarded by Proxy.mu
	ended          chan struct{}
	once           sync.Once
}

// pump passes bytes from one side to the other by write, as pass allows, until a side
// fails or pass returns an error.
func (l *link) pump(from, to net.Conn, pass func(*link, []byte) (int, error), write func(net.Conn, []byte) (int, error)) error {
	buffer := make([]byte, 64<<10)
	for {
		n, readErr := from.Read(buffer)
		if n > 0 {
			allowed, err := pass(l, buffer[:n])
			if _, writeErr := write(to, buffer[:allowed]); err != nil || writeErr != nil {
				return cmp.Or(err, writeErr)
			}
		}
		if readErr != nil {
			return readErr
		}
	}
}

// wait returns when the gate is open, or with an error when the link ends.
func (l *link) wait(p *Proxy, g *gate) error {
	p.mu.Lock()
	passable := g.passable
	p.mu.Unlock()
	select {
	case <-passable:
		return nil
	case <-l.ended:
		return net.ErrClosed
	}
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.ended)
		l.client.Close()
		l.server.Close()
	})
}

// reset is close with a TCP reset to the client. A link without a server has a client
// only.
func (l *link) reset() {
	if tcp, ok := l.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // after a failure the close is orderly
	}
	if l.server == nil {
		l.client.Close()
		return
	}
	l.close()
}

// A gate is open while its channel is closed. Proxy.mu guards the gate.
type gate struct {
	passable chan struct{}
	isOpen   bool
}

func (g *gate) open() {
	g.passable = make(chan struct{})
	g.set(true)
}

func (g *gate) set(open bool) {
	switch {
	case open && !g.isOpen:
		close(g.passable)
	case !open && g.isOpen:
		g.passable = make(chan struct{})
	}
	g.isOpen = open
}
