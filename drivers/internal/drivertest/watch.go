package drivertest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Watch tests optimistic transactions under faults. A transaction that loses its connection or
// its server before the end is tried again, and is applied once. A transaction that loses the
// reply to its end has an unknown outcome, and is not sent again. The test fails if a
// transaction does otherwise.
func (s *Subject) Watch(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		server := s.StartServer(t)
		proxy := xcachetest.NewProxy(t, server.Addr)
		w := newWatching(t, s.Open(t, s.Scheme+"://"+proxy.Addr()), Key(t, "n"))
		t.Run("connection killed before the end", func(t *testing.T) {
			w.survives(t, func(int) { killClients(t, server) })
		})
		t.Run("connection lost again and again", func(t *testing.T) {
			w.counts(t, 6, func(call int) {
				if call < 6 {
					proxy.Cut()
					time.Sleep(20 * time.Millisecond) // until the client's end of the connection knows
				}
			})
		})
		t.Run("demoted for a time", func(t *testing.T) {
			w.survives(t, func(call int) {
				if call == 1 {
					server.Do(t, "REPLICAOF", "127.0.0.1", "1")
					time.AfterFunc(50*time.Millisecond, func() { _, _ = server.Try("REPLICAOF", "NO", "ONE") })
				}
			})
		})
		t.Run("reply to the end lost", func(t *testing.T) { w.losesReply(t, server, proxy) })
	})
	t.Run("sentinel", func(t *testing.T) {
		servers := s.StartSentinel(t)
		w := newWatching(t, s.Open(t, s.sentinelDSN(servers, "")), Key(t, "n"))
		t.Run("failover", func(t *testing.T) {
			servers.AwaitReplicas(t)
			w.survives(t, func(int) {
				servers.Failover(t)
				servers.AwaitReplicas(t) // until then the old primary applies the transaction
			})
		})
	})
	t.Run("cluster", func(t *testing.T) {
		servers := s.StartCluster(t)
		from, to := servers.Primaries(t)[0], servers.Primaries(t)[1]
		key := taggedKey(t, tagOf(t, servers, from), "n")
		w := newWatching(t, s.openCluster(t, servers, ""), key)
		slot := int(from.Do(t, "CLUSTER", "KEYSLOT", w.full(key)).(int64))
		t.Run("slot moves", func(t *testing.T) {
			w.survives(t, func(int) { servers.StartMigration(t, from, to, slot).Finish(t) })
		})
		t.Run("failover", func(t *testing.T) {
			servers.AwaitOK(t)
			servers.AwaitReplicas(t)
			w.survives(t, func(int) { servers.Failover(t, to) })
		})
	})
}

// A watching counts in transactions. Each transaction adds one to a number that the
// transaction has read. In the same transaction the server adds one to a counter, which
// never goes back.
type watching struct {
	cache   *xcache.Cache
	numbers *xcache.View[int64]
	key     string
	applied int64 // number of transactions that were applied
}

func newWatching(t *testing.T, store driver.Store, key string) *watching {
	t.Helper()
	c, err := xcache.New(store, xcache.WithTTL(xcache.NoExpiry))
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{cache: c, numbers: xcache.For[int64](c), key: key}
	for _, key := range []string{w.key, w.counter()} {
		if err := w.numbers.Set(t.Context(), key, 0); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// full returns the full key of a key.
func (w *watching) full(key string) string { return ":1:" + key }

// counter returns the key of the server's counter, in the slot of key.
func (w *watching) counter() string { return w.key + ":counter" }

// run makes one transaction. Each call of the transaction's function reads, and then calls
// disturb. Every second call of the function reads again afterwards. run returns how often the
// function was called.
func (w *watching) run(ctx context.Context, disturb func(call int)) (calls int, err error) {
	err = w.cache.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		n, err := w.numbers.WithTx(tx).Get(ctx, w.key)
		if err != nil {
			return err
		}
		calls++
		disturb(calls)
		if calls%2 == 0 { // else the end of the transaction finds out
			if _, err := tx.Cache().Has(ctx, w.key); err != nil {
				return err
			}
		}
		w.numbers.In(tx.Pipeline()).Set(w.key, n+1)
		tx.Pipeline().Incr(w.counter(), 1)
		return nil
	}, w.key)
	return calls, err
}

// want fails the test unless each transaction was applied once.
func (w *watching) want(t *testing.T) {
	t.Helper()
	for _, key := range []string{w.key, w.counter()} {
		if n, err := w.numbers.Get(t.Context(), key); n != w.applied || err != nil {
			t.Errorf("%s is %d, %v after %d transactions", key, n, err, w.applied)
		}
	}
}

// survives runs the function happen in the first call of a transaction's function. The test
// fails unless a later call applies the transaction.
func (w *watching) survives(t *testing.T, happen func(call int)) {
	t.Helper()
	calls := w.transact(t, func(call int) {
		if call == 1 {
			happen(call)
		}
	})
	if calls < 2 {
		t.Errorf("the function was called %d times", calls)
	}
}

// counts fails the test unless a transaction is applied in the n-th call of its function.
func (w *watching) counts(t *testing.T, n int, disturb func(call int)) {
	t.Helper()
	if calls := w.transact(t, disturb); calls != n {
		t.Errorf("the function was called %d times, want %d", calls, n)
	}
}

func (w *watching) transact(t *testing.T, disturb func(call int)) (calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	calls, err := w.run(ctx, disturb)
	if err != nil {
		t.Fatalf("Watch: %v, after %d calls of the function", err, calls)
	}
	w.applied++
	w.want(t)
	return calls
}

// losesReply loses the connection when the server has run the transaction.
func (w *watching) losesReply(t *testing.T, server *servertest.Server, proxy *xcachetest.Proxy) {
	t.Helper()
	w.counts(t, 1, func(int) {}) // so that MULTI need not be sent alone later
	w.applied++
	cut := make(chan struct{})
	calls, err := w.run(t.Context(), func(int) {
		proxy.StallReplies()
		go func() {
			defer close(cut)
			Eventually(t, func() bool {
				n, err := server.Try("GET", w.full(w.counter()))
				return err == nil && n == strconv.FormatInt(w.applied, 10)
			}, func() string { return "the server has not run the transaction" })
			proxy.Cut()
			proxy.Resume()
		}()
	})
	<-cut
	WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	if calls != 1 {
		t.Errorf("the function was called %d times", calls)
	}
	w.want(t)
	w.counts(t, 1, func(int) {})
}

// killClients closes all connections to a server, but for the test's own.
func killClients(t *testing.T, server *servertest.Server) {
	t.Helper()
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
}
