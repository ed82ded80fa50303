package xcache

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// With returns the same view with other options: see Cache.With.
func (v *View[T]) With(opts ...Option) *View[T] { return For[T](v.Cache.With(opts...)) }

// Namespace returns the same view of a part of the key space: see
// Cache.Namespace.
func (v *View[T]) Namespace(name string) *View[T] { return For[T](v.Cache.Namespace(name)) }

// Get returns the value of key. A miss is the bare ErrNotFound. Bytes that no configured
// codec can read as a T are ErrCorrupt.
func (v *View[T]) Get(ctx context.Context, key string) (T, error) {
	var value T
	_, err := v.core.lookUp(ctx, key, nil, func(full string, stored, plain []byte, seen *observation) (err error) {
		value, err = readChecked[T](&v.core, key, full, stored, plain, seen)
		return err
	})
	if _, failed := err.(*missedError); failed { //nolint:errorlint // that very type
		err = ErrNotFound
	}
	return value, err
}

// GetOr returns the value of key, or def on a miss. A stored nil is not a miss.
func (v *View[T]) GetOr(ctx context.Context, key string, def T) (T, error) {
	value, err := v.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return def, nil
	}
	return value, err
}

// Set stores value at key, and replaces any old value. The key gets the default TTL, or the
// TTL of opts. A value that the codec cannot encode is an error, and leaves the key
// unchanged.
func (v *View[T]) Set(ctx context.Context, key string, value T, opts ...SetOption) error {
	_, err := v.core.store(ctx, "set", key, v.encoder(value), driver.Always, opts)
	return err
}

// Add stores value at key if the key does not exist, and reports whether Add has stored
// value. Of all concurrent callers, exactly one gets true. A value of which a tag was invalidated
// does not count; if the tags cannot be checked, Add stores nothing and returns why. In a pipeline,
// such a value counts: the server adds, and knows no tags.
func (v *View[T]) Add(ctx context.Context, key string, value T, opts ...SetOption) (bool, error) {
	return v.core.store(ctx, "add", key, v.encoder(value), driver.IfAbsent, opts)
}

// Replace stores value at key if the key exists, and reports whether Replace has stored
// value.
func (v *View[T]) Replace(ctx context.Context, key string, value T, opts ...SetOption) (bool, error) {
	return v.core.store(ctx, "replace", key, v.encoder(value), driver.IfPresent, opts)
}

// Swap stores value at key and returns the old value, in one atomic step. Without an old
// value, Swap stores value and returns ErrNotFound. If the old value cannot be read, Swap
// stores value and returns ErrCorrupt, in an UnreadReplyError that keeps the old bytes.
func (v *View[T]) Swap(ctx context.Context, key string, value T, opts ...SetOption) (old T, err error) {
	err = v.core.swap(ctx, key, v.encoder(value), opts, func(full string, stored, plain []byte, seen *observation) (err error) {
		old, _, err = decode[T](&v.core, full, plain, v.core.target.caps.Limits.OwnData, seen)
		return err
	})
	return old, err
}

// CompareAndSwap stores value at key if the stored bytes equal the encoded old, and reports
// whether CompareAndSwap has stored value, in one atomic step. A value that is encoded
// differently each time (maps under some codecs, another writer's codec) never matches. The tags
// of a value are not compared. In a pipeline, a value with tags never matches: the server
// compares, and knows no tags. There, encryption is errors.ErrUnsupported.
func (v *View[T]) CompareAndSwap(ctx context.Context, key string, old, value T, opts ...SetOption) (bool, error) {
	return v.core.compareAndSwap(ctx, key, v.comparer(old), v.encoder(value), opts)
}

// CompareAndDelete deletes key if the stored bytes equal the encoded old, as for
// CompareAndSwap, and reports whether key was deleted.
func (v *View[T]) CompareAndDelete(ctx context.Context, key string, old T) (bool, error) {
	return v.core.compareAndDelete(ctx, key, v.comparer(old))
}

func (v *View[T]) encoder(value T) encoder {
	return func(full string, buffer []byte) (stored, grown []byte, err error) {
		return encode(&v.core, full, buffer, value)
	}
}

