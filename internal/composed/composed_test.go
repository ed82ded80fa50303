package composed_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/composed"
)

func newStore(t *testing.T) *memory.Store {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// withoutCommander returns what a store can do but for its Commander.
func withoutCommander(s driver.Store) driver.Caps {
	caps := driver.CapsOf(s)
	caps.Commander = nil
	return caps
}

func key(name string) driver.Arg { return driver.Key(name) }

func val(value string) driver.Arg { return driver.Val([]byte(value)) }

func ttl(d time.Duration) driver.Arg { return driver.TTLArg(d) }

func set(name, value string, d time.Duration, cond driver.Cond) *driver.Cmd {
	return driver.SetCommand(&driver.Entry{Key: name, Value: []byte(value), TTL: d, Cond: cond})
}

// script is commands, run one after the other, of all kinds that the core queues.
func script() []*driver.Cmd {
	return []*driver.Cmd{
		set("a", "A", driver.NoExpiry, driver.Always),
		driver.NewCmd("GET", key("a")),
		driver.NewCmd("GET", key("none")),
		driver.NewCmd("PTTL", key("a")),
		driver.NewCmd("PTTL", key("none")),
		set("a", "B", time.Hour, driver.IfPresent),
		driver.NewCmd("PTTL", key("a")),
		set("a", "C", driver.KeepTTL, driver.Always),
		driver.NewCmd("PTTL", key("a")),
		set("a", "D", time.Minute, driver.IfAbsent),
		set("none", "D", time.Minute, driver.IfPresent),
		set("b", "1", 1500*time.Microsecond, driver.IfAbsent),
		driver.NewCmd("MGET", key("a"), key("none"), key("b"), key("a")),
		driver.NewCmd("EXISTS", key("a")),
		driver.NewCmd("EXISTS", key("a"), key("none"), key("a"), key("b")),
		driver.ExpireCommand("a", time.Minute),
		driver.ExpireCommand("none", time.Minute),
		driver.NewCmd("PTTL", key("a")),
		driver.ExpireCommand("a", driver.NoExpiry),
		driver.ExpireCommand("none", driver.NoExpiry),
		driver.NewCmd("PTTL", key("a")),
		driver.ExpireCommand("a", driver.KeepTTL),
		driver.ExpireCommand("b", -1),
		driver.NewCmd("GET", key("b")),
		driver.NewCmd("GETEX", key("a"), driver.Literal("PX"), driver.Duration(time.Hour)),
		driver.NewCmd("PTTL", key("a")),
		driver.NewCmd("GETEX", key("a")),
		driver.NewCmd("PTTL", key("a")),
		driver.NewCmd("GETEX", key("a"), driver.Literal("PERSIST")),
		driver.NewCmd("PTTL", key("a")),
		driver.NewCmd("GETEX", key("none"), driver.Literal("PX"), driver.Duration(time.Hour)),
		driver.NewCmd("GETEX", key("list"), driver.Literal("PX"), driver.Duration(time.Hour)),
		driver.NewCmd("GETDEL", key("list")),
		driver.NewCmd("GETDEL", key("none")),
		set("taken", "T", time.Hour, driver.Always),
		driver.NewCmd("GETDEL", key("taken")),
		driver.NewCmd("GET", key("taken")),
		driver.NewCmd(driver.CmdIncr, key("n"), driver.Int(1)),
		driver.NewCmd(driver.CmdIncrInit, key("n"), driver.Int(2), driver.Int(40), ttl(time.Hour)),
		driver.NewCmd(driver.CmdIncr, key("n"), driver.Int(-50)),
		driver.NewCmd(driver.CmdIncr, key("a"), driver.Int(1)),
		driver.NewCmd(driver.CmdIncr, key("n"), driver.Int(-1<<63)),
		driver.NewCmd("PTTL", key("n")),
		driver.NewCmd(driver.CmdIncrInit, key("gone"), driver.Int(2), driver.Int(40), ttl(0)),
		driver.NewCmd(driver.CmdSwap, key("a"), val("E"), ttl(driver.NoExpiry)),
		driver.NewCmd(driver.CmdSwap, key("c"), val("E"), ttl(time.Hour)),
		driver.NewCmd(driver.CmdCompareAndSwap, key("a"), val("E"), val("F"), ttl(driver.KeepTTL)),
		driver.NewCmd(driver.CmdCompareAndSwap, key("a"), val("E"), val("G"), ttl(driver.KeepTTL)),
		driver.NewCmd(driver.CmdCompareAndSwap, key("none"), val("E"), val("G"), ttl(time.Hour)),
		driver.NewCmd(driver.CmdCompareAndDelete, key("a"), val("E")),
		driver.NewCmd("RENAME", key("a"), key("d")),
		driver.NewCmd("RENAME", key("none"), key("d")),
		driver.NewCmd("RENAMENX", key("d"), key("n")),
		driver.NewCmd("RENAMENX", key("d"), key("a")),
		driver.NewCmd("RENAMENX", key("none"), key("e")),
		driver.NewCmd(driver.CmdCompareAndDelete, key("a"), val("F")),
		driver.NewCmd("GET", key("list")),
		driver.NewCmd("MGET", key("list"), key("n")),
		driver.NewCmd("EXISTS", key("list")),
		driver.NewCmd(driver.CmdIncr, key("list"), driver.Int(1)),
		driver.NewCmd("PTTL", key("list")),
		driver.NewCmd("PING"),
		driver.NewCmd("UNLINK", key("list")),
		driver.NewCmd("DEL", key("n"), key("none"), key("c")),
		driver.NewCmd("GET", key("n")),
	}
}

// A composed command answers what the store's own Commander answers.
func TestAnswersAreThoseOfACommander(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *composed.Commander, []*driver.Cmd){
		"alone": func(t *testing.T, c *composed.Commander, cmds []*driver.Cmd) {
			for _, cmd := range cmds {
				cmd.Err = c.DoOne(t.Context(), cmd, new(composed.One))
			}
		},
		"in one batch": func(t *testing.T, c *composed.Commander, cmds []*driver.Cmd) {
			require.NoError(t, c.Do(t.Context(), cmds, driver.Plain))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands still: TTLs are exact
				own, ours := newStore(t), newStore(t)
				for _, store := range []*memory.Store{own, ours} {
					push := driver.NewCmd("RPUSH", key("list"), val("x"))
					require.NoError(t, store.Do(t.Context(), []*driver.Cmd{push}, driver.Plain))
				}
				want, got := script(), script()
				require.NoError(t, own.Do(t.Context(), want, driver.Plain))
				run(t, composed.New(ours, withoutCommander(ours)), got)
				for i := range want {
					what := fmt.Sprintf("command %d, %s", i, want[i].Name)
					requireSameError(t, want[i].Err, got[i].Err, what)
					if want[i].Err == nil {
						require.Equal(t, text(&want[i].Reply), text(&got[i].Reply), what)
					}
				}
			})
		})
	}
}

