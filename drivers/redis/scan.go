package redis

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// Scan implements driver.Scanner.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return operations.Scan(ctx, pattern, func(words ...string) (driver.Reply, error) { return s.query(ctx, words...) })
}

// query runs a command that changes nothing, and need not be in the table.
func (s *Store) query(ctx context.Context, words ...string) (driver.Reply, error) {
	if s.noHello && words[0] == "HELLO" {
		return driver.Reply{}, settings.ErrNoHello
	}
	var r request
	var c generalCommand
	args := make([]any, len(words))
	for i, word := range words {
		args[i] = word
	}
	c.init(&r, []byte(words[0]), args...)
	c.readOnly = true
	r.commands = []*command{&c.command}
	if err := s.run(ctx, &r); err != nil {
		return driver.Reply{}, err
	}
	return c.reader.reply, c.err
}
