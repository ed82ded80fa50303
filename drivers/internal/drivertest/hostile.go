package drivertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// Hostile tests replies that are malformed, or that answer another command. The
// test fails if such a reply is a success for any caller, costs much memory, or
// spoils a later call.
func (s *Subject) Hostile(t *testing.T) {
	t.Run("replies of another kind", s.repliesOfAnotherKind)
	t.Run("surplus bytes", s.surplusBytes)
	t.Run("headers without anything behind them", s.headersWithoutAnythingBehindThem)
}

// A path is a way to send commands and to read replies. call returns the error of
// the command that is answered.
type path struct {
	name   string
	word   string // of the command that is answered
	writes bool
	call   func(ctx context.Context, store driver.Store) error
}

func pathsOf() []path {
	one := func(name string, args ...driver.Arg) func(context.Context, driver.Store) error {
		return func(ctx context.Context, store driver.Store) error { return Do(ctx, store, name, args...) }
	}
	k, v := driver.Key("k"), driver.Val([]byte("v"))
	batch := func(how driver.How, at int, cmds func() []*driver.Cmd) func(context.Context, driver.Store) error {
		return func(ctx context.Context, store driver.Store) error {
			batch := cmds()
			if err := driver.CapsOf(store).Commander.Do(ctx, batch, how); err != nil {
				return err
			}
			return batch[at].Err
		}
	}
	return []path{
		{"Get", "GET", false, func(ctx context.Context, store driver.Store) error {
			values := make([]driver.Value, 1)
			err := store.Get(ctx, []string{"k"}, values)
			if err == nil {
				err = values[0].Err
			}
			return err
		}},
		{"Get of two", "MGET", false, func(ctx context.Context, store driver.Store) error {
			values := make([]driver.Value, 2)
			err := store.Get(ctx, []string{"k", "l"}, values)
			if err == nil {
				err = values[0].Err
			}
			return err
		}},
		{"Set", "SET", true, func(ctx context.Context, store driver.Store) error {
			entries := []driver.Entry{{Key: "k", Value: []byte("v"), TTL: time.Minute}}
			return errors.Join(store.Set(ctx, entries), entries[0].Err)
		}},
		{"Set of two", "SET", true, func(ctx context.Context, store driver.Store) error {
			entries := []driver.Entry{{Key: "k", TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
			return errors.Join(store.Set(ctx, entries), entries[0].Err)
		}},
		{"Add", "SET", true, func(ctx context.Context, store driver.Store) error {
			entries := []driver.Entry{{Key: "k", TTL: time.Minute, Cond: driver.IfAbsent}}
			return errors.Join(store.Set(ctx, entries), entries[0].Err)
		}},
		{"Delete", "UNLINK", true, func(ctx context.Context, store driver.Store) error {
			_, err := store.Delete(ctx, []string{"k"})
			return err
		}},
		{"Do of GET", "GET", false, one("GET", k)},
		{"Do of SET", "SET", true, one("SET", k, v)},
		{"Do of INCRBY", "INCRBY", true, one("INCRBY", k, driver.Int(1))},
		{"Do of LPUSH", "LPUSH", true, one("LPUSH", k, v)},
		{"Do of LRANGE", "LRANGE", false, one("LRANGE", k, driver.Int(0), driver.Int(-1))},
		{"pipeline", "LPUSH", true, batch(driver.Plain, 0, func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("LPUSH", k, v), driver.NewCmd("PING")}
		})},
		{"transaction", "EXEC", true, batch(driver.Atomic, 0, func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("LPUSH", k, v)}
		})},
		{"command in a transaction", "LPUSH", true, batch(driver.Atomic, 0, func() []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("LPUSH", k, v)}
		})},
	}
}