// requireSameError compares errors by what the core can tell of them.
func requireSameError(t *testing.T, want, got error, what string) {
	t.Helper()
	require.Equal(t, want == nil, got == nil, "%s: %v, want %v", what, got, want)
	for _, sentinel := range []error{driver.ErrNotFound, driver.ErrWrongType, driver.ErrOverflow, driver.ErrSyntax, driver.ErrUnavailable, errors.ErrUnsupported} {
		require.Equal(t, errors.Is(want, sentinel), errors.Is(got, sentinel), "%s: %v, want %v", what, got, want)
	}
}

// text shows a reply; an integer may be one as text.
func text(r *driver.Reply) string {
	if r.Kind == driver.ReplyArray {
		items := "["
		for i := range r.Items {
			items += text(&r.Items[i]) + " "
		}
		return items + "]"
	}
	if n, err := r.AsInt(); err == nil {
		return fmt.Sprint(n)
	}
	data, err := r.AsBytes()
	return fmt.Sprintf("%q %v", data, err)
}

func TestAStoreThatLacksAnInterfaceHasNotItsCommands(t *testing.T) {
	store := newStore(t)
	bare := composed.New(store, driver.Caps{})
	able := map[string]bool{"GET": true, "MGET": true, "SET": true, "DEL": true, "UNLINK": true, "EXISTS": true}
	for _, cmd := range script() {
		err := bare.DoOne(t.Context(), cmd, new(composed.One))
		require.Equal(t, !able[cmd.Name], errors.Is(err, errors.ErrUnsupported), "%s: %v", cmd.Name, err)
	}
	for _, cmd := range []*driver.Cmd{driver.NewCmd("TYPE", key("a")), driver.NewCmd("NO SUCH"), driver.NewCustomCmd("BF.ADD", key("a"), val("x"))} {
		require.ErrorIs(t, bare.DoOne(t.Context(), cmd, new(composed.One)), errors.ErrUnsupported, cmd.Name)
	}
}

