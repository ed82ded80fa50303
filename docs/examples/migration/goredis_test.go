package migration

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
)

type User struct{ Name string }

// before is how a service reads through go-redis.
func before(ctx context.Context, client *goredis.Client, load func(context.Context) (User, error)) (User, error) {
	var user User
	text, err := client.Get(ctx, "user:42").Bytes()
	switch {
	case err == nil:
		return user, json.Unmarshal(text, &user)
	case !errors.Is(err, goredis.Nil):
		return user, err
	}
	if user, err = load(ctx); err != nil {
		return user, err
	}
	if text, err = json.Marshal(user); err != nil {
		return user, err
	}
	return user, client.Set(ctx, "user:42", text, time.Hour).Err()
}

// after is the same with xcache.
func after(ctx context.Context, users *xcache.View[User], load func(context.Context) (User, error)) (User, error) {
	return users.GetOrSet(ctx, "42", load, xcache.TTL(time.Hour))
}

// open puts a cache on a client that the service has, and keeps the keys that are there.
func open(client *goredis.Client) (*xcache.Cache, error) {
	asTheyAre := func(_ string, _ int, key string) string { return key }
	return xcache.New(redis.NewStore(client), xcache.WithKeyFunc(asTheyAre, nil))
}

func TestValuesOfGoRedisAreRead(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{Addr: servertest.Redis(t).Addr})
	defer client.Close()
	loads := 0
	load := func(context.Context) (User, error) {
		loads++
		return User{"Ann"}, nil
	}
	stored, err := before(t.Context(), client, load)
	require.NoError(t, err)

	c, err := open(client)
	require.NoError(t, err)
	defer c.Close()
	read, err := after(t.Context(), xcache.For[User](c.Namespace("user")), load)
	require.NoError(t, err)
	require.Equal(t, stored, read)
	require.Equal(t, 1, loads)

	_, err = c.Clear(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