// nonsense has texts that are no answer to any command of the paths.
var nonsense = []string{
	"#x\r\n", ":99999999999999999999\r\n", "$9223372036854775807\r\n", "$1000000000000\r\n", "(123\r\n", "$-0\r\n", ":12x\r\n", "#t\r\n", ",1.5\r\n",
	"+QUEUED!\r\n", "$\r\n", "*\r\n", "$-2\r\n", "*-2\r\n", "%1\r\n+a\r\n+b\r\n", "%-1\r\n", "x\r\n", "\r\n", "\x00\r\n", "$1\r\nabc\r\n", "_x\r\n",
	"*1000000000\r\n", "%1000000000\r\n", ":\r\n", ":+\r\n", ".\r\n", ";1\r\na\r\n", "$?\r\n",
}

// misfits are well-formed replies. Each reply is an answer only to the commands in fits.
var misfits = []struct{ text, fits string }{
	{":5\r\n", "UNLINK INCRBY LPUSH"},
	{"$2\r\nOK\r\n", "GET"},
	{"+OK\r\n", "SET"},
	{"+PONG\r\n", ""},
	{"+QUEUED\r\n", ""}, // right only inside a transaction, which is then run
	{"*0\r\n", "LRANGE"},
	{"*1\r\n$1\r\na\r\n", "LRANGE"},
	{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "LRANGE MGET"},
	{"*2\r\n:1\r\n+OK\r\n", "LRANGE"},
	{"*1\r\n$1\r\na\r\n$1\r\nb\r\n", "LRANGE"},
	{"$-1\r\n", "GET SET EXEC"},
}

// serveNonsense answers a word with a text on the first connection, and with a right
// answer on later connections. An EXEC of an empty transaction always gets a right
// answer, because a driver may send such an EXEC to find out whether there are
// transactions.
func serveNonsense(t testing.TB, word, text string) *scripted {
	t.Helper()
	var mu sync.Mutex
	queued := make(map[int]int) // by connection, since MULTI
	return serveScript(t, func(number int, words []string) said {
		mu.Lock()
		defer mu.Unlock()
		inside := queued[number]
		switch words[0] {
		case "MULTI":
			queued[number] = 0
		case "LPUSH":
			queued[number]++
		}
		if words[0] == word && number == 1 && !(word == "EXEC" && inside == 0) {
			return said{text: text}
		}
		if a, ok := handshake(words); ok {
			return a
		}
		switch words[0] {
		case "SET", "MULTI":
			return said{text: "+OK\r\n"}
		case "PING":
			return said{text: "+PONG\r\n"}
		case "GET":
			return said{text: "$7\r\nanother\r\n"}
		case "LPUSH":
			if word == "EXEC" || word == "LPUSH" {
				return said{text: "+QUEUED\r\n"}
			}
		case "EXEC":
			return said{text: fmt.Sprintf("*%d\r\n%s", inside, strings.Repeat(":1\r\n", inside))}
		}
		return said{text: ":1\r\n"}
	})
}

func (s *Subject) repliesOfAnotherKind(t *testing.T) {
	for _, p := range pathsOf() {
		t.Run(p.name, func(t *testing.T) {
			for _, text := range nonsense {
				s.wantRefused(t, p, text)
			}
			for _, m := range misfits {
				fits := false
				for word := range strings.FieldsSeq(m.fits) {
					fits = fits || word == p.word
				}
				inside := p.name == "command in a transaction" && m.text == "+QUEUED\r\n"
				if p.name == "command in a transaction" {
					fits = false
				}
				if !fits && !inside {
					s.wantRefused(t, p, m.text)
				}
			}
		})
	}
}

// wantRefused answers a call with a text. The test fails unless this call fails,
// and the next call gets a reply of its own.
func (s *Subject) wantRefused(t *testing.T, p path, text string) {
	t.Helper()
	server := serveNonsense(t, p.word, text)
	dsn := Parse(t, s.Scheme+"://"+server.addr+"?pool_size=1&dial_timeout=20s")
	dsn.OpTimeout = longTimeout
	store, err := s.Driver(nil).Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = p.call(ctx, store)
	if !errors.Is(err, driver.ErrUnavailable) || p.writes && !errors.Is(err, driver.ErrUnknownOutcome) {
		t.Errorf("%q: got %v", text, err)
	}
	if got, err := Get(t, store, "next"); string(got) != "another" || err != nil {
		t.Errorf("%q: the next call got %q, %v", text, got, err)
	}
}

