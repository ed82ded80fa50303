package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// go-redis has one logger for the whole process, which writes to standard error.
// What it writes is in the errors that calls return, so a program that imports
// this package has it silent. One that wants it calls goredis.SetLogger in main.
func init() { goredis.SetLogger(silence{}) }

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
