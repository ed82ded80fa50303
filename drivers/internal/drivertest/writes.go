package drivertest

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A Write is a call that changes the value behind a key with each run.
type Write struct {
	Name string
	Word string // word on the wire for each run
	Run  func(ctx context.Context, store driver.Store, key string) error
}

// Writes returns one call of each kind that is sent in a way of its own. The
// calls are for stores on one server.
func Writes() []Write {
	pair := func(key string) []*driver.Cmd {
		return []*driver.Cmd{
			driver.NewCmd("RPUSH", driver.Key(key), driver.Val([]byte("v"))),
			driver.NewCmd("INCRBY", driver.Key(key+":n"), driver.Int(1)),
		}
	}
	return []Write{
		{"INCR", "EVALSHA", func(ctx context.Context, store driver.Store, key string) error {
			_, err := driver.CapsOf(store).Counter.IncrInit(ctx, key, 1, 0, time.Minute)
			return err
		}},
		{"LPUSH", "LPUSH", func(ctx context.Context, store driver.Store, key string) error {
			return Do(ctx, store, "LPUSH", driver.Key(key+":list"), driver.Val([]byte("v")))
		}},
		{"SET", "SET", func(ctx context.Context, store driver.Store, key string) error {
			entries := []driver.Entry{{Key: key + ":set", Value: []byte("v"), TTL: time.Minute}}
			return errors.Join(store.Set(ctx, entries), entries[0].Err)
		}},
		{"pipeline", "RPUSH", func(ctx context.Context, store driver.Store, key string) error {
			cmds := pair(key + ":pipe")
			return errors.Join(driver.CapsOf(store).Commander.Do(ctx, cmds, driver.Plain), cmds[0].Err, cmds[1].Err)
		}},
		{"transaction", "RPUSH", func(ctx context.Context, store driver.Store, key string) error {
			return driver.CapsOf(store).Commander.Do(ctx, pair(key+":tx"), driver.Atomic)
		}},
	}
}
