// Package keylayout makes the full keys of a prefix, a version and a namespace, and
// the patterns that find them, and takes full keys apart again.
package keylayout

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Layout turns user keys into full keys, for one prefix, version and namespace.
type Layout struct {
	Prefix  string
	Version int
	// Namespace is what user keys start with: the escaped names of the
	// namespaces, each with a colon behind it: see AppendName.
	Namespace   string
	ColonPrefix bool
	// Space is the key space beside those of the versions that keys are in, or "".
	Space string
	// Make and Reverse are the program's own layout, or nil.
	Make    func(prefix string, version int, key string) string
	Reverse func(full string) (prefix string, version int, key string, ok bool)
	// Head is what every full key starts with, unless Make is set. Prepare makes it.
	Head string
}

// AppendName adds a name to the namespace. Two names are two namespaces whatever
// characters they hold.
func (l *Layout) AppendName(name string) { l.Namespace += escaper.Replace(name) + ":" }

var escaper = strings.NewReplacer("%", "%25", ":", "%3A")

// Prepare makes the layout ready, once its fields are set.
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

// Full returns the full key of a user's key, which is Django's layout:
// prefix:version:key.
func (l *Layout) Full(key string) string {
	if l.Make != nil {
		// A key that the function returns as it is may be the caller's memory.
		return strings.Clone(l.Make(l.Prefix, l.Version, l.Namespace+key))
	}
	return l.Head + key
}

// User returns the user's key of a full key of this prefix, version and
// namespace.
func (l *Layout) User(full string) (string, bool) {
	if l.Make != nil {
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

// Pattern returns the glob that full keys match whose user keys match pattern,
// or an error if the layout of the program's own does not let a loop over the
// keyspace tell its keys from others.
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

// AnyVersion returns a glob for the full keys of this prefix and namespace in all
// versions. It may match more; ofPrefix decides.
func (l *Layout) AnyVersion() (string, error) {
	if l.Make != nil {
		return "*", l.tellsKeysApart()
	}
	return escapeGlob(l.Prefix) + ":*:" + escapeGlob(l.Namespace) + "*", nil
}

// probeKey is the key by which a layout of the program's own is tried.
const probeKey = "probe"

// tellsKeysApart tries the functions of WithKeyFunc: only if the prefix and the
// version can be told from a full key does a loop over the keyspace leave the
// keys of others alone.
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
	longer, _ := strconv.Atoi(strconv.Itoa(l.Version) + "1") // 2 and the key 1a must not be 21 and the key a
	if l.Make(l.Prefix, l.Version+1, user) == full || l.Make(l.Prefix, longer, user) == l.Make(l.Prefix, l.Version, "1"+user) {
		return refuse("makes keys from which the version cannot be told, so that those of another version would be taken for its own")
	}
	if l.Make(l.Prefix+"x", l.Version, user) == l.Make(l.Prefix, l.Version, "x"+user) || l.Make(l.Prefix+"x", l.Version, user) == full {
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
