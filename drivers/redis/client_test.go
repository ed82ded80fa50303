package redis_test

import (
	"context"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestCloseLeavesTheClientOfTheProgram(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: standalone.Server(t).Addr})
	defer func() { _ = client.Close() }()
	s := redis.NewStore(client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.Set(ctx, []driver.Entry{{Key: key(t, "k"), TTL: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the client was closed: %v", err)
	}
}

func TestCloseClient(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: standalone.Server(t).Addr})
	if err := redis.NewStore(client, redis.CloseClient()).Close(); err != nil {
		t.Error(err)
	}
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("the client is open")
	}
	awaitNoGoroutines(t)
}

func TestClientOfTheProgramHasItsOwnTimeouts(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: standalone.Server(t).Addr})
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	if d := s.Limits().CallTimeout; d != 0 {
		t.Errorf("CallTimeout is %v, which the store cannot promise", d)
	}
}

func TestClientWithoutContextTimeoutsIsPromptAllTheSame(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	client := goredis.NewClient(&goredis.Options{Addr: proxy.Addr(), ReadTimeout: 300 * time.Millisecond})
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	for _, w := range writes {
		if err := w.run(t.Context(), s, key(t, "k")); err != nil {
			t.Fatal(err)
		}
	}
	proxy.StallReplies()
	for _, w := range writes {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		wantPrompt(t, w.name, ctx, func() error { return w.run(ctx, s, key(t, "k")) }, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
}

// A hook of the program sees the commands, and formats their arguments before
// they are sent, as those for tracing do.
type formattingHook struct{ seen []string }

func (*formattingHook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (h *formattingHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		h.seen = append(h.seen, cmd.Name()+"|"+cmd.FullName()+"|"+cmd.String())
		return next(ctx, cmd)
	}
}

func (h *formattingHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		for _, cmd := range cmds {
			h.seen = append(h.seen, cmd.Name()+"|"+cmd.String())
		}
		return next(ctx, cmds)
	}
}

func TestHooksOfTheProgramAreRunAndSpoilNothing(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: refusingAddr(t)})
	hook := &formattingHook{}
	client.AddHook(hook)
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	wantErr(t, put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	entries := []driver.Entry{{Key: "k", TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
	wantErr(t, s.Set(t.Context(), entries), driver.NotApplied, driver.ErrUnavailable)
	if len(hook.seen) == 0 || hook.seen[0][:3] != "set" {
		t.Errorf("the hook has seen %q", hook.seen)
	}
}
