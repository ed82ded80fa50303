package xcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// CodecReads counts the values that a cache has returned, by their format. An operator can
// follow a change of the format: when Old no longer grows, no read finds a value in an old
// format.
type CodecReads struct {
	// Current counts values in the format that the cache writes.
	Current uint64
	// Old counts values in other formats.
	Old map[codec.Read]uint64
}

// CodecReads returns the counts since the cache was opened, over all its views.
func (c *Cache) CodecReads() CodecReads {
	return c.core.shared.reads.all()
}

// encode returns the stored form of a value under a full key. The encoded value is written
// over buffer, and grown is buffer or its larger replacement. Bytes with an identical
// stored form are returned without a copy.
func encode[T any](c *core, full string, buffer []byte, value T) (stored, grown []byte, err error) {
	grown = buffer
	if err := checkType[T](c); err != nil {
		return nil, buffer, err
	}
	if c.keys != nil {
		stored, err = seal(c, full, buffer[:0], value)
		grown = stored
	} else if raw, ok := any(value).([]byte); ok {
		stored, err = c.chain.EncodeBytes(buffer[:0], raw)
		if err == nil && !sameMemory(stored, raw) {
			grown = stored
		}
	} else if stored, err = appendValue(c, buffer[:0], value); err == nil {
		grown = stored
	}
	if err != nil {
		return nil, buffer, tooLarge(err)
	}
	if err := c.checkSize(stored); err != nil {
		return nil, grown, err
	}
	return stored, grown, nil
}

// checkSize returns the error of an encoded value that is too large for the driver.
func (c *core) checkSize(stored []byte) error {
	if limit := c.target.caps.Limits.ValueSize; limit > 0 && len(stored) > limit {
		return driver.Fail(ErrTooLarge, driver.NotApplied,
			fmt.Errorf("encoded it has %d bytes, the driver takes %d", len(stored), limit))
	}
	return nil
}

// encodeCopy is encode for values that outlive the call, and never returns the caller's own
// bytes.
func encodeCopy[T any](c *core, full string, value T) ([]byte, error) {
	stored, grown, err := encode(c, full, nil, value)
	if err == nil && grown == nil {
		stored = append([]byte(nil), stored...)
	}
	return stored, err
}

// sameMemory reports whether two slices begin at the same place.
func sameMemory(a, b []byte) bool { return unsafe.SliceData(a) == unsafe.SliceData(b) }

// checkType returns an error for an interface type that the codec cannot decode. The codec
// itself checks every other type.
func checkType[T any](c *core) error {
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Interface {
		return c.chain.CheckType(t)
	}
	return nil
}

// appendValue appends an encoded value to dst.
func appendValue[T any](c *core, dst []byte, value T) ([]byte, error) {
	if reflect.TypeFor[T]().Kind() == reflect.Interface {
		return c.chain.AppendAny(dst, value)
	}
	return c.chain.Append(dst, value)
}

// decode decodes the stored bytes of a full key, and counts the value. With own, the stored
// bytes may become part of the value. old reports a value in an old format. Byte slices
// take a separate path, with one copy at most and no boxing.
func decode[T any](c *core, full string, stored []byte, own bool, seen *observation) (value T, old bool, err error) {
	plaintext := stored
	if c.keys != nil {
		if plaintext, old, err = c.keys.Open(nil, stored, full); err != nil {
			return value, false, err
		}
		own = true
	}
	var by codec.Read
	if raw, ok := any(&value).(*[]byte); !ok {
		value, by, err = decodeBoxed[T](c.chain, plaintext)
	} else if own {
		*raw, by, err = c.chain.TakeBytes(plaintext)
	} else {
		*raw, by, err = c.chain.DecodeBytes(plaintext)
	}
	if err != nil {
		return value, false, tooLarge(err)
	}
	return value, c.countRead(len(stored), old, &by, seen), nil
}

// countRead counts a value that was read, and reports whether the value has an old format. sealed
// tells that its encryption is old.
func (c *core) countRead(size int, sealed bool, by *codec.Read, seen *observation) (old bool) {
	by.Fallback = by.Fallback || sealed
	c.shared.reads.count(by)
	seen.hit(size, by)
	return by.Fallback
}

// readChecked is decode for an operation of a view. plain is the part of the stored bytes behind
// their tags, which are valid. With WithRewrite, readChecked writes a value in an old format again.
func readChecked[T any](c *core, key, full string, stored, plain []byte, seen *observation) (T, error) {
	// A load may need the stored bytes after its caller has got the value.
	own := c.target.caps.Limits.OwnData && c.sliding == 0 && !c.stale.reads()
	value, old, err := decode[T](c, full, plain, own, seen)
	if old && c.rewrite {
		rewrite(c, key, full, stored, value)
	}
	return value, err
}

// decodeBoxed is a separate function because its value escapes to the heap. In decode, byte
// slices would escape too.
func decodeBoxed[T any](chain *codec.Chain, stored []byte) (T, codec.Read, error) {
	var value T
	by, err := chain.Decode(stored, &value)
	if err != nil {
		var zero T
		return zero, by, err
	}
	return value, by, nil
}

