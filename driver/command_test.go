package driver_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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
		if got := text(c); got != test.want {
			t.Errorf("TTL %v, condition %d: %s, want %s", test.ttl, test.cond, got, test.want)
		}
		if c.Key() != "k" {
			t.Errorf("%s: the key is %q", text(c), c.Key())
		}
		for _, a := range c.Args {
			if want := a.String() == "v"; (a.Role == driver.RoleValue) != want {
				t.Errorf("%s: %s has role %d", text(c), a, a.Role)
			}
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
		if got := driver.SetOutcome(e, &driver.Cmd{Reply: test.reply, Err: test.err}); !errors.Is(got, test.want) {
			t.Errorf("%+v: %v", test, got)
		}
	}
	if err := driver.SetOutcome(&driver.Entry{}, &driver.Cmd{Reply: ok}); err == nil {
		t.Error("OK was taken for a number of keys")
	}
}

func TestExpireCommand(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		want string
	}{
		{driver.NoExpiry, "XCACHE.PERSIST k"}, {driver.KeepTTL, "EXISTS k"}, {0, "DEL k"}, {-5, "DEL k"}, {1, "PEXPIRE k 1"}, {time.Minute, "PEXPIRE k 60000"},
	} {
		if got := text(driver.ExpireCommand("k", test.ttl)); got != test.want {
			t.Errorf("%v: %s, want %s", test.ttl, got, test.want)
		}
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
		if got := driver.ExpireOutcome(&test.cmd); !errors.Is(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.cmd, got, test.want)
		}
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
		if ttl != test.ttl || !errors.Is(err, test.want) {
			t.Errorf("%+v: %v, %v, want %v, %v", test.cmd, ttl, err, test.ttl, test.want)
		}
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
		if a.String() != test.text || a.Role != driver.RoleLiteral || back != test.back || err != nil {
			t.Errorf("%v: %+v, read back as %v, %v, want %s and %v", test.ttl, a, back, err, test.text, test.back)
		}
	}
	for _, bad := range []string{"", "-1", "x", "1s", "none", "99999999999999999999"} {
		if ttl, err := driver.ParseTTLArg(driver.Literal(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, ttl)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for _, test := range []struct {
		ttl  time.Duration
		want int64
	}{
		{1, 1}, {time.Millisecond - 1, 1}, {time.Millisecond, 1}, {time.Millisecond + 1, 2}, {time.Hour, 3600000}, {math.MaxInt64 - 1, 9223372036855},
	} {
		if got := driver.Milliseconds(test.ttl); got != test.want {
			t.Errorf("%d ns: %d, want %d", test.ttl, got, test.want)
		}
	}
	for ttl, want := range map[time.Duration]bool{0: true, -1: true, 1: false, driver.NoExpiry: false, driver.KeepTTL: false, driver.KeepTTL + 1: true} {
		if driver.Expired(ttl) != want {
			t.Errorf("Expired(%d) = %v", ttl, !want)
		}
	}
}

func TestTheTableOfCommands(t *testing.T) {
	groups := []driver.Group{driver.GroupConnection, driver.GroupKeys, driver.GroupMigration, driver.GroupStrings, driver.GroupLists, driver.GroupSets, driver.GroupHashes,
		driver.GroupSortedSets, driver.GroupStreams, driver.GroupPubSub, driver.GroupScripts, driver.GroupTransaction}
	rows := driver.Commands()
	if !slices.IsSortedFunc(rows, func(a, b driver.Command) int { return strings.Compare(a.Name, b.Name) }) || len(rows) == 0 {
		t.Error("the table is not sorted by name")
	}
	for _, c := range rows {
		if c.Name == "" || c.Name != strings.ToUpper(c.Name) || strings.ContainsAny(c.Name, " \t") {
			t.Errorf("%q is not a name", c.Name)
		}
		if c.ReadOnly && !c.Idempotent {
			t.Errorf("%s only reads, and is not idempotent", c.Name)
		}
		if c.Extension != strings.HasPrefix(c.Name, "XCACHE.") {
			t.Errorf("%s: Extension is %v", c.Name, c.Extension)
		}
		if !slices.Contains(groups, c.Group) {
			t.Errorf("%s is in no group: %q", c.Name, c.Group)
		}
		if c.Keys > driver.ManyKeys {
			t.Errorf("%s takes %d keys", c.Name, c.Keys)
		}
		if found, ok := driver.LookupCommand(c.Name); !ok || found != c {
			t.Errorf("LookupCommand(%s) = %+v, %v", c.Name, found, ok)
		}
		if _, ok := driver.LookupCommand(strings.ToLower(c.Name)); ok {
			t.Errorf("%s is found in lower case", c.Name)
		}
	}
	// What the store operations are said in is in the table.
	for _, ttl := range []time.Duration{0, 1, driver.NoExpiry, driver.KeepTTL} {
		for _, cond := range []driver.Cond{driver.Always, driver.IfAbsent, driver.IfPresent} {
			for _, c := range []*driver.Cmd{driver.SetCommand(&driver.Entry{Key: "k", TTL: ttl, Cond: cond}), driver.ExpireCommand("k", ttl)} {
				if row, ok := driver.LookupCommand(c.Name); !ok || row.Keys == driver.NoKey {
					t.Errorf("%s: %+v, %v", c.Name, row, ok)
				}
			}
		}
	}
	for _, name := range []string{driver.CmdIncr, driver.CmdIncrInit, driver.CmdCompareAndSwap, driver.CmdCompareAndDelete, driver.CmdSwap, driver.CmdPersist} {
		if row, ok := driver.LookupCommand(name); !ok || !row.Extension || row.ReadOnly {
			t.Errorf("%s: %+v, %v", name, row, ok)
		}
	}
}

func TestCommandSet(t *testing.T) {
	set := driver.NewCommandSet("SET", "GET", "SET")
	if !set.Has("GET") || set.Has("get") || set.Has("DEL") || !reflect.DeepEqual(set.Names(), []string{"GET", "SET"}) {
		t.Errorf("got %v", set.Names())
	}
	var empty driver.CommandSet
	if empty.Has("GET") || len(empty.Names()) > 0 {
		t.Error("the zero set is not empty")
	}
}

func TestArguments(t *testing.T) {
	c := driver.NewCmd("HSET", driver.Literal("x"), driver.Key("k"), driver.Field("f"), driver.Val([]byte("v")), driver.Int(-5))
	if got := text(c); got != "HSET x k f v -5" || c.Key() != "k" {
		t.Errorf("got %s, key %q", got, c.Key())
	}
	roles := []driver.Role{driver.RoleLiteral, driver.RoleKey, driver.RoleField, driver.RoleValue, driver.RoleLiteral}
	for i, a := range c.Args {
		if a.Role != roles[i] {
			t.Errorf("%s has role %d", a, a.Role)
		}
	}
	if key := driver.NewCmd("PING").Key(); key != "" {
		t.Errorf("PING has key %q", key)
	}
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
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		for _, err := range errs {
			switch {
			case test.name == "error" && !errors.Is(err, failed):
				t.Errorf("%s: %v, want its own error", test.name, err)
			case err != nil && !errors.Is(err, failed) && (!strings.HasPrefix(err.Error(), "xcache: ") || strings.Contains(err.Error(), "text")):
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if test.reply.IsNil() != (test.name == "nil") {
			t.Errorf("%s: IsNil() = %v", test.name, test.reply.IsNil())
		}
	}
}