// Bytes behind a reply belong to no call, whether the bytes come at once or later.
func (s *Subject) surplusBytes(t *testing.T) {
	for _, surplus := range []string{"$5\r\nxx", "$7\r\nanother\r\n", "+OK\r\n", ":1\r\n", "-ERR idle\r\n", "*2\r\n", "$"} {
		for _, late := range []bool{false, true} {
			for _, callers := range []int{1, 8} {
				t.Run(fmt.Sprintf("%.6q/%v/%d", surplus, late, callers), func(t *testing.T) {
					s.wantUnread(t, surplus, late, callers)
				})
			}
		}
	}
}

func (s *Subject) wantUnread(t *testing.T, surplus string, late bool, callers int) {
	server := serveScript(t, func(number int, words []string) said {
		if a, ok := handshake(words); ok {
			return a
		}
		reply := fmt.Sprintf("$%d\r\n%s\r\n", len(words[1]), words[1])
		if number == 1 && words[1] == "first" {
			if late {
				return said{text: reply, later: surplus}
			}
			return said{text: reply + surplus}
		}
		return said{text: reply}
	})
	store := s.Open(t, withLongTimeouts(s.Scheme+"://"+server.addr+"?pool_size=1"))
	if got, err := Get(t, store, "first"); err == nil && string(got) != "first" {
		t.Errorf("got %q", got)
	}
	if late {
		stopwatch.Rest(20 * time.Millisecond) // the surplus has arrived
	}
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for j := range 5 {
				k := fmt.Sprintf("key-%d-%d", i, j)
				if got, err := Get(t, store, k); string(got) != k || err != nil {
					t.Errorf("%s: got %q, %v", k, got, err)
				}
			}
		})
	}
	running.Wait()
}

// A driver takes memory for the bytes that have come, and not for the length in a header.
func (s *Subject) headersWithoutAnythingBehindThem(t *testing.T) {
	const claim = "*16777216\r\n"
	for _, text := range []string{
		"$1000000000000\r\n", "*1000000000\r\n", "%1000000000\r\n", "$500000000\r\n", "$9223372036854775807\r\n",
		strings.Repeat(claim, 60), strings.Repeat("*1000000\r\n", 60), strings.Repeat("*1\r\n", 100_000), strings.Repeat("%1000000\r\n", 60),
		"+" + strings.Repeat("x", 8<<20), ":" + strings.Repeat("1", 8<<20), "$" + strings.Repeat("0", 8<<20),
		strings.Repeat("|0\r\n", 4<<20),
	} {
		for _, p := range pathsOf() {
			var before, after runtime.MemStats
			var err error
			// On a busy machine the time may be up before the call is sent.
			for timeout := 150 * time.Millisecond; ; timeout *= 2 {
				server := serveNonsense(t, p.word, text)
				dsn := Parse(t, s.Scheme+"://"+server.addr+"?pool_size=1&dial_timeout=20s")
				dsn.OpTimeout, dsn.MaxValue = timeout, 1<<20
				store, openErr := s.Driver(nil).Open(dsn)
				if openErr != nil {
					t.Fatal(openErr)
				}
				runtime.ReadMemStats(&before)
				start := time.Now()
				err = p.call(t.Context(), store)
				runtime.ReadMemStats(&after)
				_ = store.Close()
				unsent := p.writes && errors.Is(err, driver.ErrUnavailable) && !errors.Is(err, driver.ErrUnknownOutcome)
				if !unsent || time.Since(start) < timeout || timeout > time.Second {
					break
				}
			}
			if err == nil || !errors.Is(err, driver.ErrUnavailable) && !errors.Is(err, driver.ErrTooLarge) || p.writes && !errors.Is(err, driver.ErrUnknownOutcome) {
				t.Errorf("%s, %.20q: got %v", p.name, text, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("%s, %.20q: %d MiB were allocated", p.name, text, took>>20)
			}
		}
	}
}
