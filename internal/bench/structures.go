package main

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/fakeserver"
	"github.com/xcache-go/xcache/mixins"
)

// structureComparisons time typed handles on structures against the typed calls of the
// client below, on the server inside the process.
func structureComparisons() []comparison {
	var all []comparison
	for _, s := range structureCalls {
		all = append(all,
			comparison{name: s.name + " on redis", contestants: []contestant{
				{"go-redis", timeClient(s.onGoRedis, structureValueSize, false)},
				{"xcache", timeClient(onHandles(newXcache, s.onHandles), structureValueSize, false)},
			}},
			comparison{name: s.name + " on valkey", contestants: []contestant{
				{"valkey-go", timeClient(s.onValkeyGo, structureValueSize, false)},
				{"xcache", timeClient(onHandles(newValkeyCache, s.onHandles), structureValueSize, false)},
			}})
	}
	return all
}

const (
	structureValueSize = 100
	structureField     = "field"
	structureScore     = 42
)

// handles are those of one cache.
type handles struct {
	cache   *xcache.Cache
	lists   *mixins.Lists[[]byte]
	sets    *mixins.Sets[[]byte]
	hashes  *mixins.Hashes[[]byte]
	sorted  *mixins.SortedSets[[]byte]
	streams *mixins.Streams[[]byte]
}

func newHandles(view *xcache.View[[]byte]) *handles {
	c := view.Cache
	return &handles{
		c, must(mixins.NewLists[[]byte](c)), must(mixins.NewSets[[]byte](c)), must(mixins.NewHashes[[]byte](c)),
		must(mixins.NewSortedSets[[]byte](c)), must(mixins.NewStreams[[]byte](c)),
	}
}

// onHandles makes a benchmark of a call of handles.
func onHandles(open func(*fakeserver.Server) *xcache.View[[]byte], call func(context.Context, *handles, []byte) error) clientBench {
	return func(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
		server.Set(fullKey, value)
		h := newHandles(open(server))
		return func() error { return call(ctx, h, value) }, h.cache.Close
	}
}

// goRedisCall and valkeyGoCall make benchmarks of a call of a client.
func goRedisCall(call func(context.Context, *goredis.Client, []byte) error) clientBench {
	return func(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
		server.Set(fullKey, value)
		client := newGoRedis(server)
		return func() error { return call(ctx, client, value) }, client.Close
	}
}

func valkeyGoCall(call func(context.Context, valkeygo.Client, []byte) error) clientBench {
	return func(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
		server.Set(fullKey, value)
		client := newValkeyGo(server)
		return func() error { return call(ctx, client, value) }, closing(client)
	}
}

var structureCalls = []struct {
	name                  string
	onGoRedis, onValkeyGo clientBench
	onHandles             func(context.Context, *handles, []byte) error
}{
	{
		"HGET",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			got, err := c.HGet(ctx, fullKey, structureField).Bytes()
			return sameLength(err, len(got), len(value))
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			got, err := c.Do(ctx, c.B().Hget().Key(fullKey).Field(structureField).Build()).AsBytes()
			return sameLength(err, len(got), len(value))
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			got, err := h.hashes.HGet(ctx, clientKey, structureField)
			return sameLength(err, len(got), len(value))
		},
	},
	{
		"HSET",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.HSet(ctx, fullKey, structureField, value).Err()
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Hset().Key(fullKey).FieldValue().FieldValue(structureField, valkeygo.BinaryString(value)).Build()).Error()
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.hashes.HSet(ctx, clientKey, structureField, value)
			return err
		},
	},
	{
		"LPUSH",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.LPush(ctx, fullKey, value).Err()
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Lpush().Key(fullKey).Element(valkeygo.BinaryString(value)).Build()).Error()
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.lists.LPush(ctx, clientKey, value)
			return err
		},
	},
	{
		"SADD",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.SAdd(ctx, fullKey, value).Err()
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Sadd().Key(fullKey).Member(valkeygo.BinaryString(value)).Build()).Error()
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sets.SAdd(ctx, clientKey, value)
			return err
		},
	},
	{
		"ZADD",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.ZAdd(ctx, fullKey, goredis.Z{Score: structureScore, Member: value}).Err()
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Zadd().Key(fullKey).ScoreMember().ScoreMember(structureScore, valkeygo.BinaryString(value)).Build()).Error()
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sorted.ZAdd(ctx, clientKey, mixins.Scored[[]byte]{Member: value, Score: structureScore})
			return err
		},
	},
	{
		"XADD",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.XAdd(ctx, &goredis.XAddArgs{Stream: fullKey, Values: []any{structureField, value}}).Err()
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Xadd().Key(fullKey).Id("*").FieldValue().FieldValue(structureField, valkeygo.BinaryString(value)).Build()).Error()
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.streams.XAdd(ctx, clientKey, mixins.XAddOptions{}, map[string][]byte{structureField: value})
			return err
		},
	},
	{
		"a pipeline of 100 HSET",
		goRedisCall(func(ctx context.Context, c *goredis.Client, value []byte) error {
			p := c.Pipeline()
			for range many {
				p.HSet(ctx, fullKey, structureField, value)
			}
			_, err := p.Exec(ctx)
			return err
		}),
		valkeyGoCall(func(ctx context.Context, c valkeygo.Client, value []byte) error {
			commands := make(valkeygo.Commands, 0, many)
			for range many {
				commands = append(commands, c.B().Hset().Key(fullKey).FieldValue().FieldValue(structureField, valkeygo.BinaryString(value)).Build())
			}
			for _, result := range c.DoMulti(ctx, commands...) {
				if err := result.Error(); err != nil {
					return err
				}
			}
			return nil
		}),
		func(ctx context.Context, h *handles, value []byte) error {
			p := h.cache.Pipeline()
			hashes := h.hashes.In(p)
			for range many {
				hashes.HSet(clientKey, structureField, value)
			}
			return p.Exec(ctx)
		},
	},
}
