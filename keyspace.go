package xcache

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// A KeyFunc makes the full key of a user's key.
type KeyFunc func(prefix string, version int, key string) string

// A ReverseKeyFunc splits a full key. ok is false for a key that the matching KeyFunc did
// not make.
type ReverseKeyFunc func(full string) (prefix string, version int, key string, ok bool)

// Namespace returns a view of a part of the key space. Keys of the view are stored as
// prefix:version:name:key, so that the key 42 of Namespace("user") is user:42 to a view
// without the namespace, and to Django. Keys, DeletePattern, Clear and ClearAllVersions of
// the view stay inside, and Keys yields the keys without the name. Namespaces nest.
//
// Two different names are always two namespaces: a colon in a name is stored as %3A, and a
// percent sign as %25. An empty name makes every call on the view return an error. A name
// with a {hash tag} puts the namespace into one slot of a cluster.
func (c *Cache) Namespace(name string) *Cache { return c.With(inNamespace(name)) }

func inNamespace(name string) Option {
	return func(s *settings) error {
		if name == "" {
			return errors.New("xcache: Namespace needs a name, not an empty string")
		}
		s.layout.AppendName(name)
		return nil
	}
}

// KeySpace returns a view of keys beside the keys of values: a key is stored as
// prefix:name:key, with the namespace in front of the key, for every version. Keys,
// DeletePattern, Clear and ClearAllVersions of other views do not touch these keys, and the
// same methods of the KeySpace touch no other keys. FlushDB removes these keys. OnErrorMiss
// has no effect on a KeySpace. Handles for data other than values, such as locks, are built
// on KeySpace.
//
// name must consist of lower-case letters. Any other name makes every call on the view
// return an error. With WithKeyFunc, every call is errors.ErrUnsupported, because such a
// layout has no place for these keys.
func (c *Cache) KeySpace(name string) *Cache { return c.With(inKeySpace(name)) }

func inKeySpace(name string) Option {
	return func(s *settings) error {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) {
			return errors.New("xcache: the name of a KeySpace is lower-case letters from a to z")
		}
		s.layout.Space = name
		return nil
	}
}

// Keys yields each user key of this prefix, version and namespace that matches pattern
// once, in no order. The pattern is Redis' glob: * ? [abc] [a-c] [^a], and \ before a
// literal character. Keys reads the keyspace in pages (SCAN, never KEYS), and stops at once
// when the loop breaks or ctx ends. An error is the last pair. A key that is created or
// deleted during the loop may be missing. Keys remembers the yielded keys: for a keyspace
// of many millions, choose a narrower pattern.
func (c *Cache) Keys(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { c.core.eachKey(ctx, pattern, yield) }
}

func (c *core) eachKey(ctx context.Context, pattern string, yield func(string, error) bool) {
	ctx, call, err := c.startUntimed(ctx, "keys")
	if err != nil {
		yield("", err)
		return
	}
	defer call.release()
	seen := make(map[string]struct{})
	glob, err := c.layout.Pattern(pattern)
	if err != nil {
		yield("", call.end(err))
		return
	}
	err = c.scan(ctx, glob, func(full string) bool {
		key, ok := c.layout.User(full)
		if !ok || c.isLease(full) {
			return true
		}
		if _, again := seen[key]; again {
			return true
		}
		seen[key] = struct{}{}
		return yield(key, nil)
	})
	if err = call.end(err); err != nil {
		yield("", err)
	}
}

// DeletePattern removes the keys of this prefix, version and namespace that match pattern,
// as for Keys, and returns the number of removed keys. DeletePattern is not atomic: after
// an error, some keys may be removed, and are counted.
func (c *Cache) DeletePattern(ctx context.Context, pattern string) (int, error) {
	glob, err := c.core.layout.Pattern(pattern)
	return c.core.clear(ctx, "delete pattern", glob, err, c.core.layout.Own)
}

// Clear removes every key of this prefix, version and namespace, and returns the number of
// removed keys. Other keys on the same server stay. Clear is not atomic.
func (c *Cache) Clear(ctx context.Context) (int, error) {
	glob, err := c.core.layout.Pattern("*")
	return c.core.clear(ctx, "clear", glob, err, c.core.layout.Own)
}

// ClearAllVersions is Clear for all versions of this prefix and namespace.
func (c *Cache) ClearAllVersions(ctx context.Context) (int, error) {
	glob, err := c.core.layout.AnyVersion()
	return c.core.clear(ctx, "clear all versions", glob, err, c.core.layout.OfPrefix)
}

// FlushDB removes every key of the database that the cache is connected to, including the
// keys of other programs.
func (c *Cache) FlushDB(ctx context.Context) error {
	ctx, call, err := c.core.startInSteps(ctx, c.core.shared.flights.UnderWay(), "flush db", "", 0)
	if err != nil {
		return err
	}
	defer call.release()
	flusher := c.core.target.caps.Flusher
	if flusher == nil {
		return call.end(unsupported("flush"))
	}
	flush := func() error { return flusher.Flush(ctx) }
	err = c.core.shared.flights.InvalidateAll(ctx, flush, func(string) bool { return true })
	c.core.wroteAll(ctx)
	return call.end(err)
}

