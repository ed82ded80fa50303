package driver_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// text returns a command as one would type it.
func text(c *driver.Cmd) string {
	words := []string{c.Name}
	for _, a := range c.Args {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

func TestSetCommand(t *testing.T) {
	tests := []struct {
		ttl  time.Duration
		cond driver.Cond
		want string
	}{
		{driver.NoExpiry, driver.Always, "SET k v"},
		{driver.NoExpiry, driver.IfAbsent, "SET k v NX"},
		{driver.NoExpiry, driver.IfPresent, "SET k v XX"},
		{driver.KeepTTL, driver.Always, "SET k v KEEPTTL"},
		{driver.KeepTTL, driver.IfPresent, "SET k v KEEPTTL XX"},
		{time.Second, driver.Always, "SET k v PX 1000"},
		{time.Second, driver.IfAbsent, "SET k v PX 1000 NX"},
		{1, driver.Always, "SET k v PX 1"},
		{1500 * time.Microsecond, driver.IfPresent, "SET k v PX 2 XX"},
		{40 * 24 * time.Hour, driver.Always, "SET k v PX 3456000000"},
		{0, driver.Always, "DEL k"},
		{-time.Second, driver.Always, "DEL k"},
		{0, driver.IfPresent, "DEL k"},
		{-1, driver.IfAbsent, "EXISTS k"},
	}
	for _, test := range tests {
		c := driver.SetCommand(&driver.Entry{Key: "k", Value: []byte("v"), TTL: test.ttl, Cond: test.cond})
		require.Equal(t, test.want, text(c), "TTL %v, condition %d", test.ttl, test.cond)
		require.Equal(t, "k", c.Key(), "%s: the key", text(c))
		for _, a := range c.Args {
			require.Equal(t, a.String() == "v", a.Role == driver.RoleValue, "%s: %s has role %d", text(c), a, a.Role)
		}
	}
}

func TestSetOutcome(t *testing.T) {
	ok, none := driver.DataReply([]byte("OK")), driver.Reply{}
	refused := errors.New("refused")
	tests := []struct {
		ttl   time.Duration
		cond  driver.Cond
		reply driver.Reply
		err   error
		want  error
	}{
		{time.Second, driver.Always, ok, nil, nil},
		{time.Second, driver.IfAbsent, ok, nil, nil},
		{time.Second, driver.IfAbsent, none, nil, driver.ErrNotStored},
		{driver.KeepTTL, driver.IfPresent, none, nil, driver.ErrNotStored},
		{0, driver.Always, driver.IntReply(0), nil, nil},
		{0, driver.Always, driver.IntReply(1), nil, nil},
		{0, driver.IfAbsent, driver.IntReply(0), nil, nil},
		{0, driver.IfAbsent, driver.IntReply(1), nil, driver.ErrNotStored},
		{0, driver.IfPresent, driver.IntReply(1), nil, nil},
		{0, driver.IfPresent, driver.IntReply(0), nil, driver.ErrNotStored},
		{time.Second, driver.Always, none, refused, refused},
		{0, driver.IfAbsent, none, refused, refused},
	}
	for _, test := range tests {
		e := &driver.Entry{TTL: test.ttl, Cond: test.cond}
		require.ErrorIs(t, driver.SetOutcome(e, &driver.Cmd{Reply: test.reply, Err: test.err}), test.want, "%+v", test)
	}
	require.Error(t, driver.SetOutcome(&driver.Entry{}, &driver.Cmd{Reply: ok}), "OK was taken for a number of keys")
}

func TestExpireCommand(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		want string
	}{
		{driver.NoExpiry, "XCACHE.PERSIST k"}, {driver.KeepTTL, "EXISTS k"}, {0, "DEL k"}, {-5, "DEL k"}, {1, "PEXPIRE k 1"}, {time.Minute, "PEXPIRE k 60000"},
	} {
		require.Equal(t, test.want, text(driver.ExpireCommand("k", test.ttl)), test.ttl)
	}
	refused := errors.New("refused")
	for _, test := range []struct {
		cmd  driver.Cmd
		want error
	}{
		{driver.Cmd{Reply: driver.IntReply(1)}, nil},
		{driver.Cmd{Reply: driver.IntReply(0)}, driver.ErrNotFound},
		{driver.Cmd{Err: refused}, refused},
	} {
		require.ErrorIs(t, driver.ExpireOutcome(&test.cmd), test.want, "%+v", test.cmd)
	}
}

func TestTTLOutcome(t *testing.T) {
	refused := errors.New("refused")
	for _, test := range []struct {
		cmd  driver.Cmd
		ttl  time.Duration
		want error
	}{
		{driver.Cmd{Reply: driver.IntReply(1500)}, 1500 * time.Millisecond, nil},
		{driver.Cmd{Reply: driver.IntReply(0)}, 0, nil},
		{driver.Cmd{Reply: driver.IntReply(-1)}, driver.NoExpiry, nil},
		{driver.Cmd{Reply: driver.IntReply(-2)}, 0, driver.ErrNotFound},
		{driver.Cmd{Reply: driver.IntReply(math.MaxInt64)}, driver.NoExpiry - 1, nil}, // another program's
		{driver.Cmd{Err: refused}, 0, refused},
	} {
		ttl, err := driver.TTLOutcome(&test.cmd)
		require.Equal(t, test.ttl, ttl, "%+v", test.cmd)
		require.ErrorIs(t, err, test.want, "%+v", test.cmd)
	}
}

func TestTTLArg(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		text string
		back time.Duration
	}{
		{driver.NoExpiry, "NONE", driver.NoExpiry},
		{driver.KeepTTL, "KEEP", driver.KeepTTL},
		{0, "0", 0},
		{-time.Hour, "0", 0},
		{1, "1", time.Millisecond},
		{time.Minute, "60000", time.Minute},
		{driver.NoExpiry - 1, "9223372036855", driver.NoExpiry - 1},
	} {
		a := driver.TTLArg(test.ttl)
		back, err := driver.ParseTTLArg(a)
		require.Equal(t, test.text, a.String(), "%v: %+v, read back as", test.ttl, a)
		require.Equal(t, driver.RoleLiteral, a.Role, "%v: %+v, read back as", test.ttl, a)
		require.Equal(t, test.back, back, "%v: %+v, read back as", test.ttl, a)
		require.NoError(t, err, "%v: %+v, read back as", test.ttl, a)
	}
	for _, bad := range []string{"", "-1", "x", "1s", "none", "99999999999999999999"} {
		ttl, err := driver.ParseTTLArg(driver.Literal(bad))
		require.Error(t, err, "%q was read as %v", bad, ttl)
	}
}