func TestFormsThatOnlyAServerTakesAreRefused(t *testing.T) {
	store := newStore(t)
	c := composed.New(store, withoutCommander(store))
	require.NoError(t, store.Set(t.Context(), []driver.Entry{{Key: "a", Value: []byte("1"), TTL: driver.NoExpiry}}))
	for _, cmd := range []*driver.Cmd{
		driver.NewCmd("SET", key("a")),
		driver.NewCmd("SET", key("a"), val("2"), driver.Literal("GET")),
		driver.NewCmd("SET", key("a"), val("2"), driver.Literal("PX")),
		driver.NewCmd("SET", key("a"), val("2"), driver.Literal("PX"), driver.Int(0)),
		driver.NewCmd("PEXPIRE", key("a")),
		driver.NewCmd("PEXPIRE", key("a"), driver.Int(1), driver.Literal("NX")),
		driver.NewCmd("PEXPIRE", key("a"), driver.Literal("soon")),
		driver.NewCmd(driver.CmdIncr, key("a")),
		driver.NewCmd(driver.CmdIncr, key("a"), driver.Literal("1")),
		driver.NewCmd(driver.CmdIncrInit, key("a"), driver.Int(1), driver.Int(1)),
		driver.NewCmd(driver.CmdSwap, key("a"), val("2")),
		driver.NewCmd(driver.CmdCompareAndSwap, key("a"), val("1"), val("2")),
		driver.NewCmd(driver.CmdCompareAndDelete, key("a")),
		driver.NewCmd("RENAME", key("a")),
		driver.NewCmd("RENAMENX", key("a")),
	} {
		err := c.DoOne(t.Context(), cmd, new(composed.One))
		require.ErrorIs(t, err, driver.ErrSyntax, "%s %v", cmd.Name, cmd.Args)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome, cmd.Name)
	}
	value := make([]driver.Value, 1)
	require.NoError(t, store.GetTTL(t.Context(), []string{"a"}, value))
	require.Equal(t, "1", string(value[0].Data))
	require.Equal(t, driver.NoExpiry, value[0].TTL)
}

// A spy is a store that counts calls, and keeps where their input was.
type spy struct {
	*memory.Store
	gets, sets int
	fail       error
	values     []*driver.Value
	cmds       []*driver.Cmd
}

func (s *spy) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	s.gets++
	s.values = append(s.values, &dst[0])
	if s.fail != nil {
		return s.fail
	}
	return s.Store.Get(ctx, keys, dst)
}

func (s *spy) Set(ctx context.Context, entries []driver.Entry) error {
	s.sets++
	if s.fail != nil {
		return s.fail
	}
	return s.Store.Set(ctx, entries)
}

func (s *spy) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	s.cmds = append(s.cmds, cmds...)
	return s.Store.Do(ctx, cmds, how)
}

