package redis

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// This file has what is done otherwise with a client of the program's. Its
// connections are not ours, so no reply is read by go-redis' own types, which
// believe what a length claims and take a number for a value; and its hooks see
// words.

// getOfOwnClient is Get.
func (s *Store) getOfOwnClient(ctx context.Context, keys []string, dst []driver.Value) error {
	name := mget
	if len(keys) == 1 {
		name = get
	}
	if borrowed(ctx) {
		keys = slices.Clone(keys)
	}
	k := newKeysRequest(name, keys)
	k.command.readOnly = true
	if err := s.run(ctx, &k.request); err != nil {
		return err
	}
	items := []driver.Reply{k.command.reader.reply}
	if len(keys) > 1 {
		items = items[0].Items
	}
	switch err := k.command.err; {
	case err != nil && len(keys) == 1:
		dst[0].Err = err
		return nil
	case err != nil:
		return err
	case len(items) != len(keys) || k.command.reader.lines > 0:
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReply)
	}
	for i, item := range items {
		switch item.Kind {
		case driver.ReplyData:
			dst[i].Data = item.Data
		case driver.ReplyNil:
			dst[i].Err = driver.ErrNotFound
		case driver.ReplyError:
			dst[i].Err = unwritten(item.Err, true)
		default:
			return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReply)
		}
	}
	return nil
}

// probeMulti returns why the server does not accept MULTI, if it is known to have
// done so neither before nor now. One that refuses it would run the commands behind
// it one by one.
func (s *Store) probeMulti(ctx context.Context) error {
	if s.client.network != nil || s.multi.Load() {
		return nil
	}
	r := request{atomic: true}
	var begin, end generalCommand
	begin.init(&r, multi, nil)
	end.init(&r, exec, nil)
	r.commands = []*command{&begin.command, &end.command}
	err := s.run(ctx, &r)
	s.multi.Store(err == nil)
	return err
}
