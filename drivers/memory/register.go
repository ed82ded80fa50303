package memory

import "github.com/xcache-go/xcache"

func init() { xcache.Register("memory", new(Driver)) }
