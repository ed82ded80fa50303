package valkey_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/xcachetest"
)

// longTimeout is a time-out that no test measures. longTimeouts are the parameters of a DSN
// with that length.
const (
	longTimeout  = 30 * time.Second
	longTimeouts = "op_timeout=30s&dial_timeout=30s"
)

func dialTo(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

func TestSilentConnectionIsReplacedAndLongCallsGoOnWaiting(t *testing.T) {
	server := subject.Standalone(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	const opTimeout = time.Second
	dsn := drivertest.Parse(t, "valkey://fake?pool_size=1")
	dsn.OpTimeout = opTimeout
	var sent atomic.Bool // later connections do not go through the proxy
	s := subject.OpenDSN(t, dsn, func(ctx context.Context, _, _ string) (net.Conn, error) {
		if sent.Load() {
			return dialTo(ctx, server.Addr)
		}
		return dialTo(ctx, proxy.Addr())
	}).(*valkey.Store)
	k := drivertest.Key(t, "k")
	require.NoError(t, drivertest.WhenQuick(func() error { return drivertest.Put(t, s, k, "v") }))
	proxy.StallReplies()
	patient := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // longer than all waiting below
		defer cancel()
		patient <- drivertest.Do(ctx, s, "INCRBY", driver.Key(drivertest.Key(t, "n")), driver.Int(1))
	}()
	// This call goes first, because the connection ends with its first call if that call
	// has less time.
	drivertest.Eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte(drivertest.Key(t, "n"))) }, func() string { return "the call was not sent" })
	sent.Store(true)
	drivertest.Eventually(t, func() bool {
		_, err := s.Incr(t.Context(), k+":none", 1) // without a deadline
		return err != nil && strings.Contains(err.Error(), "not found")
	}, func() string { return "the silent connection is not replaced" })
	select {
	case err := <-patient:
		require.Fail(t, "a call that had time left has ended", err)
	default:
	}
	proxy.Resume()
	require.NoError(t, <-patient)
	drivertest.Eventually(t, func() bool { return proxy.OpenConnections() == 0 }, func() string { return "the connection that was replaced stays open" })
}

func TestReadTimeoutClosesASilentConnection(t *testing.T) {
	proxy := xcachetest.NewProxy(t, subject.Standalone(t).Addr)
	const opTimeout = time.Minute
	dsn := drivertest.Parse(t, "valkey://"+proxy.Addr()+"?read_timeout=1s")
	dsn.OpTimeout = opTimeout
	s := subject.OpenDSN(t, dsn, nil)
	k := drivertest.Key(t, "k")
	require.NoError(t, drivertest.WhenQuick(func() error { return drivertest.Put(t, s, k, "v") }))
	proxy.StallReplies()
	start := time.Now()
	err := drivertest.Do(t.Context(), s, "INCRBY", driver.Key(k+"n"), driver.Int(1))
	drivertest.WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	require.LessOrEqual(t, time.Since(start), opTimeout/2, "took")
	proxy.Resume()
	require.NoError(t, drivertest.WhenQuick(func() error { return drivertest.Put(t, s, k, "v") }))
}

func TestManyCallersShareFewConnections(t *testing.T) {
	proxy := xcachetest.NewProxy(t, subject.Standalone(t).Addr)
	proxy.Delay(5 * time.Millisecond)
	s := subject.Open(t, "valkey://"+proxy.Addr()+"?pool_size=3&"+longTimeouts)
	one := func(callers int) int {
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for range 10 {
					assert.NoError(t, drivertest.Put(t, s, drivertest.Key(t, fmt.Sprint(i)), "v"))
				}
			})
		}
		wg.Wait()
		return proxy.OpenConnections()
	}
	require.Equal(t, 1, one(1), "connections for one caller")
	most := 0
	drivertest.Eventually(t, func() bool {
		most = one(100)
		return most >= 3
	}, func() string { return "the pool does not grow" })
	require.Equal(t, 3, most, "connections for a hundred callers")
}

// A server that does not reply in RESP, or replies without a request, must not crash the
// process.
func TestMalformedReplies(t *testing.T) {
	for _, reply := range []string{
		"$-2\r\n", "$99999999999999999999\r\n", "*-7\r\n", "*9999999999\r\n", "%-1\r\n", "$5\r\nhel", "nonsense\r\n", "\x00\x01\x02\r\n",
		strings.Repeat("*1\r\n", 100_000), "+OK\r\n+OK\r\n+OK\r\n", "$3\r\nabc\r\n$-9\r\n",
	} {
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%.12q/%v", reply, pipelining), func(t *testing.T) {
				addr := answering(t, reply)
				dsn := drivertest.Parse(t, "valkey://"+addr+"?pool_size=1")
				dsn.OpTimeout = 300 * time.Millisecond
				s := subject.OpenDSN(t, dsn, nil)
				callers := 1
				if pipelining {
					callers = 20
				}
				var failed atomic.Int32
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for range 3 {
							ctx, cancel := context.WithTimeout(t.Context(), time.Second)
							if err := drivertest.Do(ctx, s, "INCRBY", driver.Key("k"), driver.Int(1)); err != nil {
								failed.Add(1)
								// The rest of an incomplete reply may be on its way, so the
								// caller's time may end first.
								assert.True(t, errors.Is(err, cmp.Or(ctx.Err(), driver.ErrUnavailable)) || errors.Is(err, driver.ErrUnavailable), err)
							}
							cancel()
						}
					})
				}
				wg.Wait()
				require.NotZero(t, failed.Load(), "no call has failed")
			})
		}
	}
}

// answering returns the address of a server that replies to HELLO correctly. The server
// replies to the first other command on each connection with a text.
func answering(t testing.TB, reply string) string {
	t.Helper()
	return serving(t, func() func(net.Conn) {
		said := false
		return func(conn net.Conn) {
			if !said {
				said = true
				_, _ = conn.Write([]byte(reply))
			}
		}
	}, "INCRBY")
}

// serving returns the address of a server that replies to HELLO correctly. Each connection
// replies to a command by a function of its own.
func serving(t testing.TB, newAnswer func() func(net.Conn), command string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				answer := newAnswer()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					switch lines.Text() {
					case "HELLO":
						_, _ = conn.Write([]byte("*2\r\n$5\r\nproto\r\n:2\r\n"))
					case command:
						answer(conn)
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	return listener.Addr().String()
}