func TestMilliseconds(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		want int64
	}{
		{1, 1}, {time.Millisecond - 1, 1}, {time.Millisecond, 1}, {time.Millisecond + 1, 2}, {time.Hour, 3600000}, {math.MaxInt64 - 1, 9223372036855},
	} {
		require.Equal(t, test.want, driver.Milliseconds(test.ttl), "%d ns", test.ttl)
	}
	for ttl, want := range map[time.Duration]bool{0: true, -1: true, 1: false, driver.NoExpiry: false, driver.KeepTTL: false, driver.KeepTTL + 1: true} {
		require.Equal(t, want, driver.Expired(ttl), "Expired(%d) = %v", ttl, !want)
	}
}

func TestTheTableOfCommands(t *testing.T) {
	groups := []driver.Group{driver.GroupConnection, driver.GroupKeys, driver.GroupMigration, driver.GroupStrings, driver.GroupLists, driver.GroupSets, driver.GroupHashes,
		driver.GroupSortedSets, driver.GroupStreams, driver.GroupPubSub, driver.GroupScripts, driver.GroupFunctions, driver.GroupTransaction, driver.GroupLocks, driver.GroupSemaphores, driver.GroupRateLimits, driver.GroupOnce, driver.GroupLeases, driver.GroupTags}
	rows := driver.Commands()
	require.True(t, slices.IsSortedFunc(rows, func(a, b driver.Command) int { return strings.Compare(a.Name, b.Name) }), "the table is not sorted by name")
	require.NotEmpty(t, rows, "the table is not sorted by name")
	for _, c := range rows {
		require.NotEmpty(t, c.Name, "%q is not a name", c.Name)
		require.Equal(t, strings.ToUpper(c.Name), c.Name)
		require.False(t, strings.ContainsAny(c.Name, " \t"), "%q is not a name", c.Name)
		require.False(t, c.ReadOnly && !c.Idempotent, "%s only reads, and is not idempotent", c.Name)
		require.Equal(t, strings.HasPrefix(c.Name, "XCACHE."), c.Extension, "%s: Extension", c.Name)
		require.Contains(t, groups, c.Group, "%s is in no group", c.Name)
		require.LessOrEqual(t, c.Keys, driver.ManyKeys, "%s takes %d keys", c.Name, c.Keys)
		found, ok := driver.LookupCommand(c.Name)
		require.True(t, ok, "LookupCommand(%s) = %+v, %v", c.Name, found, ok)
		require.Equal(t, c, found, "LookupCommand(%s) = %+v, %v", c.Name, found, ok)
		_, ok = driver.LookupCommand(strings.ToLower(c.Name))
		require.False(t, ok, "%s is found in lower case", c.Name)
	}
	// What the store operations are said in is in the table.
	for _, ttl := range []time.Duration{0, 1, driver.NoExpiry, driver.KeepTTL} {
		for _, cond := range []driver.Cond{driver.Always, driver.IfAbsent, driver.IfPresent} {
			for _, c := range []*driver.Cmd{driver.SetCommand(&driver.Entry{Key: "k", TTL: ttl, Cond: cond}), driver.ExpireCommand("k", ttl)} {
				row, ok := driver.LookupCommand(c.Name)
				require.True(t, ok, "%s: %+v, %v", c.Name, row, ok)
				require.NotEqual(t, driver.NoKey, row.Keys, "%s: %+v, %v", c.Name, row, ok)
			}
		}
	}
	for _, name := range []string{driver.CmdIncr, driver.CmdIncrInit, driver.CmdCompareAndSwap, driver.CmdCompareAndDelete, driver.CmdSwap, driver.CmdPersist} {
		row, ok := driver.LookupCommand(name)
		require.True(t, ok, "%s: %+v, %v", name, row, ok)
		require.True(t, row.Extension, "%s: %+v, %v", name, row, ok)
		require.False(t, row.ReadOnly, "%s: %+v, %v", name, row, ok)
	}
}