func (v *View[T]) comparer(value T) comparer {
	return func(full string) ([]byte, error) { return toCompare(&v.core, full, value) }
}

// An encoder encodes a value: see encode.
type encoder func(full string, buffer []byte) (stored, grown []byte, err error)

// A decoder decodes the value of a full key. plain is the part of the stored bytes behind their tags.
type decoder func(full string, stored, plain []byte, seen *observation) error

// A comparer returns what compare compares with stored bytes.
type comparer func(full string) ([]byte, error)

// store implements Set, Add and Replace.
func (c *core) store(ctx context.Context, op, key string, value encoder, cond driver.Cond, opts []SetOption) (bool, error) {
	ctx, call, err := c.startInSteps(ctx, cond == driver.IfAbsent && c.chain.Format() == codec.Tagged || inSteps(opts), op, key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	s := newScratch()
	err = c.entry(ctx, s, key, value, cond, opts)
	if err == nil {
		call.seen.wrote(len(s.entries[0].Value))
		if err = c.set(ctx, s.entries[:]); err == nil {
			if err = s.entries[0].Err; cond == driver.IfAbsent && err != nil {
				err = c.addOverInvalid(ctx, &s.entries[0])
			}
			s.release()
		}
	}
	if errors.Is(err, ErrNotStored) {
		return false, call.end(nil)
	}
	if cond == driver.Always {
		err = call.opened(dropsWrite, 1, err)
	}
	err = call.end(err)
	return err == nil, err
}

// inSteps reports whether a write with these options takes several calls of the store: tags
// have generations to read, and a TTL that has passed takes away what is there.
func inSteps(opts []SetOption) bool {
	return slices.ContainsFunc(opts, func(o SetOption) bool {
		switch o.kind {
		case optionTags, optionTagging:
			return true
		case optionTTL:
			return driver.Expired(o.ttl)
		case optionExpireAt:
			return !o.at.After(time.Now())
		default:
			return false
		}
	})
}

// comparesInSteps reports whether an operation that needs the old value may take several calls of the
// store: an encrypted value is read first, and a value may have tags.
func (c *core) comparesInSteps() bool { return c.keys != nil || c.chain.Format() == codec.Tagged }

// set stores entries, and lets loads in flight know.
func (c *core) set(ctx context.Context, entries []driver.Entry) error {
	began := c.shared.pending.Failures()
	err := c.invalidateExpired(ctx, func() error { return c.target.store.Set(ctx, entries) }, entries)
	c.wroteEntries(ctx, entries)
	if err == nil {
		c.supersededBy(began, entries)
	}
	return err
}

// invalidateExpired calls write, after which loads of the keys store nothing whose entries have
// expired already: their write takes away what is there.
func (c *core) invalidateExpired(ctx context.Context, write func() error, entries []driver.Entry) error {
	if !slices.ContainsFunc(entries, func(e driver.Entry) bool { return driver.Expired(e.TTL) }) {
		return write()
	}
	return c.shared.flights.InvalidateExpired(ctx, func() error {
		if err := c.revokeExpired(ctx, entries); err != nil {
			return err
		}
		return write()
	}, entries)
}

// entry fills the entry of the scratch. The encoded value is in the buffer of the scratch,
// or belongs to the caller. With Tags, entry asks the server for their generations.
func (c *core) entry(ctx context.Context, s *scratch, key string, value encoder, cond driver.Cond, opts []SetOption) error {
	e := &s.entries[0]
	full, err := c.fullKey(key)
	if err != nil {
		return err
	}
	ttl, err := c.ttlOf(cond, opts)
	if err != nil {
		return err
	}
	e.Key, e.TTL, e.Cond = full, c.serverTTL(ttl), cond
	if e.Value, s.buffer, err = value(full, s.buffer); err != nil || len(opts) == 0 {
		return err
	}
	tags, err := c.taggingOf(opts)
	if err != nil {
		return err
	}
	return c.tagEntries(ctx, s.entries[:], tags)
}

// swap implements Swap. read reads the old value.
func (c *core) swap(ctx context.Context, key string, value encoder, opts []SetOption, read decoder) error {
	ctx, call, err := c.startInSteps(ctx, c.comparesInSteps() || inSteps(opts), "swap", key, 1)
	if err != nil {
		return err
	}
	defer call.release()
	full, stored, err := c.swapBytes(ctx, &call, key, value, opts)
	if err == nil {
		err = c.swapped(ctx, full, stored, read, call.seen)
	}
	if errors.Is(err, ErrNotFound) {
		call.seen.miss()
	}
	return call.end(err)
}

// swapBytes returns the full key of a key, and the old bytes.
func (c *core) swapBytes(ctx context.Context, call *call, key string, value encoder, opts []SetOption) (full string, old []byte, err error) {
	swapper := c.target.caps.Swapper
	if swapper == nil {
		return "", nil, unsupported("atomic swap")
	}
	s := newScratch()
	e := &s.entries[0]
	if err := c.entry(ctx, s, key, value, driver.Always, opts); err != nil {
		return "", nil, err
	}
	full = e.Key
	call.seen.wrote(len(e.Value))
	began := c.shared.pending.Failures()
	swap := func() error { return swapper.Swap(ctx, e, &s.values[0]) }
	err = c.invalidateExpired(ctx, swap, s.entries[:])
	c.wrote(ctx, full)
	if err != nil {
		return full, nil, err
	}
	stored := s.values[0]
	c.superseded(began, full)
	s.release()
	return full, stored.Data, stored.Err
}

// swapped reads the old value. If its tags cannot be checked, the error keeps the value.
func (c *core) swapped(ctx context.Context, full string, stored []byte, read decoder, seen *observation) error {
	plain, err := c.ofTags(ctx, stored)
	if errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil {
		return &UnreadReplyError{Reply: driver.DataReply(stored), Err: err}
	}
	if err = read(full, stored, plain, seen); err != nil {
		err = unread(driver.DataReply(stored), err)
	}
	return err
}

// compareAndSwap implements CompareAndSwap.
func (c *core) compareAndSwap(ctx context.Context, key string, old comparer, value encoder, opts []SetOption) (swapped bool, err error) {
	ctx, call, err := c.startInSteps(ctx, c.comparesInSteps() || inSteps(opts), "compare and swap", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	swapper := c.target.caps.Swapper
	if swapper == nil {
		return false, call.end(unsupported("compare-and-swap"))
	}
	s := newScratch()
	e := &s.entries[0]
	if err := c.entry(ctx, s, key, value, driver.Always, opts); err != nil {
		return false, call.end(err)
	}
	want, err := old(e.Key)
	if err != nil {
		return false, call.end(err)
	}
	call.seen.wrote(len(e.Value))
	began := c.shared.pending.Failures()
	err = c.invalidateExpired(ctx, func() error {
		swapped, err = c.compare(ctx, e.Key, want, func(stored []byte) (bool, error) {
			return swapper.CompareAndSwap(ctx, e, stored)
		})
		return err
	}, s.entries[:])
	c.wrote(ctx, e.Key)
	if swapped {
		c.superseded(began, e.Key)
	}
	if err == nil {
		s.release()
	}
	return swapped, call.end(err)
}

// compareAndDelete implements CompareAndDelete.
func (c *core) compareAndDelete(ctx context.Context, key string, old comparer) (deleted bool, err error) {
	ctx, call, err := c.startInSteps(ctx, c.shared.leases || c.shared.flights.UnderWay() || c.comparesInSteps(), "compare and delete", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	swapper := c.target.caps.Swapper
	if swapper == nil {
		return false, call.end(unsupported("compare-and-delete"))
	}
	full, err := c.fullKey(key)
	if err != nil {
		return false, call.end(err)
	}
	want, err := old(full)
	if err != nil {
		return false, call.end(err)
	}
	err = c.shared.flights.Invalidate(ctx, func() error {
		deleted, err = c.compare(ctx, full, want, func(stored []byte) (bool, error) {
			if err := c.revoke(ctx, full); err != nil {
				return false, err
			}
			return swapper.CompareAndDelete(ctx, full, stored)
		})
		return err
	}, full)
	c.wrote(ctx, full)
	return deleted, call.end(err)
}
