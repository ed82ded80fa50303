// Package snippets holds the pieces of code in the guides that are too short
// to be programs of their own.
package snippets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/codec/zstd"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

type User struct{ Name string }

func loadUser(context.Context) (User, error) { return User{"Ann"}, nil }

func open(t *testing.T, dsn string) *xcache.Cache {
	t.Helper()
	cache, err := xcache.OpenDSN(dsn)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cache.Close())
	})
	return cache
}

func TestBytesAreStoredAsTheyAre(t *testing.T) {
	cache := open(t, "memory://")

	raw, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	images := xcache.For[[]byte](cache.With(xcache.WithCodec(raw)))

	require.NoError(t, err)
	want := []byte{0x89, 'P', 'N', 'G'}
	require.NoError(t, images.Set(t.Context(), "42", want))
	for _, view := range []*xcache.View[[]byte]{images, xcache.For[[]byte](cache)} {
		asJSON := view != images
		got, err := view.Get(t.Context(), "42")
		require.NotEqual(t, asJSON, err == nil && bytes.Equal(got, want), "read as JSON %v: %v, %v", asJSON, got, err)
	}
}

func TestOwnWritesAreRead(t *testing.T) {
	users := xcache.For[User](open(t, "memory://").Namespace("user"))
	ctx := t.Context()
	require.NoError(t, users.Set(ctx, "42", User{"Ann"}))

	latest := users.With(xcache.ReadPrimary())
	user, err := latest.Get(ctx, "42") // what was set last, not older

	require.NoError(t, err, "got %v", user)
	require.Equal(t, "Ann", user.Name, "got %v", user)
}

func TestAnErrorTellsWhatBecameOfAWrite(t *testing.T) {
	server := servertest.Redis(t)
	ctx, user := t.Context(), User{"Ann"}
	store := func(dsn string, user User) string {
		users := xcache.For[User](open(t, dsn).Namespace("user"))
		var said bytes.Buffer
		log := log.New(&said, "", 0)

		switch err := users.Set(ctx, "42", user); {
		case err == nil:
		case errors.Is(err, xcache.ErrUnknownOutcome):
			log.Print("stored, or not: ", err)
		case errors.Is(err, xcache.ErrUnavailable):
			log.Print("not stored, the server is away: ", err)
		default:
			log.Print("not stored: ", err)
		}

		return said.String()
	}

	const longTimeouts = "?op_timeout=20s&dial_timeout=20s"
	require.Empty(t, store("redis://"+server.Addr+longTimeouts, user))
	require.Contains(t, store("redis://"+server.Addr+"?max_value=10", user), "not stored: ")
	require.Contains(t, store("redis://:wrong@"+servertest.Redis(t, servertest.Password("right")).Addr+longTimeouts, user), "not stored: ")
	require.Contains(t, store("redis://127.0.0.1:1", user), "the server is away")

	// Its connection is there, the command is sent, and the connection ends before the reply.
	proxy := xcachetest.NewProxy(t, server.Addr)
	cache := open(t, "redis://"+proxy.Addr()+longTimeouts)
	require.NoError(t, cache.Ping(ctx))
	proxy.StallReplies()
	before, outcome := proxy.Stats().RequestBytes, make(chan error)
	go func() { outcome <- xcache.For[User](cache).Set(ctx, "42", user) }()
	require.Eventually(t, func() bool { return proxy.Stats().RequestBytes > before }, time.Minute, time.Millisecond)
	proxy.Cut()
	require.ErrorIs(t, <-outcome, xcache.ErrUnknownOutcome)
}

func TestTheDatabaseIsAskedWhenTheServerIsDown(t *testing.T) {
	// Nobody listens on port 1.
	users := xcache.For[User](open(t, "redis://127.0.0.1:1").Namespace("user"))
	ctx := t.Context()

	user, err := users.GetOrSet(ctx, "42", loadUser)
	if errors.Is(err, xcache.ErrUnavailable) {
		user, err = users.Load(ctx, "42", loadUser)
	}

	require.NoError(t, err, "got %v", user)
	require.Equal(t, "Ann", user.Name, "got %v", user)
}

func TestAnotherFormatWritesAndTheOldOneIsRead(t *testing.T) {
	chain, err := codec.New(codec.Config{
		Serializers: []codec.Serializer{msgpack.Serializer, codec.JSON},
		Compressors: []codec.Compressor{zstd.Compressor},
		CompressMin: 1 << 10,
	})

	require.NoError(t, err)
	cache := open(t, "memory://")
	ctx := t.Context()
	require.NoError(t, xcache.For[User](cache).Set(ctx, "42", User{"Ann"}))
	users := xcache.For[User](cache.With(xcache.WithCodec(chain)))
	user, err := users.Get(ctx, "42")
	require.NoError(t, err, "got %v", user)
	require.Equal(t, "Ann", user.Name, "got %v", user)

	reads := cache.CodecReads()
	for by, n := range reads.Old {
		fmt.Printf("%d of %d values were still %s %s\n", n, reads.Current+n, by.Serializer, by.Compressor)
	}

	require.EqualValues(t, 1, reads.Old[codec.Read{Serializer: "json", Fallback: true}], "reads are %+v", reads)
	require.Zero(t, reads.Current, "reads are %+v", reads)
}
