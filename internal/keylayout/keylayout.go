// Package keylayout makes and splits full keys of a prefix, a version and a namespace, and
// makes the patterns that match full keys.
package keylayout

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Layout converts user keys to full keys of one prefix, version and namespace.
type Layout struct {
	Prefix  string
	Version int
	// Namespace is the start of every user key: the escaped names of the namespaces, each
	// with a colon at its end. AppendName adds a name.
	Namespace   string
	ColonPrefix bool
	// Space is the name of a key space beside the key spaces of the versions
	// (Cache.KeySpace), or "".
	Space string
	// Make and Reverse are the functions of WithKeyFunc, or nil.
	Make    func(prefix string, version int, key string) string
	Reverse func(full string) (prefix string, version int, key string, ok bool)
	// Head is the start of every full key, unless Make is set. Prepare sets Head.
	Head string
}

// AppendName adds a name to the namespace. Two different names are always two namespaces.
func (l *Layout) AppendName(name string) { l.Namespace += escaper.Replace(name) + ":" }

var escaper = strings.NewReplacer("%", "%25", ":", "%3A")

// Prepare validates the fields, and sets Head.
func (l *Layout) Prepare() error {
	if strings.Contains(l.Prefix, ":") && !l.ColonPrefix {
		return errors.New("xcache: the prefix holds a colon, so that its keys could be taken for those of another prefix; choose another, or allow it with colon_prefix=allow or WithColonPrefix")
	}
	if l.Space != "" && l.Make != nil {
		return fmt.Errorf("xcache: a key layout of the program's own (WithKeyFunc) has no key space beside that of its values: %w", errors.ErrUnsupported)
	}
	l.Head = l.Prefix + ":" + cmp.Or(l.Space, strconv.Itoa(l.Version)) + ":" + l.Namespace
	return nil
}

// Full returns the full key of a user's key. The layout is Django's prefix:version:key.
// Space replaces the version, and Make replaces the whole layout.
func (l *Layout) Full(key string) string {
	if l.Make != nil {
		// The result of Make may be in the caller's memory.
		return strings.Clone(l.Make(l.Prefix, l.Version, l.Namespace+key))
	}
	return l.Head + key
}

// User returns the user's key of a full key of this prefix, version and namespace. With Make and
// without Reverse, no full key is known.
func (l *Layout) User(full string) (string, bool) {
	if l.Make != nil {
		if l.Reverse == nil {
			return "", false
		}
		prefix, version, key, ok := l.Reverse(full)
		if !ok || prefix != l.Prefix || version != l.Version || l.Make(prefix, version, key) != full {
			return "", false
		}
		return strings.CutPrefix(key, l.Namespace)
	}
	return strings.CutPrefix(full, l.Head)
}

// NamespaceName returns the namespace without the colon at its end.
func (l *Layout) NamespaceName() string { return strings.TrimSuffix(l.Namespace, ":") }

// Own reports whether a full key belongs to this prefix, version and namespace.
func (l *Layout) Own(full string) bool {
	_, ok := l.User(full)
	return ok
}

// OfPrefix reports whether a full key belongs to this prefix and namespace, in
// any version.
func (l *Layout) OfPrefix(full string) bool {
	if l.Make != nil {
		if l.Reverse == nil {
			return false
		}
		prefix, version, key, ok := l.Reverse(full)
		return ok && prefix == l.Prefix && strings.HasPrefix(key, l.Namespace) && l.Make(prefix, version, key) == full
	}
	rest, ok := strings.CutPrefix(full, l.Prefix+":")
	if !ok {
		return false
	}
	version, key, ok := strings.Cut(rest, ":")
	if !ok || !strings.HasPrefix(key, l.Namespace) {
		return false
	}
	if l.Space != "" {
		return version == l.Space
	}
	n, err := strconv.Atoi(version)
	return err == nil && strconv.Itoa(n) == version
}

// Pattern returns the glob of the full keys whose user keys match pattern. The error is
// errors.ErrUnsupported if Make and Reverse hide the prefix and version of a full key.
func (l *Layout) Pattern(pattern string) (string, error) {
	head := l.Head
	if l.Make != nil {
		if err := l.tellsKeysApart(); err != nil {
			return "", err
		}
		head = strings.TrimSuffix(l.Full(probeKey), probeKey)
	}
	return escapeGlob(head) + pattern, nil
}

// AnyVersion returns a glob for the full keys of this prefix and namespace in all versions.
// The glob may match other keys, so that callers also check OfPrefix.
func (l *Layout) AnyVersion() (string, error) {
	if l.Make != nil {
		return "*", l.tellsKeysApart()
	}
	return escapeGlob(l.Prefix) + ":*:" + escapeGlob(l.Namespace) + "*", nil
}

// probeKey is a user's key for a trial of Make and Reverse.
const probeKey = "probe"

// tellsKeysApart tries Make and Reverse. A loop over the keyspace may touch other caches'
// keys unless the functions reveal the prefix and version of a full key.
func (l *Layout) tellsKeysApart() error {
	refuse := func(why string) error {
		return fmt.Errorf("xcache: the key layout (WithKeyFunc) %s: %w", why, errors.ErrUnsupported)
	}
	if l.Reverse == nil {
		return refuse("has no reverse function")
	}
	user := l.Namespace + probeKey
	full := l.Make(l.Prefix, l.Version, user)
	head, ok := strings.CutSuffix(full, user)
	if !ok || l.Make(l.Prefix, l.Version, "other") != head+"other" {
		return refuse("does not put the key behind all that comes from prefix and version, so that no pattern finds it")
	}
	if prefix, version, key, ok := l.Reverse(full); !ok || prefix != l.Prefix || version != l.Version || key != user {
		return refuse("has a reverse function that does not undo the other one")
	}
	longer, _ := strconv.Atoi(strconv.Itoa(l.Version) + "1") // version 2 with key 1a, and version 21 with key a, must differ
	if l.Make(l.Prefix, l.Version+1, user) == full || l.Make(l.Prefix, longer, user) == l.Make(l.Prefix, l.Version, "1"+user) {
		return refuse("makes keys from which the version cannot be told, so that those of another version would be taken for its own")
	}
	if l.Make(l.Prefix+"x", l.Version, user) == l.Make(l.Prefix, l.Version, "x"+user) || l.Make(l.Prefix+"x", l.Version, user) == full {
		return refuse("makes keys from which the prefix cannot be told, so that those of others would be taken for its own")
	}
	return nil
}

// escapeGlob escapes the special characters of Redis' globs in s.
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
