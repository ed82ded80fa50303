package redis

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache/driver"
)

// scanCount is how many keys the server looks at for one page.
const scanCount = "1000"

// Scan implements driver.Scanner.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for cursor := "0"; ; {
			next, keys, err := s.scanPage(ctx, cursor, pattern)
			if err != nil {
				yield("", err)
				return
			}
			for i := range keys {
				if ctx.Err() != nil {
					yield("", contextError(ctx, false))
					return
				}
				if !yield(string(keys[i].Data), nil) {
					return
				}
			}
			if cursor = next; cursor == "0" {
				return
			}
		}
	}
}

func (s *Store) scanPage(ctx context.Context, cursor, pattern string) (next string, keys []driver.Reply, err error) {
	var r request
	var c generalCommand
	c.init(&r, scan, nil, &cursor, "MATCH", &pattern, "COUNT", scanCount)
	c.readOnly = true
	r.commands = []*command{&c.command}
	if err := s.run(ctx, &r); err != nil {
		return "", nil, err
	}
	if c.err != nil {
		return "", nil, c.err
	}
	page := c.reader.reply.Items
	if len(page) != 2 {
		return "", nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReply)
	}
	return string(page[0].Data), page[1].Items, nil
}
