package redis

import "github.com/xcache-go/xcache"

func init() { xcache.Register("redis", Driver{}) }
