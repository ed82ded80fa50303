package operations

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// scanCount is the number of keys that the server visits for one page.
const scanCount = "1000"

// Scan implements driver.Scanner on one server. send runs a SCAN with the given words,
// and retries the SCAN as a read.
func Scan(ctx context.Context, pattern string, send func(words ...string) (driver.Reply, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for cursor := "0"; ; {
			reply, err := send("SCAN", cursor, "MATCH", pattern, "COUNT", scanCount)
			if err == nil && !isPage(&reply) {
				err = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNoPage)
			}
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range reply.Items[1].Items {
				if ctx.Err() != nil {
					yield("", failure.OfContext(ctx, false))
					return
				}
				if !yield(string(key.Data), nil) {
					return
				}
			}
			if cursor = string(reply.Items[0].Data); cursor == "0" {
				return
			}
		}
	}
}

// isPage reports whether a reply has the form of a reply to SCAN: a cursor and a list of
// keys.
func isPage(r *driver.Reply) bool {
	return r.Kind == driver.ReplyArray && len(r.Items) == 2 && r.Items[0].Kind == driver.ReplyData && r.Items[1].Kind == driver.ReplyArray &&
		!slices.ContainsFunc(r.Items[1].Items, func(key driver.Reply) bool { return key.Kind != driver.ReplyData })
}

var errNoPage = errors.New("SCAN did not answer with a page")
