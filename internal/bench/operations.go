package main

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// A caller does one operation.
type caller func(ctx context.Context) error

// An operation stores the values for its calls, by a client of type C, and returns a
// function that does one call with that client.
type operation[C any] func(client C, value []byte) caller

// operations are the operations of one client library, at any server.
type operations[C any] struct{ get, miss, set, delete, getMany, setMany operation[C] }

const clientKey = "user:00000042"

// fullKey is the full key of clientKey, so that all contestants send the same key.
const fullKey = ":1:" + clientKey

// missing is a key that nobody stores.
const missing = "nobody"

// many is how many keys a batch has.
const many = 100

// fullKeys returns the keys of a batch: the keys for this library, and the full keys on
// the server.
func fullKeys() (keys, fulls []string) {
	keys = keyNames(many)
	for _, key := range keys {
		fulls = append(fulls, ":1:"+key)
	}
	return keys, fulls
}

var onGoRedis = operations[*goredis.Client]{
	get: func(client *goredis.Client, value []byte) caller {
		mustDo(client.Set(context.Background(), fullKey, value, timeToLive).Err())
		return func(ctx context.Context) error {
			got, err := client.Get(ctx, fullKey).Bytes()
			return sameLength(err, len(got), len(value))
		}
	},
	miss: func(client *goredis.Client, _ []byte) caller {
		return func(ctx context.Context) error {
			return wantMiss(errors.Is(client.Get(ctx, missing).Err(), goredis.Nil))
		}
	},
	set: func(client *goredis.Client, value []byte) caller {
		return func(ctx context.Context) error { return client.Set(ctx, fullKey, value, timeToLive).Err() }
	},
	delete: func(client *goredis.Client, _ []byte) caller {
		return func(ctx context.Context) error { return client.Unlink(ctx, missing).Err() }
	},
	// The result is a map of the found values by key, as from GetMany.
	getMany: func(client *goredis.Client, value []byte) caller {
		mustDo(goRedisSetMany(client, value)(context.Background()))
		_, fulls := fullKeys()
		return func(ctx context.Context) error {
			got, err := client.MGet(ctx, fulls...).Result()
			found := make(map[string][]byte, len(got))
			for i, item := range got {
				if text, ok := item.(string); ok {
					found[fulls[i]] = []byte(text)
				}
			}
			return sameLength(err, len(found), many)
		}
	},
	setMany: goRedisSetMany,
}

// goRedisSetMany stores several values with a TTL in one round trip, by a pipeline:
// MSET has no TTL.
func goRedisSetMany(client *goredis.Client, value []byte) caller {
	_, fulls := fullKeys()
	return func(ctx context.Context) error {
		pipeline := client.Pipeline()
		for _, key := range fulls {
			pipeline.Set(ctx, key, value, timeToLive)
		}
		_, err := pipeline.Exec(ctx)
		return err
	}
}

// goRedisMGet returns the values in the form of the client.
func goRedisMGet(client *goredis.Client, value []byte) caller {
	mustDo(goRedisSetMany(client, value)(context.Background()))
	_, fulls := fullKeys()
	return func(ctx context.Context) error {
		got, err := client.MGet(ctx, fulls...).Result()
		return sameLength(err, len(got), many)
	}
}

var onValkeyGo = operations[valkeygo.Client]{
	get: func(client valkeygo.Client, value []byte) caller {
		mustDo(valkeyGoSet(client, value)(context.Background()))
		return func(ctx context.Context) error {
			got, err := client.Do(ctx, client.B().Get().Key(fullKey).Build()).AsBytes()
			return sameLength(err, len(got), len(value))
		}
	},
	miss: func(client valkeygo.Client, _ []byte) caller {
		return func(ctx context.Context) error {
			return wantMiss(valkeygo.IsValkeyNil(client.Do(ctx, client.B().Get().Key(missing).Build()).Error()))
		}
	},
	set: valkeyGoSet,
	delete: func(client valkeygo.Client, _ []byte) caller {
		return func(ctx context.Context) error {
			return client.Do(ctx, client.B().Unlink().Key(missing).Build()).Error()
		}
	},
	getMany: func(client valkeygo.Client, value []byte) caller {
		mustDo(valkeyGoSetMany(client, value)(context.Background()))
		_, fulls := fullKeys()
		return func(ctx context.Context) error {
			got, err := client.Do(ctx, client.B().Mget().Key(fulls...).Build()).ToArray()
			found := make(map[string][]byte, len(got))
			for i := range got {
				if data, err := got[i].AsBytes(); err == nil {
					found[fulls[i]] = data
				}
			}
			return sameLength(err, len(found), many)
		}
	},
	setMany: valkeyGoSetMany,
}