func TestRunsOfGetAndSetAreOneCall(t *testing.T) {
	s := &spy{Store: newStore(t)}
	c := composed.New(s, driver.Caps{})
	var cmds []*driver.Cmd
	for i := range 10 {
		cmds = append(cmds, set(fmt.Sprint(i), "v", driver.NoExpiry, driver.Always))
	}
	cmds = append(cmds, driver.NewCmd("SET", key("bad")))
	for i := range 11 {
		cmds = append(cmds, driver.NewCmd("GET", key(fmt.Sprint(i))))
	}
	require.NoError(t, c.Do(t.Context(), cmds, driver.Plain))
	require.Equal(t, []int{1, 1}, []int{s.sets, s.gets})
	for i, cmd := range cmds {
		switch i {
		case 10:
			require.ErrorIs(t, cmd.Err, driver.ErrSyntax)
		default:
			require.NoError(t, cmd.Err)
			require.Equal(t, i == 21, cmd.Reply.IsNil(), "command %d", i)
		}
	}

	s.fail = driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("gone"))
	require.NoError(t, c.Do(t.Context(), cmds, driver.Plain))
	for i, cmd := range cmds {
		if i != 10 {
			require.ErrorIs(t, cmd.Err, driver.ErrUnavailable, "command %d", i)
		}
	}
}

func TestNothingMakesABatchAtomic(t *testing.T) {
	store := newStore(t)
	c := composed.New(store, withoutCommander(store))
	require.ErrorIs(t, c.Do(t.Context(), []*driver.Cmd{set("a", "A", driver.NoExpiry, driver.Always)}, driver.Atomic), errors.ErrUnsupported)
	removed, err := store.Delete(t.Context(), []string{"a"})
	require.NoError(t, err)
	require.Zero(t, removed)
}

// What no interface is for goes to the store's own Commander, if that runs the command.
func TestOtherCommandsAreTheStoresOwn(t *testing.T) {
	s := &spy{Store: newStore(t)}
	caps := driver.CapsOf(s.Store)
	caps.Commander = s
	c := composed.New(s, caps)
	push := driver.NewCmd("RPUSH", key("list"), val("x"))
	require.NoError(t, c.DoOne(t.Context(), push, new(composed.One)))
	require.Equal(t, []*driver.Cmd{push}, s.cmds)
	n, err := push.Reply.AsInt()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.ErrorIs(t, c.DoOne(t.Context(), driver.NewCmd("LRANGE", key("list")), new(composed.One)), driver.ErrSyntax, "the command's own error")
	require.ErrorIs(t, c.DoOne(t.Context(), driver.NewCustomCmd("BF.ADD", key("a")), new(composed.One)), errors.ErrUnsupported)
	require.Len(t, s.cmds, 3, "custom commands are the store's to refuse")
	require.ErrorIs(t, c.DoOne(t.Context(), driver.NewCmd("NO SUCH"), new(composed.One)), errors.ErrUnsupported)
	require.NoError(t, c.DoOne(t.Context(), set("a", "A", driver.NoExpiry, driver.Always), new(composed.One)))
	require.Len(t, s.cmds, 3, "a SET is for the Store")
}

// What a call that failed was given is not given to another: the store may have left a
// goroutine behind that writes there.
func TestWhatAFailedCallHadIsNotUsedAgain(t *testing.T) {
	s := &spy{Store: newStore(t), fail: driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded)}
	c := composed.New(s, driver.Caps{})
	var cmds []*driver.Cmd
	for range 3 { // EXISTS is a Get of each key for a store without Expirer
		cmds = append(cmds, driver.NewCmd("EXISTS", key("a")))
	}
	require.NoError(t, c.Do(t.Context(), cmds, driver.Plain))
	require.Len(t, s.values, 3)
	require.NotSame(t, s.values[0], s.values[1])
	require.NotSame(t, s.values[1], s.values[2])
}
