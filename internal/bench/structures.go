package main

import (
	"context"
	"testing"

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
				{"go-redis", timeStructure(openGoRedis, s.onGoRedis)},
				{"xcache", timeStructure(openHandles(openRedisView), s.onHandles)},
			}},
			comparison{name: s.name + " on valkey", contestants: []contestant{
				{"valkey-go", timeStructure(openValkeyGo, s.onValkeyGo)},
				{"xcache", timeStructure(openHandles(openValkeyView), s.onHandles)},
			}})
	}
	return all
}

const (
	structureValueSize = 100
	structureField     = "field"
	structureScore     = 42
)

// handles are the typed handles of one cache.
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

// A structureCall does one call on a structure by a client of type C.
type structureCall[C any] func(ctx context.Context, client C, value []byte) error

func timeStructure[C any](open func(*fakeserver.Server) (C, func() error), call structureCall[C]) func(b *testing.B) {
	bench := inProcess(open, func(client C, value []byte) caller {
		return func(ctx context.Context) error { return call(ctx, client, value) }
	})
	return timeClient(func(server *fakeserver.Server, value []byte) (caller, func() error) {
		server.Set(fullKey, value) // the server answers HGET with this value
		return bench(server, value)
	}, structureValueSize, false)
}

func openHandles(open func(*fakeserver.Server) (*xcache.View[[]byte], func() error)) func(*fakeserver.Server) (*handles, func() error) {
	return func(server *fakeserver.Server) (*handles, func() error) {
		view, closeView := open(server)
		return newHandles(view), closeView
	}
}

var structureCalls = []struct {
	name       string
	onGoRedis  structureCall[*goredis.Client]
	onValkeyGo structureCall[valkeygo.Client]
	onHandles  structureCall[*handles]
}{
	{
		"HGET",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			got, err := c.HGet(ctx, fullKey, structureField).Bytes()
			return sameLength(err, len(got), len(value))
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			got, err := c.Do(ctx, c.B().Hget().Key(fullKey).Field(structureField).Build()).AsBytes()
			return sameLength(err, len(got), len(value))
		},
		func(ctx context.Context, h *handles, value []byte) error {
			got, err := h.hashes.HGet(ctx, clientKey, structureField)
			return sameLength(err, len(got), len(value))
		},
	},
	{
		"HSET",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.HSet(ctx, fullKey, structureField, value).Err()
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Hset().Key(fullKey).FieldValue().FieldValue(structureField, valkeygo.BinaryString(value)).Build()).Error()
		},
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.hashes.HSet(ctx, clientKey, structureField, value)
			return err
		},
	},
	{
		"LPUSH",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.LPush(ctx, fullKey, value).Err()
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Lpush().Key(fullKey).Element(valkeygo.BinaryString(value)).Build()).Error()
		},
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.lists.LPush(ctx, clientKey, value)
			return err
		},
	},
	{
		"SADD",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.SAdd(ctx, fullKey, value).Err()
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Sadd().Key(fullKey).Member(valkeygo.BinaryString(value)).Build()).Error()
		},
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sets.SAdd(ctx, clientKey, value)
			return err
		},
	},
	{
		"ZADD",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.ZAdd(ctx, fullKey, goredis.Z{Score: structureScore, Member: value}).Err()
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Zadd().Key(fullKey).ScoreMember().ScoreMember(structureScore, valkeygo.BinaryString(value)).Build()).Error()
		},
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sorted.ZAdd(ctx, clientKey, mixins.Scored[[]byte]{Member: value, Score: structureScore})
			return err
		},
	},
	{
		"XADD",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.XAdd(ctx, &goredis.XAddArgs{Stream: fullKey, Values: []any{structureField, value}}).Err()
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
			return c.Do(ctx, c.B().Xadd().Key(fullKey).Id("*").FieldValue().FieldValue(structureField, valkeygo.BinaryString(value)).Build()).Error()
		},
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.streams.XAdd(ctx, clientKey, mixins.XAddOptions{}, map[string][]byte{structureField: value})
			return err
		},
	},
	{
		"a pipeline of 100 HSET",
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			p := c.Pipeline()
			for range many {
				p.HSet(ctx, fullKey, structureField, value)
			}
			_, err := p.Exec(ctx)
			return err
		},
		func(ctx context.Context, c valkeygo.Client, value []byte) error {
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
		},
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
