package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A waiting is a command that waits, in a goroutine of its own.
type waiting struct {
	cmd  *driver.Cmd
	err  error
	done chan struct{}
}

// begin runs a command, and returns when the command waits or has returned. The test is in
// a bubble.
func begin(ctx context.Context, store *memory.Store, cmd *driver.Cmd) *waiting {
	w := &waiting{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.err = store.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
	}()
	synctest.Wait()
	return w
}

// waits reports whether the command still waits when all goroutines are idle.
func (w *waiting) waits() bool {
	synctest.Wait()
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// want fails the test unless the command has returned a reply.
func (w *waiting) want(t *testing.T, want string) {
	t.Helper()
	require.False(t, w.waits(), "%s waits", w.cmd.Name)
	require.NoError(t, errors.Join(w.err, w.cmd.Err))
	require.Equal(t, want, text(w.cmd.Reply))
}

func blpop(seconds time.Duration, keys ...string) *driver.Cmd {
	cmd := driver.NewCmd("BLPOP")
	for _, key := range keys {
		cmd.Args = append(cmd.Args, driver.Key(key))
	}
	cmd.Args = append(cmd.Args, driver.WaitSeconds(seconds))
	return cmd
}

// text returns a reply in one line.
func text(r driver.Reply) string {
	switch r.Kind {
	case driver.ReplyNil:
		return "nil"
	case driver.ReplyArray:
		texts := make([]string, len(r.Items))
		for i, item := range r.Items {
			texts[i] = text(item)
		}
		return fmt.Sprint(texts)
	case driver.ReplyInt:
		return fmt.Sprint(r.Int)
	case driver.ReplyFloat:
		f, _ := r.AsFloat()
		return fmt.Sprint(f)
	}
	return string(r.Data)
}

// inBubble runs a test on a store. Time passes when all goroutines wait.
func inBubble(t *testing.T, test func(t *testing.T, store *memory.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newStore(t, memory.Options{})) })
}

func runLine(t *testing.T, store *memory.Store, line string) {
	t.Helper()
	cmd := command(line)
	require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
	require.NoError(t, cmd.Err)
}

func TestEveryCommandThatWaitsIsServedByAWrite(t *testing.T) {
	for _, test := range []struct {
		name        string
		cmd         *driver.Cmd
		write, want string
	}{
		{"BLPOP", blpop(0, "a", "k"), "RPUSH k x y", "[k x]"},
		{"BRPOP", driver.NewCmd("BRPOP", driver.Key("k"), driver.WaitSeconds(0)), "RPUSH k x y", "[k y]"},
		{"BLMOVE", driver.NewCmd("BLMOVE", driver.Key("k"), driver.Key("to"), driver.Literal("LEFT"), driver.Literal("RIGHT"), driver.WaitSeconds(0)), "RPUSH k x y", "x"},
		{"BLMPOP", driver.NewCmd("BLMPOP", driver.WaitSeconds(0), driver.Int(2), driver.Key("a"), driver.Key("k"), driver.Literal("LEFT"), driver.Literal("COUNT"), driver.Int(5)), "RPUSH k x y", "[k [x y]]"},
		{"BZPOPMIN", driver.NewCmd("BZPOPMIN", driver.Key("k"), driver.WaitSeconds(0)), "ZADD k 1 a 2 b", "[k a 1]"},
		{"BZPOPMAX", driver.NewCmd("BZPOPMAX", driver.Key("k"), driver.WaitSeconds(0)), "ZADD k 1 a 2 b", "[k b 2]"},
		{"BZMPOP", driver.NewCmd("BZMPOP", driver.WaitSeconds(0), driver.Int(1), driver.Key("k"), driver.Literal("MAX")), "ZADD k 1 a 2 b", "[k [b 2]]"},
		{"XREAD", driver.NewCmd("XREAD", driver.Literal("BLOCK"), driver.WaitMilliseconds(0), driver.Literal("STREAMS"), driver.Key("k"), driver.Literal("$")), "XADD k 5-1 f v", "[k [[5-1 [f v]]]]"},
		{"a list that is renamed", blpop(0, "k"), "RENAME full k", "[k z]"},
		{"a list that is moved to", blpop(0, "k"), "LMOVE full k LEFT LEFT", "[k z]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store *memory.Store) {
				runLine(t, store, "RPUSH full z")
				w := begin(t.Context(), store, test.cmd)
				require.True(t, w.waits())
				runLine(t, store, "SET other v")
				require.True(t, w.waits())
				runLine(t, store, test.write)
				w.want(t, test.want)
			})
		})
	}
}

