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

// Namespace returns a view of the part of the key space that a name stands for:
// its keys are stored as prefix:version:name:key, so that the key 42 of
// Namespace("user") is user:42 to a view without the namespace, and to Django.
// Keys, DeletePattern, Clear and ClearAllVersions of the view stay inside, and
// Keys yields the keys without the name. Namespaces nest.
//
// Two names are two namespaces whatever characters they hold: a colon in a name
// is stored as %3A, and a percent sign as %25. An empty name makes every call on
// the view return an error. A name with a {hash tag} puts the namespace into one
// slot of a cluster.
func (c *Cache) Namespace(name string) *Cache { return c.With(inNamespace(name)) }

func inNamespace(name string) Option {
	return func(s *settings) error {
		if name == "" {
			return errors.New("xcache: Namespace needs a name, not an empty string")
		}
		s.namespace += namespaceEscaper.Replace(name) + ":"
		return nil
	}
}

var namespaceEscaper = strings.NewReplacer("%", "%25", ":", "%3A")

// A layout turns user keys into full keys, for one prefix, version and namespace.
type layout struct {
	prefix  string
	version int
	// namespace is what user keys start with: the escaped names of the
	// namespaces, each with a colon behind it.
	namespace   string
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
	l.head = l.prefix + ":" + strconv.Itoa(l.version) + ":" + l.namespace
	return nil
}

// full returns the full key of a user's key, which is Django's layout:
// prefix:version:key.
func (l *layout) full(key string) string {
	if l.makeKey != nil {
		// A key that the function returns as it is may be the caller's memory.
		return strings.Clone(l.makeKey(l.prefix, l.version, l.namespace+key))
	}
	return l.head + key
}

// user returns the user's key of a full key of this prefix, version and
// namespace.
func (l *layout) user(full string) (string, bool) {
	if l.makeKey != nil {
		prefix, version, key, ok := l.reverseKey(full)
		if !ok || prefix != l.prefix || version != l.version || l.makeKey(prefix, version, key) != full {
			return "", false
		}
		return strings.CutPrefix(key, l.namespace)
	}
	return strings.CutPrefix(full, l.head)
}

// namespaceName returns the namespace without the colon at its end.
func (l *layout) namespaceName() string { return strings.TrimSuffix(l.namespace, ":") }

// own reports whether a full key belongs to this prefix, version and namespace.
func (l *layout) own(full string) bool {
	_, ok := l.user(full)
	return ok
}

// ofPrefix reports whether a full key belongs to this prefix and namespace, in
// any version.
func (l *layout) ofPrefix(full string) bool {
	if l.makeKey != nil {
		prefix, version, key, ok := l.reverseKey(full)
		return ok && prefix == l.prefix && strings.HasPrefix(key, l.namespace) && l.makeKey(prefix, version, key) == full
	}
	rest, ok := strings.CutPrefix(full, l.prefix+":")
	if !ok {
		return false
	}
	version, key, ok := strings.Cut(rest, ":")
	if !ok || !strings.HasPrefix(key, l.namespace) {
		return false
	}
	n, err := strconv.Atoi(version)
	return err == nil && strconv.Itoa(n) == version
}

// pattern returns the glob that full keys match whose user keys match pattern,
// or an error if the layout of the program's own does not let a loop over the
// keyspace tell its keys from others.
func (l *layout) pattern(pattern string) (string, error) {
	head := l.head
	if l.makeKey != nil {
		if err := l.tellsKeysApart(); err != nil {
			return "", err
		}
		head = strings.TrimSuffix(l.full(probeKey), probeKey)
	}
	return escapeGlob(head) + pattern, nil
}

// anyVersion returns a glob for the full keys of this prefix and namespace in all
// versions. It may match more; ofPrefix decides.
func (l *layout) anyVersion() (string, error) {
	if l.makeKey != nil {
		return "*", l.tellsKeysApart()
	}
	return escapeGlob(l.prefix) + ":*:" + escapeGlob(l.namespace) + "*", nil
}

// probeKey is the key by which a layout of the program's own is tried.
const probeKey = "probe"

// tellsKeysApart tries the functions of WithKeyFunc: only if the prefix and the
// version can be told from a full key does a loop over the keyspace leave the
// keys of others alone.
func (l *layout) tellsKeysApart() error {
	refuse := func(why string) error {
		return fmt.Errorf("xcache: the key layout (WithKeyFunc) %s: %w", why, errors.ErrUnsupported)
	}
	if l.reverseKey == nil {
		return refuse("has no reverse function")
	}
	user := l.namespace + probeKey
	full := l.makeKey(l.prefix, l.version, user)
	head, ok := strings.CutSuffix(full, user)
	if !ok || l.makeKey(l.prefix, l.version, "other") != head+"other" {
		return refuse("does not put the key behind all that comes from prefix and version, so that no pattern finds it")
	}
	if prefix, version, key, ok := l.reverseKey(full); !ok || prefix != l.prefix || version != l.version || key != user {
		return refuse("has a reverse function that does not undo the other one")
	}
	longer, _ := strconv.Atoi(strconv.Itoa(l.version) + "1") // 2 and the key 1a must not be 21 and the key a
	if l.makeKey(l.prefix, l.version+1, user) == full || l.makeKey(l.prefix, longer, user) == l.makeKey(l.prefix, l.version, "1"+user) {
		return refuse("makes keys from which the version cannot be told, so that those of another version would be taken for its own")
	}
	if l.makeKey(l.prefix+"x", l.version, user) == l.makeKey(l.prefix, l.version, "x"+user) || l.makeKey(l.prefix+"x", l.version, user) == full {
		return refuse("makes keys from which the prefix cannot be told, so that those of others would be taken for its own")
	}
	return nil
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

// ownKey returns a user's key, of which full is the full key, in memory of the
// cache's own: a result outlives the call, and what the caller gave may not.
func (c *Cache) ownKey(full, key string) string {
	if c.makeKey != nil {
		return strings.Clone(key)
	}
	return full[len(full)-len(key):]
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
