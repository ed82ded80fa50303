package redis

import (
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
)

// NewNode is for tests of what is written over nodes.
var NewNode = newNode

// CallTimeout bounds calls on a cluster that have no deadline: those of tests in
// which a server takes its time.
func CallTimeout(d time.Duration) StoreOption { return func(o *storeOptions) { o.callTimeout = d } }

// NewClusterStoreWith is NewClusterStore with options.
func NewClusterStoreWith(option StoreOption, client func(addr string) *goredis.Client, seeds ...string) driver.Store {
	o := defaultStoreOptions()
	option(&o)
	return newClusterStore(o, seeds, func(addr string) clientSource { return &madeClient{addr: addr, make: client} })
}