// The ID $ is that of the call, whoever waits before for the same key.
func TestReadersBehindTheLastEntryGetTheSameEntries(t *testing.T) {
	read := func() *driver.Cmd {
		return driver.NewCmd("XREAD", driver.Literal("BLOCK"), driver.WaitMilliseconds(0), driver.Literal("STREAMS"), driver.Key("k"), driver.Literal("$"))
	}
	for name, before := range map[string]*driver.Cmd{"behind a reader": read(), "behind a caller who takes": blpop(0, "k")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store *memory.Store) {
				first := begin(t.Context(), store, before)
				require.True(t, first.waits())
				second := begin(t.Context(), store, read())
				require.True(t, second.waits())
				runLine(t, store, "XADD k 5-1 f v")
				second.want(t, "[k [[5-1 [f v]]]]")
				if before.Name == "XREAD" {
					first.want(t, "[k [[5-1 [f v]]]]")
					return
				}
				runLine(t, store, "DEL k")
				runLine(t, store, "RPUSH k x")
				first.want(t, "[k x]")
			})
		})
	}
}

func TestAGroupThatWaitsIsServedByAWriteAndByItsEnd(t *testing.T) {
	read := func() *driver.Cmd {
		return driver.NewCmd("XREADGROUP", driver.Literal("GROUP"), driver.Literal("g"), driver.Literal("c"), driver.Literal("BLOCK"), driver.WaitMilliseconds(0), driver.Literal("STREAMS"), driver.Key("k"), driver.Literal(">"))
	}
	for _, test := range []struct {
		write string
		want  string
	}{{"XADD k 5-1 f v", "[k [[5-1 [f v]]]]"}, {"DEL k", ""}, {"FLUSHDB", ""}, {"XGROUP DESTROY k g", ""}, {"RENAME k other", ""}} {
		t.Run(test.write, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store *memory.Store) {
				runLine(t, store, "XGROUP CREATE k g 0 MKSTREAM")
				first, second := begin(t.Context(), store, read()), begin(t.Context(), store, read())
				require.True(t, first.waits())
				runLine(t, store, test.write)
				if test.want != "" {
					first.want(t, test.want)
					require.True(t, second.waits(), "an entry is delivered once")
					runLine(t, store, "XGROUP DESTROY k g")
				} else {
					require.False(t, first.waits())
					require.ErrorIs(t, first.cmd.Err, driver.ErrNotFound)
				}
				require.False(t, second.waits())
				require.ErrorIs(t, second.cmd.Err, driver.ErrNotFound)
			})
		})
	}
}

func TestWhoComesFirstIsServedFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		var waiters []*waiting
		for range 5 {
			waiters = append(waiters, begin(t.Context(), store, blpop(0, "a", "b")))
		}
		runLine(t, store, "RPUSH b 0 1")
		runLine(t, store, "LPUSH a 2")
		runLine(t, store, "RPUSH b 3")
		for i, want := range []string{"[b 0]", "[b 1]", "[a 2]", "[b 3]"} {
			waiters[i].want(t, want)
		}
		require.True(t, waiters[4].waits())
		runLine(t, store, "RPUSH a last")
		waiters[4].want(t, "[a last]")
	})
}

func TestWhoLeavesTheLineTakesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		leaving, leave := context.WithCancel(t.Context())
		first, second := begin(leaving, store, blpop(0, "k")), begin(t.Context(), store, blpop(0, "k"))
		leave()
		require.False(t, first.waits())
		require.ErrorIs(t, first.err, context.Canceled)
		require.NotErrorIs(t, first.err, driver.ErrUnknownOutcome)
		runLine(t, store, "RPUSH k x")
		second.want(t, "[k x]")
	})
}

func TestTimeOutOfACommandThatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		began := time.Now()
		w := begin(t.Context(), store, blpop(1500*time.Millisecond, "k"))
		<-w.done
		w.want(t, "nil")
		require.Equal(t, 1500*time.Millisecond, time.Since(began))
		runLine(t, store, "RPUSH k x")
		began = time.Now()
		begin(t.Context(), store, blpop(time.Second, "k")).want(t, "[k x]")
		require.Zero(t, time.Since(began))
		for _, bad := range []driver.Arg{driver.Literal("-1"), driver.Literal("x"), driver.Literal("inf"), driver.Float(1e300), driver.WaitSeconds(-1)} {
			w := begin(t.Context(), store, driver.NewCmd("BLPOP", driver.Key("k"), bad))
			require.False(t, w.waits())
			require.ErrorIs(t, w.cmd.Err, driver.ErrSyntax, "%v", bad)
		}
	})
}

func TestCloseWakesWhoWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		w := begin(t.Context(), store, blpop(0, "k"))
		require.NoError(t, store.Close())
		require.False(t, w.waits())
		require.ErrorIs(t, errors.Join(w.err, w.cmd.Err), driver.ErrClosed)
	})
}

func TestWaitsForAnotherTypeAreLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		list := begin(t.Context(), store, blpop(0, "k"))
		members := begin(t.Context(), store, driver.NewCmd("BZPOPMIN", driver.Key("k"), driver.WaitSeconds(0)))
		runLine(t, store, "SET k v")
		require.True(t, list.waits())
		runLine(t, store, "DEL k")
		runLine(t, store, "ZADD k 1 a")
		members.want(t, "[k a 1]")
		require.True(t, list.waits())
		runLine(t, store, "RPUSH k x")
		list.want(t, "[k x]")
	})
}

func TestMovesThatWaitServeEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		move := func(from, to string) *driver.Cmd {
			return driver.NewCmd("BLMOVE", driver.Key(from), driver.Key(to), driver.Literal("LEFT"), driver.Literal("RIGHT"), driver.WaitSeconds(0))
		}
		third := begin(t.Context(), store, blpop(0, "c"))
		second, first := begin(t.Context(), store, move("b", "c")), begin(t.Context(), store, move("a", "b"))
		runLine(t, store, "RPUSH a x")
		first.want(t, "x")
		second.want(t, "x")
		third.want(t, "[c x]")
		require.Zero(t, store.Stats().Entries)
	})
}

func TestNoCommandOfATransactionWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		waiter := begin(t.Context(), store, blpop(0, "k"))
		cmds := []*driver.Cmd{blpop(0, "k"), command("RPUSH k x y"), command("LLEN k")}
		require.NoError(t, store.Do(t.Context(), cmds, driver.Atomic))
		require.Equal(t, "nil", text(cmds[0].Reply))
		require.Equal(t, "2", text(cmds[2].Reply), "who waits is served when the transaction is done")
		waiter.want(t, "[k x]")
	})
}

func TestElementsReachOneOfManyWhoWait(t *testing.T) {
	store := newStore(t, memory.Options{})
	const elements, callers = 20_000, 8
	var mu sync.Mutex
	taken := make(map[string]int)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				short, cancel := context.WithTimeout(ctx, time.Duration((i*7+n*13)%50)*10*time.Microsecond)
				cmd := blpop(time.Duration(n%3)*time.Millisecond, "a", "b")
				err := store.Do(short, []*driver.Cmd{cmd}, driver.Plain)
				if err == nil && !cmd.Reply.IsNil() {
					mu.Lock()
					taken[text(cmd.Reply.Items[1])]++
					mu.Unlock()
				}
				cancel()
			}
		})
	}
	for i := range elements {
		runLine(t, store, fmt.Sprintf("RPUSH %c %d", "ab"[i%2], i))
	}
	assert.Eventually(t, func() bool { return store.Stats().Entries == 0 }, time.Minute, time.Millisecond)
	stop()
	running.Wait()
	require.Len(t, taken, elements)
	for element, n := range taken {
		require.Equal(t, 1, n, "element %s", element)
	}
}

// A read that finds an expired stream tells the callers who wait for its group.
func TestAReadOfAnExpiredStreamTellsWhoWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Store) {
		runLine(t, store, "XGROUP CREATE s g 0 MKSTREAM")
		runLine(t, store, "PEXPIRE s 1000")
		waits := driver.NewCmd("XREADGROUP", driver.Literal("GROUP"), driver.Field("g"), driver.Field("c"), driver.Literal("BLOCK"), driver.WaitMilliseconds(0),
			driver.Literal("STREAMS"), driver.Key("s"), driver.Literal(">"))
		done := make(chan error)
		go func() { done <- errors.Join(store.Do(t.Context(), []*driver.Cmd{waits}, driver.Plain), waits.Err) }()
		time.Sleep(2 * time.Second)
		read := time.Now()
		require.NoError(t, store.Get(t.Context(), []string{"s"}, make([]driver.Value, 1)))
		require.ErrorIs(t, <-done, driver.ErrNotFound)
		require.Equal(t, read, time.Now(), "the caller is told at once")
	})
}
