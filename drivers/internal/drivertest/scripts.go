package drivertest

import (
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// Scripts tests how scripts of the program are sent to a server of the test's own. The test
// fails if a script is sent in full too often, or if a result is wrong when the server has
// forgotten the script. The test also fails if a script that only reads does not go to a
// replica.
func (s *Subject) Scripts(t *testing.T) {
	server := s.StartServer(t)
	store := s.Open(t, s.Scheme+"://"+server.Addr)
	run := func(key string) *driver.Cmd {
		return driver.NewCmd("EVAL", driver.Literal(increments), driver.Int(1), driver.Key(key), driver.Int(1))
	}
	get := func(key string) *driver.Cmd { return driver.NewCmd("GET", driver.Key(key)) }
	forget := func() *driver.Cmd { return driver.NewCustomCmd("SCRIPT", driver.Literal("FLUSH")) }
	answers := func(t *testing.T, want int64, cmd *driver.Cmd) {
		t.Helper()
		if n, err := cmd.Reply.AsInt(); n != want || err != nil || cmd.Err != nil {
			t.Errorf("got %d, %v, %v, want %d", n, err, cmd.Err, want)
		}
	}
	sendBy := func(t *testing.T, store driver.Store, how driver.How, cmds ...*driver.Cmd) {
		t.Helper()
		if err := driver.CapsOf(store).Commander.Do(t.Context(), cmds, how); err != nil {
			t.Fatal(err)
		}
	}
	send := func(t *testing.T, how driver.How, cmds ...*driver.Cmd) {
		t.Helper()
		server.Do(t, "FLUSHALL")
		sendBy(t, store, how, cmds...)
	}
	counted := func(t *testing.T, command string, before, want int) {
		t.Helper()
		if n := timesRun(t, server, command) - before; n != want {
			t.Errorf("the server ran %s %d times, want %d", command, n, want)
		}
	}

	t.Run("by their SHA-1 once the server knows them", func(t *testing.T) {
		server.Do(t, "SCRIPT", "FLUSH")
		full, short := timesRun(t, server, "eval"), timesRun(t, server, "evalsha")
		for range 3 {
			send(t, driver.Plain, run("a"))
		}
		counted(t, "eval", full, 1)
		counted(t, "evalsha", short, 3)
	})
	t.Run("once in a pipeline", func(t *testing.T) {
		server.Do(t, "SCRIPT", "FLUSH")
		full, short := timesRun(t, server, "eval"), timesRun(t, server, "evalsha")
		cmds := []*driver.Cmd{run("a"), run("a"), run("b"), get("a"), run("a")}
		send(t, driver.Plain, cmds...)
		for i, want := range []int64{1, 2, 1, 2, 3} {
			answers(t, want, cmds[i])
		}
		counted(t, "eval", full, 1)
		counted(t, "evalsha", short, 3)
	})
	t.Run("forgotten in the middle of a pipeline", func(t *testing.T) {
		cmds := []*driver.Cmd{run("a"), forget(), run("a"), run("b"), get("b"), run("a")}
		send(t, driver.Plain, cmds...)
		answers(t, 1, cmds[0])
		answers(t, 2, cmds[2])
		WantErr(t, cmds[3].Err, driver.NotApplied, driver.ErrUnavailable) // GET has run, and a repeat of the script would come after GET
		if !cmds[4].Reply.IsNil() {
			t.Errorf("GET answered %v", cmds[4].Reply)
		}
		answers(t, 3, cmds[5])
		if a, b := server.Do(t, "GET", "a"), server.Do(t, "GET", "b"); a != "3" || b != nil {
			t.Errorf("a is %v, b is %v; what is said not to have been run was not to be", a, b)
		}
	})
	t.Run("forgotten in a transaction", func(t *testing.T) {
		cmds := []*driver.Cmd{run("a"), forget(), run("a")}
		send(t, driver.Atomic, cmds...)
		answers(t, 1, cmds[0])
		answers(t, 2, cmds[2])
	})
	t.Run("by a user who may not name them", func(t *testing.T) {
		server.Do(t, "ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-evalsha")
		plain := s.Open(t, s.Scheme+"://plain:secret@"+server.Addr)
		server.Do(t, "FLUSHALL")
		first, second := run("a"), run("a")
		sendBy(t, plain, driver.Plain, first)
		sendBy(t, plain, driver.Plain, second, get("b"))
		answers(t, 1, first)
		answers(t, 2, second)
	})
	t.Run("what only reads goes to replicas", func(t *testing.T) {
		servers := s.Replicated(t)
		replicas := s.Open(t, s.Scheme+"://"+servers.Primary.Addr+","+servers.Replicas[0].Addr+"?read=replica")
		at := timesRun(t, servers.Replicas[0], "eval_ro")
		cmd := driver.NewCmd("EVAL_RO", driver.Literal("return redis.call('GET', KEYS[1]) or 7"), driver.Int(1), driver.Key(Key(t, "none")))
		sendBy(t, replicas, driver.Plain, cmd)
		answers(t, 7, cmd)
		if n := timesRun(t, servers.Replicas[0], "eval_ro") - at; n != 1 {
			t.Errorf("the replica ran EVAL_RO %d times, want 1", n)
		}
	})
}