func TestCommandSet(t *testing.T) {
	set := driver.NewCommandSet("SET", "GET", "SET")
	require.True(t, set.Has("GET"), "got %v", set.Names())
	require.False(t, set.Has("get"), "got %v", set.Names())
	require.False(t, set.Has("DEL"), "got %v", set.Names())
	require.Equal(t, []string{"GET", "SET"}, set.Names())
	var empty driver.CommandSet
	require.False(t, empty.Has("GET"), "the zero set is not empty")
	require.Empty(t, empty.Names(), "the zero set is not empty")
}

func TestArguments(t *testing.T) {
	c := driver.NewCmd("HSET", driver.Literal("x"), driver.Key("k"), driver.Field("f"), driver.Val([]byte("v")), driver.Int(-5))
	require.Equal(t, "HSET x k f v -5", text(c))
	require.Equal(t, "k", c.Key())
	roles := []driver.Role{driver.RoleLiteral, driver.RoleKey, driver.RoleField, driver.RoleValue, driver.RoleLiteral}
	for i, a := range c.Args {
		require.Equal(t, roles[i], a.Role, "%s has role", a)
	}
	require.Empty(t, driver.NewCmd("PING").Key(), "PING has key")
}

func TestReplies(t *testing.T) {
	failed := errors.New("one element failed")
	var (
		null   = driver.Reply{}
		number = driver.IntReply(42)
		float  = driver.FloatReply(1.5)
		digits = driver.DataReply([]byte("42"))
		words  = driver.DataReply([]byte("text"))
		list   = driver.ArrayReply(number, null)
		broken = driver.Reply{Kind: driver.ReplyError, Err: failed}
	)
	type all struct {
		int   int64
		float float64
		bytes string
		items int
	}
	const no = -1 // an error
	tests := []struct {
		name  string
		reply driver.Reply
		want  all
	}{
		{"nil", null, all{no, no, "ErrNotFound", 0}},
		{"int", number, all{42, 42, "42", no}},
		{"float", float, all{no, 1.5, "error", no}},
		{"digits", digits, all{42, 42, "42", no}},
		{"words", words, all{no, no, "text", no}},
		{"list", list, all{no, no, "error", 2}},
		{"error", broken, all{no, no, "error", no}},
	}
	for _, test := range tests {
		got := all{no, no, "error", no}
		var errs []error
		n, err := test.reply.AsInt()
		if errs = append(errs, err); err == nil {
			got.int = n
		}
		f, err := test.reply.AsFloat()
		if errs = append(errs, err); err == nil {
			got.float = f
		}
		b, err := test.reply.AsBytes()
		if errs = append(errs, err); err == nil {
			got.bytes = string(b)
		} else if errors.Is(err, driver.ErrNotFound) {
			got.bytes = "ErrNotFound"
		}
		items, err := test.reply.AsArray()
		if errs = append(errs, err); err == nil {
			got.items = len(items)
		}
		require.Equal(t, test.want, got, test.name)
		for _, err := range errs {
			require.False(t, test.name == "error" && !errors.Is(err, failed), "%s: %v, want its own error", test.name, err)
			require.False(t, err != nil && !errors.Is(err, failed) && (!strings.HasPrefix(err.Error(), "xcache: ") || strings.Contains(err.Error(), "text")), "%s: %v", test.name, err)
		}
		require.Equal(t, test.name == "nil", test.reply.IsNil(), "%s: IsNil()", test.name)
	}
}
