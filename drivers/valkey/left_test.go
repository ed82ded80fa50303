package valkey_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// After a caller has left, later callers keep the connection and get the right replies, for
// every kind of reply that is still to come.
func TestCallersWhoLeaveCostNoConnection(t *testing.T) {
	server := subject.Standalone(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	var dials atomic.Int32
	store := subject.OpenDSN(t, drivertest.Parse(t, "valkey://fake?pool_size=1&"+longTimeouts), func(ctx context.Context, _, _ string) (net.Conn, error) {
		dials.Add(1)
		return dialTo(ctx, proxy.Addr())
	})
	commander := driver.CapsOf(store).Commander
	key := drivertest.Key(t, "k")
	put := func(value string) error { return drivertest.Put(t, store, key, value) }
	require.NoError(t, put("v"))
	list := drivertest.Key(t, "list")
	require.NoError(t, drivertest.Do(t.Context(), store, "RPUSH", driver.Key(list), driver.Val([]byte("a")), driver.Val([]byte("b"))))

	for name, cmds := range map[string]func() []*driver.Cmd{
		"a value": func() []*driver.Cmd { return []*driver.Cmd{driver.NewCmd("GET", driver.Key(key))} },
		"an array": func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("LRANGE", driver.Key(list), driver.Int(0), driver.Int(-1))}
		},
		"an error": func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("LPUSH", driver.Key(key), driver.Val([]byte("a")))}
		},
		"a pipeline": func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("GET", driver.Key(key)), driver.NewCmd("LLEN", driver.Key(list))}
		},
	} {
		for _, callers := range []int{1, 5} {
			t.Run(fmt.Sprint(name, ", ", callers, " callers"), func(t *testing.T) {
				proxy.StallReplies()
				proxy.ResetStats()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				var leaving sync.WaitGroup
				for range callers {
					leaving.Go(func() {
						batch := cmds()
						err := commander.Do(ctx, batch, driver.Plain)
						if err == nil {
							err = batch[0].Err
						}
						assert.ErrorIs(t, err, context.Canceled)
					})
				}
				// A caller who leaves before the write would end the write, and with the write
				// the connection. The other calls are sent as well, or wait in the queue.
				drivertest.Eventually(t, func() bool { return len(proxy.Transcript()) > 0 }, func() string { return "no call was sent" })
				stopwatch.Rest(15 * time.Millisecond)
				leave()
				leaving.Wait()
				proxy.Resume()
				for i := range 5 {
					value := fmt.Sprint(name, i)
					require.NoError(t, put(value))
					got, err := drivertest.Get(t, store, key)
					require.NoError(t, err)
					require.Equal(t, value, string(got))
				}
			})
		}
	}
	require.EqualValues(t, 1, dials.Load(), "connections")
}

// A caller who leaves in the middle of a reply costs the connection, because valkey-go
// would have to read the rest. The calls behind the reply were not sent, and use another
// connection.
func TestCallersWhoLeaveInAReply(t *testing.T) {
	for _, part := range []string{"$5\r\nhel", "*3\r\n:1\r\n"} {
		half, whole := answering(t, part), answering(t, ":7\r\n")
		var dials atomic.Int32
		var first readingConn
		store := subject.OpenDSN(t, drivertest.Parse(t, "valkey://fake?pool_size=1&"+longTimeouts), func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			if dials.Add(1) > 1 {
				return dialTo(ctx, whole)
			}
			first.Conn, err = dialTo(ctx, half)
			return &first, err
		})
		ctx, cancel := context.WithCancel(t.Context())
		left, behind := make(chan error, 1), make(chan error, 1)
		go func() { left <- drivertest.Do(ctx, store, "INCRBY", driver.Key("k"), driver.Int(1)) }()
		drivertest.Eventually(t, func() bool { return first.hasRead(part) }, func() string { return "the part of a reply does not come" })
		cmd := driver.NewCmd("INCRBY", driver.Key("k"), driver.Int(1))
		go func() { behind <- driver.CapsOf(store).Commander.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain) }()
		stopwatch.Rest(20 * time.Millisecond)
		cancel()
		drivertest.WantErr(t, <-left, driver.Unknown, context.Canceled)
		require.NoError(t, <-behind)
		require.NoError(t, cmd.Err)
		got, err := cmd.Reply.AsInt()
		require.NoError(t, err)
		require.EqualValues(t, 7, got)
		require.EqualValues(t, 2, dials.Load(), "connections")
	}
}

