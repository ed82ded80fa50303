package clustered

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// A silent server is left when another server owns its slots, long before its calls would
// time out. Read-only calls are repeated.
func TestSilentServerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := of("a", "k")
		var promoted atomic.Bool
		disconnected := make(chan struct{})
		var once sync.Once
		fail := func() error {
			<-disconnected
			return driver.Fail(driver.ErrClosed, driver.Unknown, nil)
		}
		s := openFake(t, func(n *fakeNode) {
			n.slots = func() driver.Reply {
				view := thirds()
				if promoted.Load() {
					view.Items[0].Items[2] = nodeReply(text("d"), 1)
				}
				return view
			}
			if n.addr != "a:1" {
				return
			}
			n.get = func(context.Context, []string, []driver.Value) error { return fail() }
			n.do = func(context.Context, []*driver.Cmd, driver.How) error { return fail() }
			n.disconnect = func() { once.Do(func() { close(disconnected) }) }
			n.timeout = time.Hour
		})
		time.AfterFunc(3*time.Second, func() { promoted.Store(true) })
		began := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() {
			dst := make([]driver.Value, 1)
			err := s.Get(t.Context(), []string{key}, dst)
			assert.NoError(t, err, "Get = %q, %v, %v", dst[0].Data, dst[0].Err, err)
			assert.Equal(t, "v", string(dst[0].Data), "Get = %q, %v, %v", dst[0].Data, dst[0].Err, err)
		})
		calls.Go(func() {
			incr := driver.NewCmd("INCR", driver.Key(key))
			err := s.Do(t.Context(), []*driver.Cmd{incr}, driver.Plain)
			err = errors.Join(err, incr.Err)
			assert.ErrorIs(t, err, driver.ErrUnavailable, "INCR")
			assert.ErrorIs(t, err, driver.ErrUnknownOutcome, "INCR")
			assert.NotErrorIs(t, err, driver.ErrClosed, "INCR")
		})
		calls.Wait()
		took := time.Since(began)
		require.GreaterOrEqual(t, took, 3*time.Second, "the calls took %v", took)
		require.LessOrEqual(t, took, 4*time.Second, "the calls took %v", took)
	})
}

// The watch ends with the waiting calls, and a call on a slow server continues.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFake(t, func(n *fakeNode) {
			n.do = func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
				time.Sleep(5 * time.Second)
				return hits(ctx, cmds, how)
			}
			n.disconnect = func() { assert.Fail(t, "a server that has its slots was disconnected") }
			n.timeout = time.Hour
		})
		for range 2 {
			cmd := driver.NewCmd("INCR", driver.Key("k"))
			require.NoError(t, s.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
			require.NoError(t, cmd.Err)
			require.True(t, s.router.watched.Load(), "nobody watches right after a call")
			time.Sleep(3 * time.Second)
			require.False(t, s.router.watched.Load(), "somebody watches without calls")
		}
	})
}

// A server that answers with errors, and a scan whose loop takes its time, are no silence.
func TestAnswersThatAreErrorsAreNoSilence(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context, t *testing.T, s *Store){
		"errors": func(ctx context.Context, _ *testing.T, s *Store) {
			var calls sync.WaitGroup
			defer calls.Wait()
			for i := range 4 {
				calls.Go(func() {
					time.Sleep(time.Duration(i) * 25 * time.Millisecond)
					for ctx.Err() == nil {
						set := driver.NewCmd("SET", driver.Key(of("a", "k")), driver.Literal("v"))
						_ = s.Do(ctx, []*driver.Cmd{set}, driver.Plain)
					}
				})
			}
		},
		"a slow loop": func(ctx context.Context, t *testing.T, s *Store) {
			for _, err := range s.Scan(ctx, "*") {
				assert.NoError(t, err)
				time.Sleep(700 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openFake(t, func(n *fakeNode) {
					third := strings.Index("abc", n.addr[:1])
					n.nodes = func() string {
						return fmt.Sprintf("id %s myself,master - 0 0 1 connected %d-%d\n", n.addr, third*slots/3, (third+1)*slots/3-1)
					}
					n.scan = func() []string { return []string{of(n.addr[:1], "1"), of(n.addr[:1], "2")} }
					n.do = func(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
						time.Sleep(100 * time.Millisecond)
						for _, c := range cmds {
							c.Err = reply("OOM command not allowed when used memory > 'maxmemory'.")
						}
						return nil
					}
				})
				require.NoError(t, s.Get(t.Context(), []string{"k"}, make([]driver.Value, 1)))
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				stopped := make(chan bool)
				go func() {
					told := false
					for ctx.Err() == nil {
						time.Sleep(50 * time.Millisecond)
						s.router.mu.Lock()
						for _, server := range s.router.servers {
							told = told || server.silence.told
						}
						s.router.mu.Unlock()
					}
					stopped <- told
				}()
				use(ctx, t, s)
				require.False(t, <-stopped, "a server is called silent")
			})
		})
	}
}
