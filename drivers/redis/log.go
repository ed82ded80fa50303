package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// go-redis has one logger for the whole process. The logger writes errors to standard error
// that calls return anyway, so that an import of this package silences it. A program that
// needs the logger calls goredis.SetLogger in main.
func init() { goredis.SetLogger(silence{}) }

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
