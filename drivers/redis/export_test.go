package redis

import (
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// NewNode is for tests of the layers above nodes.
var NewNode = newNode

// CallTimeout bounds calls on a cluster without a deadline, for tests with slow servers.
func CallTimeout(d time.Duration) StoreOption { return func(o *storeOptions) { o.callTimeout = d } }

// NewClusterStoreWith is NewClusterStore with an option.
func NewClusterStoreWith(option StoreOption, client func(addr string) *goredis.Client, seeds ...string) *Store {
	o := defaultStoreOptions()
	option(&o)
	return newClusterStoreWith(o, client, seeds)
}
