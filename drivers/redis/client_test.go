package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
)

func TestCloseLeavesTheClientOfTheProgram(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: subject.Standalone(t).Addr})
	defer func() { _ = client.Close() }()
	s := redis.NewStore(client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.Set(ctx, []driver.Entry{{Key: drivertest.Key(t, "k"), TTL: time.Minute}}); err != nil {
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
	client := goredis.NewClient(&goredis.Options{Addr: subject.Standalone(t).Addr})
	if err := redis.NewStore(client, redis.CloseClient()).Close(); err != nil {
		t.Error(err)
	}
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("the client is open")
	}
	subject.AwaitNoGoroutines(t)
}

func TestStoreNamesTheServerOfItsClient(t *testing.T) {
	s := redis.NewStore(goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"}), redis.CloseClient())
	defer func() { _ = s.Close() }()
	if text := fmt.Sprint(s); !strings.Contains(text, "127.0.0.1:1/0") {
		t.Errorf("the store is %s", text)
	}
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
	client := goredis.NewClient(&goredis.Options{Addr: drivertest.RefusingAddr(t)})
	hook := &formattingHook{}
	client.AddHook(hook)
	s := redis.NewStore(client, redis.CloseClient())
	defer func() { _ = s.Close() }()
	drivertest.WantErr(t, drivertest.Put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	entries := []driver.Entry{{Key: "k", TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
	drivertest.WantErr(t, s.Set(t.Context(), entries), driver.NotApplied, driver.ErrUnavailable)
	if len(hook.seen) == 0 || hook.seen[0][:3] != "set" {
		t.Errorf("the hook has seen %q", hook.seen)
	}
}