func valkeyGoSet(client valkeygo.Client, value []byte) caller {
	return func(ctx context.Context) error {
		return client.Do(ctx, client.B().Set().Key(fullKey).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build()).Error()
	}
}

func valkeyGoSetMany(client valkeygo.Client, value []byte) caller {
	_, fulls := fullKeys()
	return func(ctx context.Context) error {
		commands := make(valkeygo.Commands, 0, len(fulls))
		for _, key := range fulls {
			commands = append(commands, client.B().Set().Key(key).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build())
		}
		for _, result := range client.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		return nil
	}
}

func valkeyGoMGet(client valkeygo.Client, value []byte) caller {
	mustDo(valkeyGoSetMany(client, value)(context.Background()))
	_, fulls := fullKeys()
	return func(ctx context.Context) error {
		got, err := client.Do(ctx, client.B().Mget().Key(fulls...).Build()).AsStrSlice()
		return sameLength(err, len(got), many)
	}
}

// onStore is a driver alone. There is no delete and no miss, because the tables of these
// operations leave the driver out.
var onStore = operations[driver.Store]{
	get: func(store driver.Store, value []byte) caller {
		mustDo(storeSet(store, value)(context.Background()))
		keys, values := []string{fullKey}, make([]driver.Value, 1)
		return func(ctx context.Context) error {
			if err := store.Get(ctx, keys, values); err != nil {
				return err
			}
			return sameLength(values[0].Err, len(values[0].Data), len(value))
		}
	},
	set: storeSet,
	getMany: func(store driver.Store, value []byte) caller {
		mustDo(storeSetMany(store, value)(context.Background()))
		_, fulls := fullKeys()
		values := make([]driver.Value, many)
		return func(ctx context.Context) error {
			return sameLength(store.Get(ctx, fulls, values), len(values[many-1].Data), len(value))
		}
	},
	setMany: storeSetMany,
}

func storeSet(store driver.Store, value []byte) caller {
	entries := []driver.Entry{{Key: fullKey, Value: value, TTL: timeToLive}}
	return func(ctx context.Context) error {
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[0].Err
	}
}

func storeSetMany(store driver.Store, value []byte) caller {
	_, fulls := fullKeys()
	entries := make([]driver.Entry, many)
	for i, key := range fulls {
		entries[i] = driver.Entry{Key: key, Value: value, TTL: timeToLive}
	}
	return func(ctx context.Context) error {
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[many-1].Err
	}
}

var onXcache = operations[*xcache.View[[]byte]]{
	get: func(view *xcache.View[[]byte], value []byte) caller {
		mustDo(view.Set(context.Background(), clientKey, value))
		return func(ctx context.Context) error {
			got, err := view.Get(ctx, clientKey)
			return sameLength(err, len(got), len(value))
		}
	},
	miss: func(view *xcache.View[[]byte], _ []byte) caller {
		return func(ctx context.Context) error {
			_, err := view.Get(ctx, missing)
			return wantMiss(errors.Is(err, xcache.ErrNotFound))
		}
	},
	set: func(view *xcache.View[[]byte], value []byte) caller {
		return func(ctx context.Context) error { return view.Set(ctx, clientKey, value) }
	},
	delete: func(view *xcache.View[[]byte], _ []byte) caller {
		return func(ctx context.Context) error { _, err := view.Delete(ctx, missing); return err }
	},
	getMany: func(view *xcache.View[[]byte], value []byte) caller {
		mustDo(xcacheSetMany(view, value)(context.Background()))
		keys, _ := fullKeys()
		return func(ctx context.Context) error {
			got, err := view.GetMany(ctx, keys)
			return sameLength(err, len(got), many)
		}
	},
	setMany: xcacheSetMany,
}

func xcacheSetMany(view *xcache.View[[]byte], value []byte) caller {
	keys, _ := fullKeys()
	values := make(map[string][]byte, many)
	for _, key := range keys {
		values[key] = value
	}
	return func(ctx context.Context) error { return view.SetMany(ctx, values) }
}

func sameLength(err error, got, want int) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %d, want %d", got, want)
	}
	return err
}

func wantMiss(missed bool) error {
	if !missed {
		return errors.New("want a miss")
	}
	return nil
}

// mustDo is for calls that fail only if the server is gone.
func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}
