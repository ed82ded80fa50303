package valkey

import "github.com/xcache-go/xcache"

func init() { xcache.Register("valkey", Driver{}) }
