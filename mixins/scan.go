package mixins

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// ScanOptions are the options of SScan, HScan and ZScan.
type ScanOptions struct {
	// Match is a pattern with the syntax of Cache.Keys, for stored members or fields. A
	// member that the codec encodes as JSON has quotes. "" matches all.
	Match string
	// Count is the approximate number of elements in each round trip; 0 leaves the number
	// to the server.
	Count int
}

// scan yields the elements of a structure. read reads the elements in a part of a reply.
func scan[E any](ctx context.Context, c *xcache.Cache, name, command, key string, options ScanOptions,
	read func(o *xcache.Op, items *driver.Reply) ([]E, error), yield func(E, error) bool,
) {
	type part struct {
		cursor   string
		elements []E
	}
	readPart := func(o *xcache.Op) (part, error) {
		items, err := o.Reply().AsArray()
		if err == nil && len(items) != 2 {
			err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered something else where a cursor and elements were expected"))
		}
		if err != nil {
			return part{}, err
		}
		cursor, err := items[0].AsBytes()
		if err != nil {
			return part{}, err
		}
		elements, err := read(o, &items[1])
		return part{string(cursor), elements}, err
	}
	for cursor := "0"; ; {
		o := xcache.NewOp(c, name, command, key).Field(cursor)
		if options.Match != "" {
			o.Word("MATCH").Field(options.Match)
		}
		if options.Count != 0 {
			o.Word("COUNT").Int(int64(options.Count))
		}
		p, err := xcache.Run(ctx, o, readPart)
		if err != nil {
			var none E
			yield(none, err)
			return
		}
		for _, element := range p.elements {
			if !yield(element, nil) {
				return
			}
		}
		if p.cursor == "0" {
			return
		}
		cursor = p.cursor
	}
}