// seal appends an encoded and encrypted value to dst.
func seal[T any](c *core, full string, dst []byte, value T) ([]byte, error) {
	s := newScratch()
	defer s.release()
	var err error
	if s.buffer, err = appendValue(c, s.buffer[:0], value); err != nil {
		return dst, err
	}
	return c.keys.Seal(dst, s.buffer, full), nil
}

// toCompare returns the encoded value, without encryption.
func toCompare[T any](c *core, full string, value T) ([]byte, error) {
	if c.keys != nil {
		want, err := appendValue(c, nil, value)
		return want, tooLarge(err)
	}
	want, _, err := encode(c, full, nil, value)
	return want, err
}

// compare calls write with the stored bytes of a value, if want is that value, encoded, without tags and
// encryption. The bytes of an encrypted value differ each time, and tags are in front of the value:
// compare then reads the stored bytes, and compares the part that is the value. write reports whether
// the stored bytes were unchanged.
func (c *core) compare(ctx context.Context, full string, want []byte, write func(stored []byte) (bool, error)) (bool, error) {
	if c.keys == nil {
		if done, err := write(want); done || err != nil || c.chain.Format() != codec.Tagged {
			return done, err
		}
	}
	const tries = 8 // other callers may store the same value again meanwhile
	for range tries {
		stored, err := getFrom(ctx, &c.shared.primary, full)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if c.keys == nil && !codec.HasGenerations(stored) {
			return false, nil
		}
		plaintext, err := c.ofTags(ctx, stored)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err == nil && c.keys != nil {
			plaintext, _, err = c.keys.Open(nil, plaintext, full)
		}
		if err != nil || !bytes.Equal(plaintext, want) {
			return false, err
		}
		if done, err := write(stored); done || err != nil {
			return done, err
		}
	}
	return false, driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("others stored the value again each time it was compared"))
}

// encrypted returns the error for an operation that an encrypted value does not allow.
func encrypted(done string) error {
	return fmt.Errorf("xcache: an encrypted value cannot be %s: %w", done, errors.ErrUnsupported)
}

// countable and movable return an error if the view encrypts values.

func (c *core) countable() error {
	if c.keys != nil {
		return encrypted("counted on by the server; use a view with WithEncryption(nil)")
	}
	return nil
}

func (c *core) movable() error {
	if c.keys != nil {
		return encrypted("moved, as it belongs to its key; get it, and set it under the other one")
	}
	return nil
}

// readCounts counts values by their codec.Read.
type readCounts struct {
	current atomic.Uint64
	mu      sync.Mutex
	old     map[codec.Read]uint64
}

func (r *readCounts) count(by *codec.Read) {
	if !by.Fallback {
		r.current.Add(1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.old == nil {
		r.old = make(map[codec.Read]uint64)
	}
	r.old[*by]++
}

func (r *readCounts) all() CodecReads {
	r.mu.Lock()
	defer r.mu.Unlock()
	return CodecReads{Current: r.current.Load(), Old: maps.Clone(r.old)}
}

const (
	// rewriteInterval is the average time between two rewrites.
	rewriteInterval = 10 * time.Millisecond
	// rewriteBurst is the number of rewrites that may start at once.
	rewriteBurst = 10
)

// A rewriter rewrites values in an old format. Each rewrite has a goroutine, so that the
// reader does not wait.
type rewriter struct {
	ctx    context.Context // the context of the writes, which ends when the cache is closed
	cancel context.CancelFunc

	mu      sync.Mutex
	free    time.Time // the time from which the next value keeps to the average rate
	closed  bool
	running sync.WaitGroup
}

func newRewriter() *rewriter {
	ctx, cancel := context.WithCancel(context.Background())
	return &rewriter{ctx: ctx, cancel: cancel}
}

// admit reports whether another rewrite may start now.
func (r *rewriter) admit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	if r.free.Sub(now) >= rewriteBurst*rewriteInterval {
		return false
	}
	r.free = r.free.Add(rewriteInterval)
	return true
}

// write runs fn in a goroutine, unless the rewriter is closed.
func (r *rewriter) write(fn func(context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Go(func() { fn(r.ctx) })
	}
}

// close ends the writes in flight, and waits for them.
func (r *rewriter) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
}

// rewrite stores a value in the current format, with its TTL, if the stored bytes still
// equal read. Only the observer learns of a failure. The reader may change the value when
// rewrite has returned.
func rewrite[T any](c *core, key, full string, read []byte, value T) {
	if !c.shared.rewriter.admit() {
		return
	}
	if stored, err := encodeCopy(c, full, value); err == nil {
		c.rewriteAs(key, full, read, stored)
	}
}

// rewriteAs is rewrite for a value that is encoded as stored.
func (c *core) rewriteAs(key, full string, read, stored []byte) {
	if generations, _, ok := codec.CutGenerations(read); ok {
		var err error
		if stored, err = c.tagged(stored, generations); err != nil {
			return
		}
	}
	key = c.ownKey(full, key)
	c.shared.rewriter.write(func(ctx context.Context) {
		ctx, call, err := c.start(ctx, "rewrite", key, 1)
		if err != nil {
			return
		}
		defer call.release()
		call.seen.wrote(len(stored))
		e := driver.Entry{Key: full, Value: stored, TTL: driver.KeepTTL}
		_, err = c.shared.primary.caps.Swapper.CompareAndSwap(ctx, &e, read)
		_ = call.end(err)
	})
}
