package valkey

import "time"

// NewNode is for tests of what is written over nodes.
var NewNode = newNode

// CallTimeout bounds calls on a cluster that have no deadline: those of tests in
// which a server takes its time.
func CallTimeout(d time.Duration) StoreOption { return func(o *storeOptions) { o.callTimeout = d } }
