package drivertest

import (
	"context"
	"strings"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// RefusedTransactions tests transactions that the server does not begin. The test
// fails if anything of such a transaction is applied, or if the error is not
// ErrAuth.
func (s *Subject) RefusedTransactions(t *testing.T) {
	for name, rules := range map[string][]string{
		"no MULTI":        {"~*", "+@all", "-multi"},
		"no transactions": {"~*", "+@read", "+@write", "+@connection", "+@scripting"},
	} {
		t.Run(name, func(t *testing.T) { s.refusedTransaction(t, rules) })
	}
}

func (s *Subject) refusedTransaction(t *testing.T, rules []string) {
	server := s.StartServer(t, servertest.User("ann", "secret", rules...))
	dsn := s.Scheme + "://ann:secret@" + server.Addr + "?pool_size=1"
	store := s.open(t, dsn)
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "cancellable": t.Context()} {
		for _, size := range []int{1, 100, 100_000} { // in one write of the client's, and in several
			cmds := []*driver.Cmd{
				driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte(strings.Repeat("v", size)))),
				driver.NewCmd("INCRBY", driver.Key("n"), driver.Int(1)),
			}
			WantErr(t, store.Do(ctx, cmds, driver.Atomic), driver.NotApplied, driver.ErrAuth)
			for _, c := range cmds {
				WantErr(t, c.Err, driver.NotApplied, driver.ErrAuth)
			}
			if n := server.Do(t, "DBSIZE"); n != int64(0) {
				t.Fatalf("%s, %d bytes: something was applied", name, size)
			}
			if err := Put(t, store, "after", "v"); err != nil { // the connection is in step
				t.Fatal(err)
			}
			server.Do(t, "FLUSHALL")
		}
	}
	cache := s.OpenCache(t, dsn)
	p := cache.Pipeline()
	set, counted := xcache.For[string](cache).In(p).Set("k", "v"), p.IncrInit("n", 1, 0)
	WantErr(t, p.ExecAtomic(t.Context()), driver.NotApplied, xcache.ErrAuth)
	WantErr(t, set.Err(), driver.NotApplied, xcache.ErrAuth)
	WantErr(t, counted.Err(), driver.NotApplied, xcache.ErrAuth)
	if n := server.Do(t, "DBSIZE"); n != int64(0) {
		t.Error("ExecAtomic has applied something")
	}
}

// RefusedTransactionsOfOwnClients is RefusedTransactions for a store with a
// client of the program's own.
func (s *Subject) RefusedTransactionsOfOwnClients(t *testing.T) {
	server := s.StartServer(t, servertest.Password("secret"))
	store := s.NewStore(t, server.Addr, "secret")
	defer func() { _ = store.Close() }()
	server.Do(t, "ACL", "SETUSER", "default", "-multi")
	cmds := []*driver.Cmd{driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v")))}
	WantErr(t, driver.CapsOf(store).Commander.Do(t.Context(), cmds, driver.Atomic), driver.NotApplied, driver.ErrAuth)
	if n := server.Do(t, "DBSIZE"); n != int64(0) {
		t.Error("something was applied")
	}
}
