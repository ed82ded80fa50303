package xcache

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// A KeyFunc makes the full key of a user's key.
type KeyFunc func(prefix string, version int, key string) string

// A ReverseKeyFunc takes a full key apart again; ok is false for a key that
// the matching KeyFunc did not make.
type ReverseKeyFunc func(full string) (prefix string, version int, key string, ok bool)

// A layout turns user keys into full keys, for one prefix and version.
type layout struct {
	prefix      string
	version     int
	colonPrefix bool
	makeKey     KeyFunc
	reverseKey  ReverseKeyFunc
	// head is what every full key starts with, unless makeKey is set.
	head string
}

func (l *layout) prepare() error {
	if strings.Contains(l.prefix, ":") && !l.colonPrefix {
		return errors.New("xcache: the prefix holds a colon, so that its keys could be taken for those of another prefix; choose another, or allow it with colon_prefix=allow or WithColonPrefix")
	}
	l.head = l.prefix + ":" + strconv.Itoa(l.version) + ":"
	return nil
}

// full returns the full key of a user's key, which is Django's layout:
// prefix:version:key.
func (l *layout) full(key string) string {
	if l.makeKey != nil {
		return l.makeKey(l.prefix, l.version, key)
	}
	return l.head + key
}

// user returns the user's key of a full key of this prefix and version.
func (l *layout) user(full string) (string, bool) {
	if l.makeKey != nil {
		prefix, version, key, ok := l.reverseKey(full)
		return key, ok && prefix == l.prefix && version == l.version
	}
	return strings.CutPrefix(full, l.head)
}

// pattern returns the glob that full keys match whose user keys match pattern.
func (l *layout) pattern(pattern string) string {
	if l.makeKey != nil {
		return l.makeKey(escapeGlob(l.prefix), l.version, pattern)
	}
	return escapeGlob(l.head) + pattern
}

// anyVersion returns a glob for the full keys of this prefix in all versions.
// It may match more; ofPrefix decides.
func (l *layout) anyVersion() string {
	if l.makeKey != nil {
		return "*"
	}
	return escapeGlob(l.prefix) + ":*"
}

// ofPrefix reports whether a full key belongs to this prefix, in any version.
func (l *layout) ofPrefix(full string) bool {
	if l.makeKey != nil {
		prefix, _, _, ok := l.reverseKey(full)
		return ok && prefix == l.prefix
	}
	rest, ok := strings.CutPrefix(full, l.prefix+":")
	if !ok {
		return false
	}
	version, _, ok := strings.Cut(rest, ":")
	if !ok {
		return false
	}
	n, err := strconv.Atoi(version)
	return err == nil && strconv.Itoa(n) == version
}

// escapeGlob makes every character of s stand for itself in a glob of Redis.
func escapeGlob(s string) string {
	if !strings.ContainsAny(s, `*?[]\^-`) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[]\^-`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// fullKey checks a user's key and returns its full key. It does no I/O.
func (c *Cache) fullKey(key string) (string, error) {
	if key == "" {
		return "", fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	full := c.full(key)
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

// fullKeys returns the full keys of several user keys, cut from one string.
func (c *Cache) fullKeys(keys []string) ([]string, error) {
	fulls := make([]string, len(keys))
	if c.makeKey != nil || c.shared.limitsKeys {
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
		size += len(c.head) + len(key)
	}
	var b strings.Builder
	b.Grow(size)
	for _, key := range keys {
		b.WriteString(c.head)
		b.WriteString(key)
	}
	all := b.String()
	for i, key := range keys {
		n := len(c.head) + len(key)
		fulls[i], all = all[:n], all[n:]
	}
	return fulls, nil
}
