package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

// coordinationTables time a lock, a message and a script beside go-redis. Operations
// without a counterpart in go-redis are timed beside one round trip.
func coordinationTables(turn *time.Duration) []serverTable {
	table := func(name string, contestants ...serverContestant) serverTable {
		for i := range contestants {
			contestants[i].cancellable = true
		}
		return serverTable{name: name, server: servertest.Redis, turn: turn, contestants: contestants}
	}
	return []serverTable{
		table("A lock and its release",
			serverContestant{lib: "go-redis, by hand", open: withGoRedis(lockByHand)},
			serverContestant{lib: "xcache", open: withCache(lockAndRelease)}),
		table("A message that nobody waits for",
			serverContestant{lib: "go-redis", open: withGoRedis(publishByHand)},
			serverContestant{lib: "xcache", open: withCache(publish)}),
		table("A script",
			serverContestant{lib: "go-redis", open: withGoRedis(scriptByHand)},
			serverContestant{lib: "xcache", open: withCache(script)}),
		table("What xcache adds, beside one round trip",
			serverContestant{lib: "go-redis, PING", open: withGoRedis(ping)},
			serverContestant{lib: "RateLimits: Allow", open: withCache(allow)},
			serverContestant{lib: "Once: Do, the result is there", open: withCache(onceMore)},
			serverContestant{lib: "Semaphores: TryAcquire and Release", open: withCache(permitAndRelease)}),
	}
}

const (
	scriptSource  = `return redis.call('EXISTS', KEYS[1])`
	releaseSource = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`
)

// newNames returns a function whose names are all different, so that callers do not wait for
// each other.
func newNames() func() string {
	names := new(atomic.Int64)
	return func() string { return fmt.Sprint("name:", names.Add(1)) }
}

func lockByHand(client *goredis.Client) caller {
	release, newName := goredis.NewScript(releaseSource), newNames()
	return func(ctx context.Context) error {
		name, token := "lock:"+newName(), rand.Text()
		if taken, err := client.SetNX(ctx, name, token, timeToLive).Result(); err != nil || !taken {
			return fmt.Errorf("lock: %t, %w", taken, err)
		}
		return release.Run(ctx, client, []string{name}, token).Err()
	}
}

func lockAndRelease(cache *xcache.Cache) caller {
	locks, newName := must(mixins.NewLocks(cache)), newNames()
	return func(ctx context.Context) error {
		_, lock, err := locks.TryAcquire(ctx, newName(), mixins.LockOptions{})
		if err != nil {
			return err
		}
		return lock.Release(ctx)
	}
}

func publishByHand(client *goredis.Client) caller {
	return func(ctx context.Context) error { return client.Publish(ctx, "channel", "message").Err() }
}

func publish(cache *xcache.Cache) caller {
	messages := must(mixins.NewPubSub[string](cache))
	return func(ctx context.Context) error {
		_, err := messages.Publish(ctx, "channel", "message")
		return err
	}
}

func scriptByHand(client *goredis.Client) caller {
	script := goredis.NewScript(scriptSource)
	return func(ctx context.Context) error { return script.Run(ctx, client, []string{fullKey}).Err() }
}

func script(cache *xcache.Cache) caller {
	script := mixins.NewScript(must(mixins.NewScripts(cache)), scriptSource, mixins.AsInt)
	return func(ctx context.Context) error {
		_, err := script.Run(ctx, []string{clientKey})
		return err
	}
}

func ping(client *goredis.Client) caller {
	return func(ctx context.Context) error { return client.Ping(ctx).Err() }
}

func allow(cache *xcache.Cache) caller {
	limits := must(mixins.NewRateLimits(cache))
	limit := mixins.RateLimit{Limit: 1e9, Window: time.Hour, Burst: 1e9}
	return func(ctx context.Context) error {
		result, err := limits.Allow(ctx, "subject", limit)
		if err == nil && !result.Allowed {
			err = errors.New("the limit was met")
		}
		return err
	}
}

func onceMore(cache *xcache.Cache) caller {
	once := must(mixins.NewOnce[string](cache))
	call := func(ctx context.Context) error {
		_, err := once.Do(ctx, "key", mixins.OnceOptions{}, func(context.Context) (string, error) { return "result", nil })
		return err
	}
	mustDo(call(context.Background()))
	return call
}

func permitAndRelease(cache *xcache.Cache) caller {
	semaphores, newName := must(mixins.NewSemaphores(cache)), newNames()
	return func(ctx context.Context) error {
		_, permit, err := semaphores.TryAcquire(ctx, newName(), 3, mixins.SemaphoreOptions{})
		if err != nil {
			return err
		}
		return permit.Release(ctx)
	}
}

func withGoRedis(prepare func(*goredis.Client) caller) opener {
	return func(addr string) (caller, func()) {
		client, closeClient := dialGoRedis(addr)
		return prepare(client), closeClient
	}
}

func withCache(prepare func(*xcache.Cache) caller) opener {
	return func(addr string) (caller, func()) {
		cache := must(xcache.OpenDSN("redis://" + addr))
		return prepare(cache), func() { _ = cache.Close() }
	}
}
