package valkey

import "time"

// NewNode is for tests of the layers above nodes.
var NewNode = newNode

// CallTimeout bounds calls on a cluster without a deadline, for tests with slow servers.
func CallTimeout(d time.Duration) StoreOption { return func(o *storeOptions) { o.callTimeout = d } }
