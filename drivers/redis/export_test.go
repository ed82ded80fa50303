package redis

import (
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// NewNode is for tests of what is written over nodes.
var NewNode = newNode

// CallTimeout bounds calls on a cluster that have no deadline: those of tests in
// which a server takes its time.
func CallTimeout(d time.Duration) StoreOption { return func(o *storeOptions) { o.callTimeout = d } }

// NewClusterStoreWith is NewClusterStore with an option.
func NewClusterStoreWith(option StoreOption, client func(addr string) *goredis.Client, seeds ...string) *Store {
	o := defaultStoreOptions()
	option(&o)
	return newClusterStoreWith(o, client, seeds)
}
