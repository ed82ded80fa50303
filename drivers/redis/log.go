package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// go-redis has one logger for the whole process. The logger writes errors to standard
// error, although calls return the same errors. So an import of this package silences the
// logger. A program that needs the logger calls goredis.SetLogger in main.
func init() { goredis.SetLogger(silence{}) }

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
