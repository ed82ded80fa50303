package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestCloseLeavesTheClientOfTheProgram(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: subject.Standalone(t).Addr, ReadTimeout: longTimeout})
	defer func() { _ = client.Close() }()
	s := redis.NewStore(client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.NoError(t, s.Set(ctx, []driver.Entry{{Key: drivertest.Key(t, "k"), TTL: time.Minute}}))
	require.NoError(t, s.Close())
	require.NoError(t, client.Ping(t.Context()).Err(), "the client was closed")
}

func TestCloseClient(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: subject.Standalone(t).Addr, ReadTimeout: longTimeout})
	require.NoError(t, redis.NewStore(client, redis.CloseClient()).Close())
	require.Error(t, client.Ping(t.Context()).Err(), "the client is open")
	subject.AwaitNoGoroutines(t)
}

func TestStoreNamesTheServerOfItsClient(t *testing.T) {
	s := redis.NewStore(goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"}), redis.CloseClient())
	defer func() { _ = s.Close() }()
	require.Contains(t, fmt.Sprint(s), "127.0.0.1:1/0", "the name of the store")
}

// Hooks print words, as for go-redis' own commands.
func TestHooksOfTheProgramSeeWords(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: subject.Standalone(t).Addr, ReadTimeout: longTimeout})
	hook := &formattingHook{}
	client.AddHook(hook)
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	k, l := drivertest.Key(t, "k"), drivertest.Key(t, "l")
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		require.NoError(t, s.Set(ctx, []driver.Entry{{Key: k, Value: []byte("a value"), TTL: time.Minute}}))
		require.NoError(t, s.Set(ctx, []driver.Entry{{Key: k, Value: []byte("a value"), TTL: time.Minute}, {Key: l, Value: []byte("another"), TTL: driver.NoExpiry}}))
		require.NoError(t, s.Get(ctx, []string{k}, make([]driver.Value, 1)))
		require.NoError(t, s.Get(ctx, []string{k, l}, make([]driver.Value, 2)))
		require.NoError(t, s.Do(ctx, []*driver.Cmd{driver.NewCmd("LPUSH", driver.Key(l+"list"), driver.Val([]byte("element")))}, driver.Plain))
		require.NoError(t, s.Do(ctx, []*driver.Cmd{driver.NewCmd("STRLEN", driver.Key(k))}, driver.Atomic))
		_, err := s.IncrInit(ctx, l+"n", 1, 0, time.Minute)
		require.NoError(t, err)
		for _, err := range s.Scan(ctx, k+"*") {
			require.NoError(t, err)
		}
		_, err = s.Delete(ctx, []string{k, l, l + "n"})
		require.NoError(t, err)
	}
	seen := strings.Join(hook.seen, "\n")
	for _, want := range []string{
		"set|set|SET " + k + " a value PX 60000", "get|get|GET " + k, "mget|mget|MGET " + k + " " + l, "set|SET " + l + " another",
		"lpush|lpush|LPUSH " + l + "list element", "multi|MULTI", "strlen|STRLEN " + k, "evalsha|evalsha", "scan|", "unlink|UNLINK " + k,
	} {
		require.Contains(t, seen, want)
	}
	require.NotContains(t, seen, "0x")
	require.NotContains(t, seen, "&[")
	for _, args := range hook.args {
		for i, arg := range args {
			switch arg.(type) {
			case string, []byte, int64, int:
			case fmt.Stringer:
				require.Zero(t, i, "%T is an argument", arg)
			default:
				require.Fail(t, "an argument that is no string and no number", "%T", arg)
			}
		}
	}
}

// A formattingHook formats the arguments of commands before they are sent, as hooks for
// tracing do.
type formattingHook struct {
	seen []string
	args [][]any
}

func (*formattingHook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (h *formattingHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		h.seen = append(h.seen, cmd.Name()+"|"+cmd.FullName()+"|"+cmd.String())
		h.args = append(h.args, cmd.Args())
		return next(ctx, cmd)
	}
}

func (h *formattingHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		for _, cmd := range cmds {
			h.seen = append(h.seen, cmd.Name()+"|"+cmd.String())
			h.args = append(h.args, cmd.Args())
		}
		return next(ctx, cmds)
	}
}

// A sent call may have been applied, for every error of the client.
func TestClientThatTheProgramCloses(t *testing.T) {
	addr := subject.Standalone(t).Addr
	for name, hooks := range map[string][]goredis.Hook{"while a call waits": nil, "while a hook waits": {closedHook{}}} {
		t.Run(name, func(t *testing.T) {
			proxy := xcachetest.NewProxy(t, addr)
			client := goredis.NewClient(&goredis.Options{Addr: proxy.Addr(), ReadTimeout: longTimeout})
			for _, hook := range hooks {
				client.AddHook(hook)
			}
			s := redis.NewStore(client)
			k := drivertest.Key(t, "k")
			require.NoError(t, drivertest.Put(t, s, k, "v"))
			for _, w := range drivertest.Writes() {
				require.NoError(t, w.Run(t.Context(), s, k+"w"))
			}
			proxy.StallReplies()
			sent := strings.Count(string(proxy.Transcript()), k)
			answers := make(chan error, 1)
			go func() { answers <- drivertest.Put(t, s, k, "w") }()
			drivertest.Eventually(t, func() bool { return strings.Count(string(proxy.Transcript()), k) > sent }, func() string { return "nothing was sent" })
			require.NoError(t, client.Close())
			err := <-answers
			drivertest.WantErr(t, err, driver.Unknown)
			if len(hooks) > 0 {
				require.ErrorIs(t, err, driver.ErrClosed)
			}
			for _, w := range drivertest.Writes() {
				drivertest.WantErr(t, w.Run(t.Context(), s, k+"w"), driver.NotApplied, driver.ErrClosed)
			}
			require.ErrorContains(t, drivertest.Put(t, s, k, "w"), "the program has closed the client")
			require.NoError(t, s.Close())
			proxy.Resume()
			subject.AwaitNoGoroutines(t)
		})
	}
}

// A closedHook reports the loss of a connection as the close of the client.
type closedHook struct{}

func (closedHook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (closedHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if errors.Is(err, net.ErrClosed) {
			err = fmt.Errorf("the hook's: %w", goredis.ErrClosed)
			cmd.SetErr(err)
		}
		return err
	}
}

func (closedHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func TestHooksOfTheProgramAreRunAndSpoilNothing(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: drivertest.RefusingAddr(t)})
	hook := &formattingHook{}
	client.AddHook(hook)
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	drivertest.WantErr(t, drivertest.Put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	entries := []driver.Entry{{Key: "k", TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
	drivertest.WantErr(t, s.Set(t.Context(), entries), driver.NotApplied, driver.ErrUnavailable)
	require.NotEmpty(t, hook.seen, "what the hook has seen")
	require.Equal(t, "set", hook.seen[0][:3], "what the hook has seen")
}