// clear removes the keys that match a pattern of full keys, if ours is true. patternErr is
// the error of the pattern, or nil.
func (c *core) clear(ctx context.Context, op, pattern string, patternErr error, ours func(full string) bool) (removed int, err error) {
	ctx, call, err := c.startUntimed(ctx, op)
	if err != nil {
		return 0, err
	}
	defer call.release()
	if patternErr != nil {
		return 0, call.end(patternErr)
	}
	err = c.shared.flights.InvalidateAll(ctx, func() error {
		if err := c.revokeMatching(ctx, pattern, ours); err != nil {
			return err
		}
		removed, err = c.removeAll(ctx, pattern, ours)
		return err
	}, ours)
	c.wroteAll(ctx)
	return removed, call.end(err)
}

// removeAll is one pass of clear over the keyspace.
func (c *core) removeAll(ctx context.Context, pattern string, ours func(full string) bool) (removed int, err error) {
	const batch = 1000
	doomed := make([]string, 0, batch)
	var failed error
	remove := func() bool {
		var n int
		n, failed = c.deleteFull(ctx, doomed)
		removed += n
		doomed = doomed[:0]
		return failed == nil
	}
	err = c.scan(ctx, pattern, func(full string) bool {
		if ours(full) && !c.isLease(full) {
			doomed = append(doomed, full)
		}
		return len(doomed) < batch || remove()
	})
	if failed == nil && len(doomed) > 0 && err == nil {
		remove()
	}
	if err == nil {
		err = failed
	}
	return removed, err
}

// deleteFull is one step of a loop over the keyspace. op_timeout limits each step, because
// the loop has no time limit as a whole.
func (c *core) deleteFull(ctx context.Context, fulls []string) (int, error) {
	if _, ok := ctx.Deadline(); !ok && c.timeoutPerCall {
		limited, cancel := context.WithTimeout(ctx, c.opTimeout)
		defer cancel()
		n, err := c.target.store.Delete(limited, fulls)
		if err != nil && ctx.Err() == nil {
			err = timedOut(err, c.opTimeout)
		}
		return n, err
	}
	return c.target.store.Delete(ctx, fulls)
}

// scan yields the full keys that match a pattern of full keys. A key may be yielded more
// than once.
func (c *core) scan(ctx context.Context, pattern string, yield func(full string) bool) error {
	scanner := c.target.caps.Scanner
	if scanner == nil {
		return unsupported("scan of the keyspace")
	}
	for full, err := range scanner.Scan(ctx, pattern) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(full) {
			return nil
		}
	}
	return nil
}

// fullKey checks a user's key, and returns its full key, without I/O.
func (c *core) fullKey(key string) (string, error) {
	if key == "" {
		return "", fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	full := c.layout.Full(key)
	if full == "" {
		return "", fmt.Errorf("%w: the key function made an empty one", ErrInvalidKey)
	}
	if c.shared.limitsKeys {
		if err := checkKey(full, &c.target.caps.Limits); err != nil {
			return "", err
		}
	}
	return full, nil
}

func checkKey(full string, limits *driver.Limits) error {
	if limits.KeyLength > 0 && len(full) > limits.KeyLength {
		return fmt.Errorf("%w: with prefix and version it has %d bytes, the driver takes %d", ErrInvalidKey, len(full), limits.KeyLength)
	}
	if limits.ValidKey != nil && !limits.ValidKey(full) {
		return fmt.Errorf("%w: it has characters that the driver does not take", ErrInvalidKey)
	}
	return nil
}

// ownKey returns the user's key of full in memory of the cache. A result outlives the call,
// and the caller may reuse the memory of key.
func (c *core) ownKey(full, key string) string {
	if c.layout.Make != nil {
		return strings.Clone(key)
	}
	return full[len(full)-len(key):]
}

// fullKeys returns the full keys of several user keys, as parts of one string.
func (c *core) fullKeys(keys []string) ([]string, error) {
	fulls := make([]string, len(keys))
	if c.layout.Make != nil || c.shared.limitsKeys {
		for i, key := range keys {
			full, err := c.fullKey(key)
			if err != nil {
				return nil, &aboutError{"key " + quoteKey(key), err}
			}
			fulls[i] = full
		}
		return fulls, nil
	}
	size := 0
	for _, key := range keys {
		if key == "" {
			return nil, fmt.Errorf("%w: one of the keys is empty", ErrInvalidKey)
		}
		size += len(c.layout.Head) + len(key)
	}
	var b strings.Builder
	b.Grow(size)
	for _, key := range keys {
		b.WriteString(c.layout.Head)
		b.WriteString(key)
	}
	all := b.String()
	for i, key := range keys {
		n := len(c.layout.Head) + len(key)
		fulls[i], all = all[:n], all[n:]
	}
	return fulls, nil
}