// A readingConn keeps what was read.
type readingConn struct {
	net.Conn
	mu   sync.Mutex
	read []byte
}

// Read implements net.Conn.
func (c *readingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, p[:n]...)
	return n, err
}

func (c *readingConn) hasRead(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.read, []byte(text))
}

// Many callers leave in the middle of a reply, one after the other, and no other caller
// fails.
func TestCallersWhoLeaveInTheirRepliesFailNobody(t *testing.T) {
	const leavers, rounds, pause = 12, 6, 20 * time.Millisecond
	addr := poppingSlowly(t, pause)
	var dials atomic.Int32
	store := subject.OpenDSN(t, drivertest.Parse(t, "valkey://fake?pool_size=1&"+longTimeouts), func(ctx context.Context, _, _ string) (net.Conn, error) {
		dials.Add(1)
		return dialTo(ctx, addr)
	})
	pop := func(ctx context.Context) error {
		return drivertest.Do(ctx, store, "LPOP", driver.Key("k"), driver.Int(2))
	}
	var leaving, staying sync.WaitGroup
	var over atomic.Bool
	for range leavers {
		leaving.Go(func() {
			left := 0
			for try := 0; left < rounds && try < 100*rounds; try++ {
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Millisecond)
				start := time.Now()
				err := pop(ctx)
				cancel()
				if err == nil {
					// A process that did not run may find the reply and the end of the time
					// at once.
					assert.GreaterOrEqual(t, time.Since(start), pause, "a reply that was not the caller's")
					continue
				}
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				left++
			}
			assert.Equal(t, rounds, left, "times that a caller has left")
		})
	}
	staying.Go(func() {
		for !over.Load() {
			assert.NoError(t, pop(t.Context()))
		}
	})
	leaving.Wait()
	over.Store(true)
	staying.Wait()
	t.Logf("%d connections", dials.Load())
}

// poppingSlowly returns the address of a server that replies to HELLO. For every LPOP the
// server sends one element at once and another element after a pause.
func poppingSlowly(t testing.TB, pause time.Duration) string {
	t.Helper()
	return serving(t, func() func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Write([]byte("*2\r\n$1\r\na\r\n"))
			time.Sleep(pause)
			_, _ = conn.Write([]byte("$1\r\nb\r\n"))
		}
	}, "LPOP")
}

// After the return of the call, values belong to the caller again, even if the call has
// left before they were written.
func TestLongValuesAreTheCallersAgain(t *testing.T) {
	const callers, rounds, keys, size = 24, 30, 4, 100_000
	proxy := xcachetest.NewProxy(t, subject.Standalone(t).Addr)
	store := subject.Open(t, "valkey://"+proxy.Addr()+"?pool_size=1&"+longTimeouts) // one connection for all these values
	whole := func(n int) error {
		got, err := drivertest.Get(t, store, drivertest.Key(t, fmt.Sprint(n)))
		if errors.Is(err, driver.ErrNotFound) {
			return nil
		}
		if err == nil && (len(got) != size || got[0] == 0 || !bytes.Equal(bytes.Repeat(got[:1], size), got)) {
			return fmt.Errorf("key %d holds what nobody has stored", n)
		}
		return err
	}
	var left, stored atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			value := make([]byte, size)
			for n := range rounds {
				for i := range value {
					value[i] = byte('a' + caller)
				}
				within := rand.N(80 * time.Millisecond)
				if n == rounds-1 {
					within = time.Minute // the last value is stored, on the slowest machine too
				}
				ctx, cancel := context.WithTimeout(t.Context(), within)
				entries := []driver.Entry{{Key: drivertest.Key(t, fmt.Sprint(n%keys)), Value: value, TTL: time.Minute}}
				err := errors.Join(store.Set(ctx, entries), entries[0].Err)
				cancel()
				clear(value)
				assert.NoError(t, whole(n%keys))
				switch {
				case err == nil:
					stored.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					left.Add(1)
				default:
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d calls have left, %d values were stored", left.Load(), stored.Load())
	require.NotZero(t, left.Load())
	require.NotZero(t, stored.Load())
	for n := range keys {
		require.NoError(t, whole(n))
	}
}
