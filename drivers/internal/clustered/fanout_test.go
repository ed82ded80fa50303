package clustered

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// A record has the commands that nodes were sent: "a SET k".
type record struct {
	mu   sync.Mutex
	sent []string
}

func (r *record) add(node string, c *driver.Cmd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, node+" "+c.Name+" "+c.Key()+" "+c.Args[len(c.Args)-1].Text)
}

func reply(text string) error { return servererror.Parse(text, nil) }

// of returns a key with a slot in the third of a node.
func of(node string, name string) string {
	for i := range 100 {
		if key := fmt.Sprint("{", i, "}", name); string("abc"[int(keyslot.Of(key))*3/slots]) == node {
			return key
		}
	}
	panic("no key was found")
}

func TestOrderOfAKeyIsKept(t *testing.T) {
	k, other := of("a", "k"), of("a", "other")
	set := func(key, value string) *driver.Cmd {
		return driver.NewCmd("APPEND", driver.Key(key), driver.Literal(value))
	}
	for _, tt := range []struct {
		name   string
		cmds   []*driver.Cmd
		errs   []string // what node a answers the first time; "" is no error
		resent []string
		failed []int
	}{
		{"one of two keys", []*driver.Cmd{set(k, "1"), set(other, "2"), set(other, "3")}, []string{"", "MOVED", "MOVED"}, []string{other + " 2", other + " 3"}, nil},
		{"the later of two", []*driver.Cmd{set(k, "1"), set(k, "2")}, []string{"", "ASK"}, []string{k + " 2"}, nil},
		{"the first of two", []*driver.Cmd{set(k, "1"), set(k, "2")}, []string{"ASK", ""}, nil, []int{0}},
		{"the first of two, another in between", []*driver.Cmd{set(k, "1"), set(other, "x"), set(k, "2")}, []string{"MOVED", "MOVED", "ERR no"}, []string{other + " x"}, []int{0, 2}},
		{"both", []*driver.Cmd{set(k, "1"), set(k, "2")}, []string{"ASK", "MOVED"}, []string{k + " 1", k + " 2"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var later record
				var first sync.Once
				s := openFake(t, func(n *fakeNode) {
					n.do = func(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
						again := true
						if n.addr == "a:1" {
							first.Do(func() { again = false })
						}
						for i, c := range cmds {
							c.Reply = driver.IntReply(1)
							if again {
								later.add(n.addr, c)
								continue
							}
							if text := tt.errs[i]; text == "MOVED" || text == "ASK" {
								c.Err = reply(fmt.Sprint(text, " ", keyslot.Of(c.Key()), " b:1"))
							} else if text != "" {
								c.Err = reply(text)
							}
						}
						return nil
					}
				})
				require.NoError(t, s.Do(t.Context(), tt.cmds, driver.Plain))
				var want []string
				for _, w := range tt.resent {
					want = append(want, "b:1 APPEND "+w)
				}
				require.Equal(t, want, later.sent, "sent again were")
				for i, c := range tt.cmds {
					require.Equal(t, slices.Contains(tt.failed, i), c.Err != nil, "command %d: %v", i, c.Err)
				}
			})
		})
	}
}

// Two nodes that redirect a call to each other end the call in time, and do not spin.
func TestNodesThatDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls record
		s := openFake(t, func(n *fakeNode) {
			n.do = func(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
				to := "b:1"
				if n.addr == to {
					to = "a:1"
				}
				for _, c := range cmds {
					calls.add(n.addr, c)
					c.Err = reply(fmt.Sprint("MOVED ", keyslot.Of(c.Key()), " ", to))
				}
				return nil
			}
		})
		err := s.Do(t.Context(), []*driver.Cmd{driver.NewCmd("INCR", driver.Key("k"))}, driver.Plain)
		require.False(t, !errors.Is(err, driver.ErrUnavailable) && err != nil)
		n := len(calls.sent)
		require.GreaterOrEqual(t, n, 5, "%d tries", n)
		require.LessOrEqual(t, n, 60, "%d tries", n)
	})
}

func TestPartsOfACommandAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := of("a", "1"), of("b", "2"), of("c", "3")
		s := openFake(t, func(n *fakeNode) {
			n.do = func(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
				if n.addr == "c:1" {
					return driver.Fail(driver.ErrAuth, driver.NotApplied, errors.New("NOPERM"))
				}
				for _, cmd := range cmds {
					if cmd.Reply = driver.IntReply(int64(len(cmd.Args))); cmd.Name == "MGET" {
						var found []driver.Reply
						for _, key := range cmd.Args {
							found = append(found, text(key.Text))
						}
						cmd.Reply = driver.ArrayReply(found...)
					}
				}
				return nil
			}
		})
		mget, exists := keysCommand("MGET", []string{b, a, b, a}), keysCommand("EXISTS", []string{a, b, b})
		require.NoError(t, s.Do(t.Context(), []*driver.Cmd{mget, exists}, driver.Plain))
		for i, key := range []string{b, a, b, a} {
			require.Equal(t, key, string(mget.Reply.Items[i].Data), "MGET: %d", i)
		}
		require.EqualValues(t, 3, exists.Reply.Int, "EXISTS")
		n, err := s.Delete(t.Context(), []string{a, c, b})
		require.Equal(t, 2, n, "Delete, in part")
		require.ErrorIs(t, err, driver.ErrAuth, "Delete, in part")
		require.ErrorIs(t, err, driver.ErrUnknownOutcome, "Delete, in part")
		mget = keysCommand("MGET", []string{a, c})
		require.NoError(t, s.Do(t.Context(), []*driver.Cmd{mget}, driver.Plain), "MGET, in part")
		require.ErrorIs(t, mget.Err, driver.ErrAuth, "MGET, in part")
		require.NotErrorIs(t, mget.Err, driver.ErrUnknownOutcome, "MGET, in part")
	})
}

// A command that was divided, and whose parts find no more time, fails as the whole command did.
func TestPartsThatAreNeverSentHaveTheFailureOfTheWhole(t *testing.T) {
	slot := of("a", "")
	there := of("b", "k")
	for name, bound := range map[string]func(*testing.T) context.Context{
		"the caller leaves": func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		},
		"the time is over": func(t *testing.T) context.Context { return t.Context() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openFake(t, func(n *fakeNode) {
					n.timeout = 100 * time.Millisecond
					n.do = func(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
						if n.addr != "a:1" { // a server that is not reached in time
							select {
							case <-ctx.Done():
							case <-time.After(n.timeout):
							}
							return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("no answer"))
						}
						for _, c := range cmds {
							c.Err = reply("TRYAGAIN Multiple keys request during rehashing of slot")
						}
						return nil
					}
				})
				unlink := keysCommand("UNLINK", []string{slot + "1", slot + "2", there})
				err := s.Do(bound(t), []*driver.Cmd{unlink}, driver.Plain)
				err = errors.Join(err, unlink.Err)
				require.Error(t, err)
				require.NotEmpty(t, err.Error())
				require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
			})
		})
	}
}
