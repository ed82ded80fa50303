package valkey

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
	r := &request{commands: []command{{
		args:     []string{"SCAN", cursor, "MATCH", pattern, "COUNT", scanCount},
		readOnly: true,
	}}}
	if err := s.run(ctx, r); err != nil {
		return "", nil, err
	}
	var c driver.Cmd
	r.commands[0].fill(&c)
	if c.Err != nil {
		return "", nil, c.Err
	}
	page := c.Reply.Items
	if len(page) != 2 {
		return "", nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnexpected)
	}
	return string(page[0].Data), page[1].Items, nil
}
