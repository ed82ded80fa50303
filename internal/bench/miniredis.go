package main

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// A memoryCall is one operation on the memory driver and on miniredis. miniredis gets the
// operation from a client over its socket, and by its own methods.
type memoryCall struct {
	name   string
	ours   func(ctx context.Context, h *handles, value []byte) error
	socket func(ctx context.Context, c *goredis.Client, value []byte) error
	direct func(m *miniredis.Miniredis, value string) error
}

var memoryCalls = []memoryCall{
	{
		"HGET",
		func(ctx context.Context, h *handles, value []byte) error {
			got, err := h.hashes.HGet(ctx, "hash", structureField)
			return sameLength(err, len(got), len(value))
		},
		func(ctx context.Context, c *goredis.Client, _ []byte) error {
			return c.HGet(ctx, ":1:hash", structureField).Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			return sameLength(nil, len(m.HGet(":1:hash", structureField)), len(value))
		},
	},
	{
		"HSET",
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.hashes.HSet(ctx, "hash", structureField, value)
			return err
		},
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.HSet(ctx, ":1:hash", structureField, value).Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			m.HSet(":1:hash", structureField, value)
			return nil
		},
	},
	{
		"LPUSH and RPOP",
		func(ctx context.Context, h *handles, value []byte) error {
			if _, err := h.lists.LPush(ctx, "list", value); err != nil {
				return err
			}
			_, err := h.lists.RPop(ctx, "list")
			return err
		},
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			if err := c.LPush(ctx, ":1:list", value).Err(); err != nil {
				return err
			}
			return c.RPop(ctx, ":1:list").Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			if _, err := m.Lpush(":1:list", value); err != nil {
				return err
			}
			_, err := m.Pop(":1:list")
			return err
		},
	},
	{
		"SADD",
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sets.SAdd(ctx, "set", value)
			return err
		},
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.SAdd(ctx, ":1:set", value).Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			_, err := m.SAdd(":1:set", value)
			return err
		},
	},
	{
		"ZADD",
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.sorted.ZAdd(ctx, "sorted", mixins.Scored[[]byte]{Member: value, Score: structureScore})
			return err
		},
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.ZAdd(ctx, ":1:sorted", goredis.Z{Score: structureScore, Member: value}).Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			_, err := m.ZAdd(":1:sorted", structureScore, value)
			return err
		},
	},
	{
		"XADD",
		func(ctx context.Context, h *handles, value []byte) error {
			_, err := h.streams.XAdd(ctx, "stream", mixins.XAddOptions{}, map[string][]byte{structureField: value})
			return err
		},
		func(ctx context.Context, c *goredis.Client, value []byte) error {
			return c.XAdd(ctx, &goredis.XAddArgs{Stream: ":1:stream", Values: []any{structureField, value}}).Err()
		},
		func(m *miniredis.Miniredis, value string) error {
			_, err := m.XAdd(":1:stream", "*", []string{structureField, value})
			return err
		},
	},
}

// memoryComparisons time structures in the memory driver beside miniredis, and beside
// structures with a thousand times as many members.
func memoryComparisons() []comparison {
	var all []comparison
	for _, call := range memoryCalls {
		all = append(all, comparison{name: call.name, contestants: []contestant{
			{"xcache", onMemory(1, call.ours)},
			{"miniredis, by its own methods", call.onDirect},
			{"miniredis, over its socket", call.onSocket},
		}})
	}
	rank := func(members int) func(context.Context, *handles, []byte) error {
		return func(ctx context.Context, h *handles, _ []byte) error {
			got, err := h.sorted.ZRank(ctx, "sorted", member(members/2))
			return sameLength(err, got, members/2)
		}
	}
	ranges := func(members int) func(context.Context, *handles, []byte) error {
		return func(ctx context.Context, h *handles, _ []byte) error {
			got, err := h.sorted.ZRange(ctx, "sorted", mixins.ByRank(members/2, members/2+9))
			return sameLength(err, len(got), 10)
		}
	}
	for _, read := range []struct {
		name string
		call func(members int) func(context.Context, *handles, []byte) error
	}{{"ZRANK", rank}, {"ZRANGE of 10", ranges}} {
		c := comparison{name: read.name + " in a sorted set"}
		for _, members := range []int{1000, 1_000_000} {
			c.contestants = append(c.contestants, contestant{fmt.Sprintf("%d members", members), onMemory(members, read.call(members))})
		}
		all = append(all, c)
	}
	return all
}

func member(i int) []byte { return fmt.Appendf(nil, "member:%08d", i) }

// onMemory makes a benchmark of a call on a memory store with a hash and a sorted set of
// so many members. The store is filled once.
func onMemory(members int, call func(context.Context, *handles, []byte) error) func(b *testing.B) {
	var h *handles
	value := bytes.Repeat([]byte{'v'}, structureValueSize)
	return func(b *testing.B) {
		ctx := b.Context()
		if h == nil || members == 1 { // with the store of the last turn, a stream would grow from turn to turn
			h = newHandles(xcache.For[[]byte](must(xcache.OpenDSN("memory://?serializer=raw&max_bytes=none&max_entries=none"))))
			must(h.hashes.HSet(ctx, "hash", structureField, value))
			for i := range members {
				must(h.sorted.ZAdd(ctx, "sorted", mixins.Scored[[]byte]{Member: member(i), Score: float64(i)}))
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := call(ctx, h, value); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func startMiniredis(b *testing.B) (*miniredis.Miniredis, string) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		b.Fatal(err)
	}
	value := string(bytes.Repeat([]byte{'v'}, structureValueSize))
	m.HSet(":1:hash", structureField, value)
	return m, value
}

func (c memoryCall) onDirect(b *testing.B) {
	m, value := startMiniredis(b)
	defer m.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.direct(m, value); err != nil {
			b.Fatal(err)
		}
	}
}

func (c memoryCall) onSocket(b *testing.B) {
	m, value := startMiniredis(b)
	defer m.Close()
	client := goredis.NewClient(&goredis.Options{Addr: m.Addr()})
	defer func() { _ = client.Close() }()
	data := []byte(value)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.socket(b.Context(), client, data); err != nil {
			b.Fatal(err)
		}
	}
}
