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

// errScanMoved is the cause of an unavailable server that has a cursor of another server.
var errScanMoved = errors.New("another server has the key now, where the cursor of the scan means nothing: begin the scan again")

// A scanned is the server with a key, for the time of a scan.
type scanned struct {
	locator driver.Locator // nil if the store has one server
	full    string
	addr    string // "" while nobody knows the server
}

// moved reports whether another server has the key now.
func (s *scanned) moved() bool {
	if s.locator == nil {
		return false
	}
	before, now := s.addr, s.locator.Locate(s.full)
	if now != "" {
		s.addr = now
	}
	return before != "" && before != s.addr
}

// scan yields the elements of a structure. read reads the elements in a part of a reply.
func scan[E any](ctx context.Context, c *xcache.Cache, name, command, key string, options ScanOptions,
	read func(o *xcache.Op, items *driver.Reply) ([]E, error), yield func(E, error) bool,
) {
	type part struct {
		cursor   string
		elements []E
	}
	first := true
	server := scanned{locator: driver.CapsOf(c.Store()).Locator}
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
		whole := first && string(cursor) == "0"
		if server.moved() && !whole {
			return part{}, driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errScanMoved)
		}
		elements, err := read(o, &items[1])
		return part{string(cursor), elements}, err
	}
	for cursor := "0"; ; first = false {
		o := xcache.NewOp(c, name, command, key)
		if args := o.Args(); len(args) == 1 {
			server.full = args[0].Text
		}
		if server.moved() && !first {
			o.Fail(driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errScanMoved))
		}
		o.Field(cursor)
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
