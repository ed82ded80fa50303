package exclusive_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exclusive"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A server sends the bytes of a test, which no real server would send.
type server struct {
	t    *testing.T
	conn net.Conn
}

// begin returns a session at a server of the test, after the handshake.
func begin(t *testing.T) (driver.Session, server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if assert.NoError(t, err) {
			accepted <- conn
		}
	}()
	session := open(t, listener.Addr().String(), nil)
	conn := <-accepted
	t.Cleanup(func() { _ = conn.Close() })
	return session, server{t, conn}
}

// beginInBubble is begin in a bubble of synctest, whose time is the time of the connection
// as well. The server reads what the session sends.
func beginInBubble(t *testing.T) (driver.Session, server) {
	t.Helper()
	conn, of := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, of) }()
	session := open(t, "pipe:1", func(context.Context, string, string) (net.Conn, error) { return conn, nil })
	return session, server{t, of}
}

// open returns a session. Its time-outs are long, because no test measures them.
func open(t *testing.T, addr string, dial func(context.Context, string, string) (net.Conn, error)) driver.Session {
	t.Helper()
	dsn, err := driver.ParseDSN("redis://" + addr + "?hello=off&dial_timeout=" + plenty.String())
	require.NoError(t, err)
	dsn.OpTimeout = plenty
	s, err := settings.Read(dsn)
	require.NoError(t, err)
	pool := exclusive.NewPool(connection.Dialer{Settings: s, Dial: dial})
	t.Cleanup(pool.Close)
	session, err := pool.Exclusive(t.Context(), "")
	require.NoError(t, err)
	return session
}

func (s server) say(text string) {
	_, err := s.conn.Write([]byte(text))
	assert.NoError(s.t, err)
}

func sendOne(t *testing.T, session driver.Session, name string, args ...driver.Arg) {
	t.Helper()
	require.NoError(t, session.Send(t.Context(), []*driver.Cmd{driver.NewCustomCmd(name, args...)}))
}

func receive(t *testing.T, session driver.Session, within time.Duration) (driver.Incoming, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return session.Receive(ctx)
}

const plenty = 30 * time.Second

// A reply may arrive in parts, and the context of a call may end after each part.
func TestNothingOfAReplyIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session, server := beginInBubble(t)
		element := strings.Repeat("element", 10_000)
		reply := "*2\r\n$4\r\nlist\r\n$70000\r\n" + element + "\r\n"
		cuts := []int{1, 3, 4, 6, 12, 14, 20, 22, 23, 1000, 20_000, 70_000, len(reply) - 1, len(reply)}
		for range 2 {
			sendOne(t, session, "BLPOP", driver.Key("list"), driver.Int(0))
			from := 0
			for _, to := range cuts {
				_, err := receive(t, session, 2*time.Millisecond)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, driver.ErrUnknownOutcome)
				require.NoError(t, session.Err())
				go server.say(reply[from:to]) // until the next call has read the part
				from = to
			}
			in, err := receive(t, session, plenty)
			require.NoError(t, err)
			require.False(t, in.Pushed)
			require.Len(t, in.Reply.Items, 2)
			require.Equal(t, element, string(in.Reply.Items[1].Data))
		}
		sendOne(t, session, "PING")
		go server.say("+PONG\r\n")
		in, err := receive(t, session, plenty)
		require.NoError(t, err)
		require.Equal(t, "PONG", string(in.Reply.Data))
	})
}

// A silent server, and a reply that does not fit the command, end the session.
func TestNonsenseEndsASession(t *testing.T) {
	for name, tt := range map[string]struct {
		command, says string
	}{
		"nobody has asked":         {"", "+PONG\r\n"},
		"a message without reason": {"", "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"},
		"another kind":             {"LLEN", "$1\r\n1\r\n"},
		"an endless line":          {"LLEN", ":" + strings.Repeat("1", 100)},
		"a length below zero":      {"LLEN", "$-2\r\n"},
		"a reply to SUBSCRIBE":     {"SUBSCRIBE", "+OK\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			session, server := begin(t)
			if tt.command != "" {
				sendOne(t, session, tt.command, driver.Key("k"))
			}
			server.say(tt.says)
			_, err := receive(t, session, plenty)
			require.ErrorIs(t, err, driver.ErrUnavailable)
			require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
			require.ErrorIs(t, session.Err(), driver.ErrUnavailable)
			_, err = receive(t, session, plenty)
			require.ErrorIs(t, err, driver.ErrUnavailable)
			require.NoError(t, session.Close())
		})
	}
}

// The reply to a command from before the subscription comes first, although the reply looks
// like a message.
func TestRepliesAreToldFromMessages(t *testing.T) {
	session, server := begin(t)
	sendOne(t, session, "LRANGE", driver.Key("k"), driver.Int(0), driver.Int(-1))
	sendOne(t, session, "SUBSCRIBE", driver.Literal("c"), driver.Literal("d"))
	sendOne(t, session, "PING")
	array := "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
	server.say(array + "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" + array + "*3\r\n$9\r\nsubscribe\r\n$1\r\nd\r\n:2\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n" + array)
	for i, pushed := range []bool{false, true, true, true, false, true} {
		in, err := receive(t, session, plenty)
		require.NoError(t, err)
		require.Equal(t, pushed, in.Pushed, "the %d. that came: %v", i+1, in.Reply)
	}
	sendOne(t, session, "PSUBSCRIBE", driver.Literal("p"))
	server.say("-NOPERM no permission\r\n")
	_, err := receive(t, session, plenty)
	require.ErrorIs(t, err, driver.ErrAuth)
	require.NoError(t, session.Err(), "a refusal ends nothing")
}

// The server is silent after MULTI: no command of the transaction is sent, and no outcome
// is unknown.
func TestARefusedMultiSendsNothing(t *testing.T) {
	session, server := begin(t)
	done := make(chan error)
	set := driver.NewCmd("SET", driver.Key("k"), driver.Val(nil))
	go func() { done <- session.Do(t.Context(), []*driver.Cmd{set}, driver.Atomic) }()
	buffer := make([]byte, 1000)
	n, err := server.conn.Read(buffer)
	require.NoError(t, err)
	require.Equal(t, "*1\r\n$5\r\nMULTI\r\n", string(buffer[:n]))
	server.say("-NOPERM no permission\r\n")
	err = <-done
	require.ErrorIs(t, err, driver.ErrAuth)
	require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
	require.NoError(t, session.Err())
}

// A dialer may ignore contexts.
func TestADeafDialerHoldsNobodyUp(t *testing.T) {
	dsn, err := driver.ParseDSN("redis://nowhere")
	require.NoError(t, err)
	s, err := settings.Read(dsn)
	require.NoError(t, err)
	release := make(chan struct{})
	pool := exclusive.NewPool(connection.Dialer{Settings: s, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-release
		return nil, errors.New("too late")
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = pool.Exclusive(ctx, "")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
	require.Zero(t, pool.Sessions())
	close(release)
	pool.Close()
	_, err = pool.Exclusive(t.Context(), "")
	require.ErrorIs(t, err, driver.ErrClosed)
}
