package clustered

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// The tests of the drivers run against real servers. The tests here need behaviour that
// real servers do not have on demand.

// A fakeNode replies at once. Nil methods must not be called.
type fakeNode struct {
	node.Node
	addr  string
	slots func() driver.Reply
	nodes func() string // CLUSTER NODES
	scan  func() []string
	get   func(ctx context.Context, keys []string, dst []driver.Value) error
	do    func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error
	began time.Time

	disconnect func() // may be nil
	timeout    time.Duration
}

func (n *fakeNode) Query(_ context.Context, words ...string) (driver.Reply, error) {
	if slices.Equal(words, []string{"CLUSTER", "NODES"}) {
		return text(n.nodes()), nil
	}
	return n.slots(), nil
}

func (n *fakeNode) Scan(context.Context, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, key := range n.scan() {
			if !yield(key, nil) {
				return
			}
		}
	}
}

func (n *fakeNode) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return n.get(ctx, keys, dst)
}

func (n *fakeNode) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return n.do(ctx, cmds, how)
}

func (n *fakeNode) DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return n.do(ctx, cmds, how)
}
func (n *fakeNode) Commands() driver.CommandSet {
	return driver.NewCommandSet("GET", "GETDEL", "SET", "PUBLISH", driver.CmdLeaseRevoke)
}

func (n *fakeNode) Limits() driver.Limits {
	return driver.Limits{CallTimeout: cmp.Or(n.timeout, time.Second)}
}
func (n *fakeNode) Now() time.Time { return n.began }
func (n *fakeNode) Disconnect() {
	if n.disconnect != nil {
		n.disconnect()
	}
}
func (n *fakeNode) Close() error { return nil }

// openFake returns a store on three fake nodes, a, b and c, each with a third of the slots.
func openFake(t testing.TB, prepare func(*fakeNode)) *Store {
	t.Helper()
	return openFakes(t, func(n *fakeNode) node.Node {
		if prepare != nil {
			prepare(n)
		}
		return n
	})
}

// openFakes is openFake with the nodes that of makes of fake nodes.
func openFakes(t testing.TB, of func(*fakeNode) node.Node) *Store {
	t.Helper()
	dsn, err := driver.ParseDSN("redis+cluster://a:1")
	require.NoError(t, err)
	s, err := settings.ReadCluster(dsn)
	require.NoError(t, err)
	store := Open(s, func(s *settings.Settings) node.Node {
		return of(&fakeNode{addr: s.Addr, began: time.Now(), slots: thirds, get: hit, do: hits})
	}).(*Store)
	t.Cleanup(func() {
		require.NoError(t, store.Close())
	})
	return store
}

func thirds() driver.Reply {
	var ranges []driver.Reply
	for i, host := range []string{"a", "b", "c"} {
		ranges = append(ranges, driver.ArrayReply(driver.IntReply(int64(i*slots/3)), driver.IntReply(int64((i+1)*slots/3-1)), nodeReply(text(host), 1)))
	}
	return driver.ArrayReply(ranges...)
}

func hit(_ context.Context, _ []string, dst []driver.Value) error {
	for i := range dst {
		dst[i].Data = value
	}
	return nil
}

func hits(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
	for _, c := range cmds {
		c.Reply = driver.DataReply(value)
	}
	return nil
}

var value = []byte("v")

func TestGetAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFake(t, nil)
		ctx := context.Background()
		keys, dst := []string{"prefix:1:user:12345"}, make([]driver.Value, 1)
		allocations := testing.AllocsPerRun(200, func() {
			dst[0] = driver.Value{}
			require.NoError(t, s.Get(ctx, keys, dst))
		})
		require.LessOrEqual(t, allocations, 0.0, "allocations")
	})
}

func BenchmarkGet(b *testing.B) {
	s := openFake(b, nil)
	ctx := context.Background()
	keys, dst := []string{"prefix:1:user:12345"}, make([]driver.Value, 1)
	require.NoError(b, s.Get(ctx, keys, dst))
	direct := &fakeNode{get: hit}
	for _, store := range []struct {
		name string
		get  func(context.Context, []string, []driver.Value) error
	}{{"direct", node.Node(direct).Get}, {"routed", s.Get}} {
		b.Run(store.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst[0] = driver.Value{}
				if err := store.get(ctx, keys, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGetMany(b *testing.B) {
	s := openFake(b, nil)
	ctx := context.Background()
	keys, dst := make([]string, 100), make([]driver.Value, 100)
	for i := range keys {
		keys[i] = fmt.Sprint("prefix:1:user:", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		clear(dst)
		if err := s.Get(ctx, keys, dst); err != nil {
			b.Fatal(err)
		}
	}
}
