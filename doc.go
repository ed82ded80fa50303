// Package xcache is a cache in the style of database/sql: one interface, and
// drivers that a blank import registers.
//
//	import (
//		"github.com/xcache-go/xcache"
//		_ "github.com/xcache-go/xcache/drivers/memory"
//		_ "github.com/xcache-go/xcache/drivers/redis"
//	)
//
//	c, err := xcache.OpenDSN(os.Getenv("CACHE_DSN")) // memory:// or redis://localhost:6379
//	users := xcache.For[User](c.Namespace("user"))
//	err = users.Set(ctx, "42", user, xcache.TTL(time.Minute))
//	user, err = users.Get(ctx, "42") // errors.Is(err, xcache.ErrNotFound) on a miss
//	user, err = users.GetOrSet(ctx, "42", loadUser)
//
// A Cache has the operations on keys, a View those on the values of one Go
// type, and a Pipeline sends many of either in one round trip. Every operation
// does the same on every driver; package xcachetest proves it.
//
// Keys are stored as prefix:version:key, or prefix:version:namespace:key, and
// values as JSON unless configured otherwise, as Django's cache framework does it,
// so that services in Go and Python can share a cache.
package xcache
