package clustered

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// During the move of a slot, the lease of a key may be elsewhere. The lease is taken away
// alone, and the transaction behind that was not run when the time is over.
func TestATransactionBehindALoneRevocationKeepsItsError(t *testing.T) {
	key := of("a", "k")
	for _, tt := range []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"its time is over in a moment", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Millisecond)
		}, driver.ErrUnavailable},
		{"its caller leaves", context.WithCancel, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := tt.end(t.Context())
				defer cancel()
				s := openFake(t, func(n *fakeNode) {
					n.do = func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
						if how == driver.Atomic {
							return reply("TRYAGAIN Multiple keys request during rehashing of slot")
						}
						if errors.Is(tt.want, context.Canceled) {
							cancel()
						}
						return hits(ctx, cmds, how)
					}
				})
				cmds := []*driver.Cmd{driver.NewCmd(driver.CmdLeaseRevoke, driver.Key(key)), driver.NewCmd("GETDEL", driver.Key(key))}
				err := s.Do(ctx, cmds, driver.Atomic)
				require.ErrorIs(t, err, tt.want)
				require.Contains(t, err.Error(), "TRYAGAIN")
				require.ErrorIs(t, cmds[1].Err, tt.want)
				var e *driver.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, driver.NotApplied, e.Outcome)
			})
		})
	}
}

func TestATransactionOfACustomCommandGoesToItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []string
		s := openFake(t, func(n *fakeNode) {
			n.do = func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, n.addr)
				return hits(ctx, cmds, how)
			}
		})
		for _, addr := range []string{"a:1", "b:1", "c:1"} {
			key := driver.Key(of(addr[:1], "k"))
			require.NoError(t, s.Do(t.Context(), []*driver.Cmd{driver.NewCustomCmd("BF.ADD", key), driver.NewCmd("GET", key)}, driver.Atomic))
		}
		require.Equal(t, []string{"a:1", "b:1", "c:1"}, sent)
		apart := []*driver.Cmd{driver.NewCustomCmd("BF.ADD", driver.Key(of("a", "k"))), driver.NewCustomCmd("BF.ADD", driver.Key(of("b", "k")))}
		require.ErrorIs(t, s.Do(t.Context(), apart, driver.Atomic), driver.ErrCrossSlot)
		require.Len(t, sent, 3, "a transaction over two slots was sent")
	})
}

// A command without a key is for any primary: one that is down holds up nobody.
func TestCommandsWithoutKeysLeaveAPrimaryThatIsDown(t *testing.T) {
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		synctest.Test(t, func(t *testing.T) {
			s := openFake(t, func(n *fakeNode) {
				n.do = func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
					if n.addr == "a:1" {
						return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("refused")).Retryable()
					}
					return hits(ctx, cmds, how)
				}
			})
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				cmd := driver.NewCustomCmd("PUBLISH", driver.Literal("channel"), driver.Literal("message"))
				require.NoError(t, s.Do(ctx, []*driver.Cmd{cmd}, how), "%v", how)
				require.NoError(t, cmd.Err)
				cancel()
			}
		})
	}
}
