package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
)

// price has methods with pointer receivers, and is stored by value.
type price struct{ cents int64 }

func (p *price) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d]", p.cents), nil }
func (p *price) UnmarshalJSON(b []byte) error {
	_, err := fmt.Sscanf(string(b), "[%d]", &p.cents)
	return err
}

func TestMethodsWithPointerReceiversCount(t *testing.T) {
	roundTrip(t, price{1250}, "[1250]")
	roundTrip(t, &price{1250}, "[1250]")
	roundTrip(t, []price{{1}, {2}}, "[[1],[2]]")
	roundTrip(t, *big.NewInt(12), "12")
}

// refusesToStore checks that no operation that stores accepts a value, and that nothing is
// sent.
func refusesToStore[T any](t *testing.T, value T, reason string, opts ...xcache.Option) {
	t.Helper()
	ctx := t.Context()
	s, c := newFake(t, opts...)
	v := xcache.For[T](c)
	p := c.Pipeline()
	queued := v.In(p).Set("k", value)
	_ = p.Exec(ctx)
	_, queuedErr := queued.Value()
	_, addErr := v.Add(ctx, "k", value)
	_, swapErr := v.Swap(ctx, "k", value)
	_, loadErr := v.GetOrSet(ctx, "k", func(context.Context) (T, error) { return value, nil })
	for how, err := range map[string]error{
		"Set": v.Set(ctx, "k", value), "SetMany": v.SetMany(ctx, map[string]T{"k": value}), "Add": addErr, "Swap": swapErr,
		"GetOrSet": loadErr, "pipeline": queuedErr,
	} {
		require.ErrorIs(t, err, codec.ErrUnsupportedValue, how)
		require.Contains(t, err.Error(), reason, how)
		require.NotContains(t, err.Error(), "canary", how)
	}
	require.Empty(t, s.written())
}

type area interface{ Area() float64 }

type circle struct{ Name string }

func (circle) Area() float64 { return 3 }

func TestWhatCouldNotBeReadBackIsRefused(t *testing.T) {
	gob := func() xcache.Option {
		chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Gob}})
		require.NoError(t, err)
		return xcache.WithCodec(chain)
	}()
	ring, err := codec.NewKeyRing([]byte(strings.Repeat("key!", 8)))
	require.NoError(t, err)
	refusesToStore(t, struct{ S area }{circle{"canary"}}, "xcache_test.area")
	refusesToStore[error](t, errors.New("canary"), "an interface with methods")
	refusesToStore[area](t, circle{"canary"}, "xcache_test.area, an interface with methods")
	refusesToStore[area](t, circle{"canary"}, "xcache_test.area", gob)
	refusesToStore[any](t, "canary", "an interface; ask for a type", gob)
	refusesToStore[any](t, []byte("canary"), "an interface; ask for a type", gob)
	refusesToStore[any](t, circle{"canary"}, "an interface; ask for a type", gob, xcache.WithEncryption(ring))
	refusesToStore[any](t, []any{struct{ secret string }{"canary"}}, "no exported fields")
	refusesToStore(t, struct{ At time.Time }{time.Unix(0, 0).In(time.FixedZone("", 90))}, "whole minutes")
	refusesToStore(t, struct{ N *int }{new(int)}, "field N points to a zero value", gob)
}

func TestAnyHoldsWhatIsReadAsPlainData(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[any](c)
	for _, test := range []struct{ value, want any }{
		{nil, nil}, {"x", "x"}, {7, int64(7)}, {circle{"a"}, map[string]any{"Name": "a"}}, {map[int]string{1: "x"}, map[string]any{"1": "x"}},
		{map[string]any{"n": int64(1)<<60 + 1}, map[string]any{"n": int64(1)<<60 + 1}}, {[]area{circle{"a"}}, []any{map[string]any{"Name": "a"}}},
	} {
		require.NoError(t, v.Set(ctx, "k", test.value), "%T", test.value)
		got, err := v.Get(ctx, "k")
		require.NoError(t, err, "%T", test.value)
		require.Equal(t, test.want, got, "%T", test.value)
	}
}
