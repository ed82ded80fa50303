package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// A taking is a command on a value that another handle has stored. The command takes the
// value, and its own handle cannot read the value.
type taking struct {
	command   string
	put, take func(ctx context.Context, c *cached) error
	queue     func(p *xcache.Pipeline, c *cached) (interface{ Err() error }, error) // nil without a twin in pipelines
}

// using returns a function that makes a handle for each call of use.
func using[H any](handle func(*xcache.Cache) (H, error), use func(ctx context.Context, h H) error) func(context.Context, *cached) error {
	return func(ctx context.Context, c *cached) error {
		h, err := handle(c.Cache)
		if err != nil {
			return err
		}
		return use(ctx, h)
	}
}

// unreadChecks has the checks of commands that have run with a reply that the codec
// cannot read. Their error keeps the reply.
func unreadChecks() (checks []check) {
	const key, text = "{t}k", "text" // text is no number
	pushed := using(mixins.NewLists[string], func(ctx context.Context, words *mixins.Lists[string]) error {
		return onlyErr(words.RPush(ctx, key, text))
	})
	type (
		lists      = mixins.Lists[int]
		sets       = mixins.Sets[int]
		sortedSets = mixins.SortedSets[int]
		hashes     = mixins.Hashes[int]
	)
	for _, taking := range []taking{
		{"LPOP", pushed, using(mixins.NewLists[int], func(ctx context.Context, numbers *lists) error { return onlyErr(numbers.LPop(ctx, key)) }),
			func(p *xcache.Pipeline, c *cached) (interface{ Err() error }, error) {
				numbers, err := mixins.NewLists[int](c.Cache)
				if err != nil {
					return nil, err
				}
				return numbers.In(p).LPop(key), nil
			}},
		{"RPOP", pushed, using(mixins.NewLists[int], func(ctx context.Context, numbers *lists) error { return onlyErr(numbers.RPop(ctx, key)) }), nil},
		{"LMOVE", pushed, using(mixins.NewLists[int], func(ctx context.Context, numbers *lists) error {
			return onlyErr(numbers.LMove(ctx, key, "{t}to", mixins.Left, mixins.Right))
		}), nil},
		{"BLPOP", pushed, using(mixins.NewLists[int], func(ctx context.Context, numbers *lists) error { return onlyErr(numbers.BLPop(ctx, long, key)) }), nil},
		{"SPOP", using(mixins.NewSets[string], func(ctx context.Context, words *mixins.Sets[string]) error {
			return onlyErr(words.SAdd(ctx, key, text))
		}),
			using(mixins.NewSets[int], func(ctx context.Context, numbers *sets) error { return onlyErr(numbers.SPop(ctx, key)) }), nil},
		{"ZPOPMIN", using(mixins.NewSortedSets[string], func(ctx context.Context, words *mixins.SortedSets[string]) error {
			return onlyErr(words.ZAdd(ctx, key, mixins.Scored[string]{Member: text, Score: 1}))
		}), using(mixins.NewSortedSets[int], func(ctx context.Context, numbers *sortedSets) error { return onlyErr(numbers.ZPopMin(ctx, key)) }), nil},
		{"HGETDEL", using(mixins.NewHashes[string], func(ctx context.Context, words *mixins.Hashes[string]) error {
			return onlyErr(words.HSet(ctx, key, "f", text))
		}), using(mixins.NewHashes[int], func(ctx context.Context, numbers *hashes) error { return onlyErr(numbers.HGetDel(ctx, key, "f")) }), nil},
	} {
		checks = append(checks, cacheCheck("unread/"+taking.command,
			fmt.Sprintf("%s of what the codec cannot read is ErrCorrupt, has taken it, and its error keeps the bytes", taking.command),
			needs(commander, strings.TrimPrefix(taking.command, "B")), taking.run)) // a command that waits runs on sessions, and not by the Commander
	}
	return checks
}

func (t *taking) run(ctx context.Context, c *cached) error {
	if !c.runs(t.command) && c.caps.Exclusive == nil {
		return inapplicable("the store does not run %s", t.command)
	}
	errs := []error{t.put(ctx, c), c.wantKept(t.take(ctx, c), t.command), c.wantNone("{t}k")}
	if t.queue != nil {
		p := c.Pipeline()
		result, err := t.queue(p, c)
		if err != nil {
			return err
		}
		errs = append(errs, t.put(ctx, c), c.wantKept(p.Exec(ctx), "Exec"), c.wantKept(result.Err(), t.command+" in a pipeline"), c.wantNone("{t}k"))
	}
	return errors.Join(errs...)
}

// wantKept wants an error with the taken bytes.
func (c *cached) wantKept(err error, what string) error {
	unread, ok := errors.AsType[*xcache.UnreadReplyError](err)
	if !ok {
		return errors.Join(c.wantErr(err, xcache.ErrCorrupt, "%s", what), fmt.Errorf("%s: %w keeps no reply", what, err))
	}
	return errors.Join(c.wantErr(err, xcache.ErrCorrupt, "%s", what), that(!errors.Is(err, xcache.ErrUnknownOutcome), "%s: %v has an unknown outcome", what, err),
		that(holds(&unread.Reply, `"text"`), "%s: the error keeps %s, want the element", what, replyText(unread.Reply)))
}

// holds reports whether a reply has data with some text at any depth.
func holds(r *driver.Reply, text string) bool {
	for i := range r.Items {
		if holds(&r.Items[i], text) {
			return true
		}
	}
	return string(r.Data) == text
}
