package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache"
)

// cacheKeyChecks has section 1 of the contract, through a Cache.
func cacheKeyChecks() []check {
	return []check{
		cacheCheck("cache-keys/layout", "a key is stored as prefix:version:key, as Django's default key function does", nil, func(ctx context.Context, c *cached) error {
			err := errors.Join(c.texts.Set(ctx, "foo", "v"), c.texts.With(xcache.WithVersion(23)).Set(ctx, "foo:bar", "w"))
			c.own(c.cachePrefix() + ":23:foo:bar")
			return errors.Join(err, c.wantValue(c.cachePrefix()+":1:foo", `"v"`), c.wantValue(c.cachePrefix()+":23:foo:bar", `"w"`))
		}),
		cacheCheck("cache-keys/layout-without-prefix", "without a prefix a key is stored as :version:key", nil, func(ctx context.Context, c *cached) error {
			bare := c.texts.With(xcache.WithPrefix(""))
			full := ":1:" + c.cachePrefix()
			c.own(full)
			return errors.Join(bare.Set(ctx, c.cachePrefix(), "v"), c.wantValue(full, `"v"`), c.wantText(bare, c.cachePrefix(), "v"))
		}),
		cacheCheck("cache-keys/own-layout", "a pair of functions replaces the layout of keys, and Keys gives user keys back through it", needs(scanner), func(ctx context.Context, c *cached) error {
			own := c.texts.With(xcache.WithKeyFunc(
				func(prefix string, version int, key string) string {
					return fmt.Sprintf("%s/%d/%s", prefix, version, key)
				},
				func(full string) (string, int, string, bool) {
					parts := strings.SplitN(full, "/", 3)
					if len(parts) != 3 {
						return "", 0, "", false
					}
					version, err := strconv.Atoi(parts[1])
					return parts[0], version, parts[2], err == nil
				}))
			return errors.Join(own.Set(ctx, "a/b", "v"), c.wantValue(c.cachePrefix()+"/1/a/b", `"v"`), wantKeys(own.Cache, "*", "a/b"),
				c.texts.Set(ctx, "other", "w"), is(own.Clear(ctx))("Clear", 1, nil), c.wantText(c.texts, "other", "w"))
		}),
		cacheCheck("cache-keys/prefixes-are-apart", "two prefixes never see each other's keys, whatever the operation", nil, func(ctx context.Context, c *cached) error {
			other := c.texts.With(xcache.WithPrefix(c.cachePrefix() + "2"))
			return errors.Join(c.texts.Set(ctx, "k", "mine"), other.Set(ctx, "k", "yours"),
				c.wantText(c.texts, "k", "mine"), c.wantText(other, "k", "yours"),
				is(other.Delete(ctx, "k"))("Delete", 1, nil), c.wantText(c.texts, "k", "mine"), is(other.Has(ctx, "k"))("Has", false, nil))
		}),
		cacheCheck("cache-keys/versions-are-apart", "two versions never see each other's keys, whatever the operation", nil, func(ctx context.Context, c *cached) error {
			two := c.texts.With(xcache.WithVersion(2))
			minus := c.texts.With(xcache.WithVersion(-1))
			return errors.Join(c.texts.Set(ctx, "k", "one"), two.Set(ctx, "k", "two"), is(minus.Has(ctx, "k"))("Has", false, nil),
				c.wantText(c.texts, "k", "one"), c.wantText(two, "k", "two"), is(two.Delete(ctx, "k"))("Delete", 1, nil), c.wantText(c.texts, "k", "one"))
		}),
		cacheCheck("cache-keys/bad-prefix", "a prefix with a colon makes every call of a view fail with the same error before any I/O, unless colons are allowed", nil, func(ctx context.Context, c *cached) error {
			bad := c.texts.With(xcache.WithPrefix(c.cachePrefix() + ":2"))
			_, getErr := bad.Get(ctx, "k")
			setErr := bad.Set(ctx, "k", "v")
			_, deleteErr := bad.Delete(ctx, "k")
			allowed := c.texts.With(xcache.WithColonPrefix(), xcache.WithPrefix(c.cachePrefix()+":2"))
			return errors.Join(
				that(getErr != nil && setErr != nil && deleteErr != nil, "calls on the view: %v, %v, %v", getErr, setErr, deleteErr),
				that(fmt.Sprint(getErr) == fmt.Sprint(setErr) && fmt.Sprint(getErr) == fmt.Sprint(deleteErr), "the errors differ: %v, %v, %v", getErr, setErr, deleteErr),
				is(allowed.Has(ctx, "k"))("Has", false, nil), allowed.Set(ctx, "k", "v"), c.wantText(allowed, "k", "v"))
		}),
		cacheCheck("cache-keys/empty", "every operation refuses an empty key with ErrInvalidKey", nil, func(ctx context.Context, c *cached) error {
			var errs []error
			for name, err := range c.callAll(ctx, "") {
				errs = append(errs, c.wantErr(err, xcache.ErrInvalidKey, "%s", name))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-keys/too-long", "a key that is longer, with prefix and version, than the store's Limits is ErrInvalidKey; one that just fits is stored", nil, func(ctx context.Context, c *cached) error {
			limit := c.caps.Limits.KeyLength
			if limit == 0 {
				return inapplicable("the store's Limits allow keys of any length")
			}
			longest := strings.Repeat("k", limit-len(c.full("")))
			return errors.Join(c.texts.Set(ctx, longest, "v"), c.wantText(c.texts, longest, "v"),
				c.wantErr(c.texts.Set(ctx, longest+"k", "v"), xcache.ErrInvalidKey, "Set of a key one byte too long"))
		}),
		cacheCheck("cache-keys/any-bytes", "user keys of any bytes are stored, found, listed and deleted", needs(scanner), func(ctx context.Context, c *cached) error {
			var keys []string
			for _, key := range []string{"*", "a?", "[b]", `\`, "a:b", ":", " ", "\n", "\x00", "\xff", "é", "{t}x", "^-"} {
				if valid := c.caps.Limits.ValidKey; valid == nil || valid(c.full(key)) {
					keys = append(keys, key)
				}
			}
			var errs []error
			for _, key := range keys {
				errs = append(errs, c.texts.Set(ctx, key, strconv.Quote(key)), c.wantText(c.texts, key, strconv.Quote(key)))
			}
			return errors.Join(append(errs, wantKeys(c.Cache, "*", keys...), is(c.Delete(ctx, keys...))("Delete", len(keys), nil), wantKeys(c.Cache, "*"))...)
		}),
		cacheCheck("cache-keys/glob-in-prefix", "no character of a prefix is special where patterns are built: a prefix of * reaches no other prefix", needs(scanner), func(ctx context.Context, c *cached) error {
			var errs []error
			for _, special := range []string{"*", "?", "[x]", "[^y]", `\`, "x-z", "^", "]"} {
				mine, other := c.texts.With(xcache.WithPrefix(c.cachePrefix()+special)), c.texts.With(xcache.WithPrefix(c.cachePrefix()+"x"))
				errs = append(errs, mine.Set(ctx, "k", "mine"), other.Set(ctx, "k", "other"),
					wantKeys(mine.Cache, "*", "k"), is(mine.DeletePattern(ctx, "z*"))("DeletePattern", 0, nil),
					is(mine.Clear(ctx))("Clear of prefix "+special, 1, nil), c.wantText(other, "k", "other"),
					mine.Set(ctx, "k", "mine"), is(mine.ClearAllVersions(ctx))("ClearAllVersions of prefix "+special, 1, nil), c.wantText(other, "k", "other"))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-keys/namespace", "a key of a namespace is stored as prefix:version:name:key, and is name:key to a view without it", nil, func(ctx context.Context, c *cached) error {
			users := c.texts.Namespace("user")
			return errors.Join(users.Set(ctx, "42", "v"), c.wantValue(c.full("user:42"), `"v"`), c.wantText(c.texts, "user:42", "v"), c.wantText(users, "42", "v"))
		}),
		cacheCheck("cache-keys/namespaces-are-apart", "no two namespaces see each other's keys, whatever characters their names hold: not in Keys, DeletePattern, Clear or ClearAllVersions", needs(scanner), func(ctx context.Context, c *cached) error {
			var errs []error
			views := make(map[string]*xcache.View[string])
			for _, name := range []string{"a", "a:b", "a%3Ab", "*", "?", "[a-z]", "^", `\`, "{t}", "1"} {
				if valid := c.caps.Limits.ValidKey; valid == nil || valid(c.full(name+":b:k")) {
					views[name] = c.texts.Namespace(name)
				}
			}
			views["nested"] = c.texts.Namespace("around").Namespace("a")
			for name, view := range views {
				errs = append(errs, view.Set(ctx, "k", name), view.Set(ctx, "b:k", name), view.With(xcache.WithVersion(2)).Set(ctx, "k", name))
			}
			for name, view := range views {
				errs = append(errs, c.wantText(view, "k", name), wantKeys(view.Cache, "*", "b:k", "k"),
					is(view.DeletePattern(ctx, "b*"))("DeletePattern in namespace "+name, 1, nil), is(view.Clear(ctx))("Clear of namespace "+name, 1, nil),
					is(view.ClearAllVersions(ctx))("ClearAllVersions of namespace "+name, 1, nil))
			}
			return errors.Join(append(errs, wantKeys(c.Cache, "*"))...)
		}),
		cacheCheck("cache-keys/keys", "Keys yields the user keys of this prefix and version that match, each once", needs(scanner), func(ctx context.Context, c *cached) error {
			err := c.texts.SetMany(ctx, map[string]string{"a1": "", "a2": "", "b1": "", "c": ""})
			return errors.Join(err, c.texts.With(xcache.WithVersion(2)).Set(ctx, "a3", ""), c.texts.With(xcache.WithPrefix(c.cachePrefix()+"2")).Set(ctx, "a4", ""),
				wantKeys(c.Cache, "*", "a1", "a2", "b1", "c"), wantKeys(c.Cache, "a*", "a1", "a2"), wantKeys(c.Cache, "?1", "a1", "b1"), wantKeys(c.Cache, "[ab][^1]", "a2"), wantKeys(c.Cache, "none*"))
		}),
		cacheCheck("cache-keys/keys-of-many", "Keys yields each of thousands of keys exactly once", needs(scanner), func(ctx context.Context, c *cached) error {
			values := make(map[string]string)
			var want []string
			for i := range 3000 {
				key := strconv.Itoa(i)
				values[key] = key
				want = append(want, key)
			}
			return errors.Join(c.texts.SetMany(ctx, values), wantKeys(c.Cache, "*", want...))
		}),
		cacheCheck("cache-keys/keys-stops", "Keys stops when the loop breaks, and when its context ends, with the context's error last", needs(scanner), func(ctx context.Context, c *cached) error {
			values := make(map[string]string)
			for i := range 300 {
				values[strconv.Itoa(i)] = ""
			}
			errs := []error{c.texts.SetMany(ctx, values)}
			n := 0
			for _, err := range c.Keys(ctx, "*") {
				errs = append(errs, err)
				if n++; n == 7 {
					break
				}
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			var last error
			for _, err := range c.Keys(ctx, "*") {
				errs = append(errs, that(ctx.Err() == nil || err != nil, "Keys went on after its context had ended"))
				last = err
				cancel()
			}
			return errors.Join(append(errs, c.wantErr(last, context.Canceled, "the last pair"))...)
		}),
		cacheCheck("cache-keys/delete-pattern", "DeletePattern removes what Keys would list, nothing else, and counts it", needs(scanner), func(ctx context.Context, c *cached) error {
			two := c.texts.With(xcache.WithVersion(2))
			return errors.Join(c.texts.SetMany(ctx, map[string]string{"a1": "", "a2": "", "b1": "", "a*": ""}), two.Set(ctx, "a1", "two"),
				is(c.DeletePattern(ctx, `a\*`))(`DeletePattern(a\*)`, 1, nil), wantKeys(c.Cache, "*", "a1", "a2", "b1"),
				is(c.DeletePattern(ctx, "a*"))("DeletePattern(a*)", 2, nil), wantKeys(c.Cache, "*", "b1"), c.wantText(two, "a1", "two"))
		}),
		cacheCheck("cache-keys/clear", "Clear removes this prefix and version only, and counts it", needs(scanner), func(ctx context.Context, c *cached) error {
			two, ten, other := c.texts.With(xcache.WithVersion(2)), c.texts.With(xcache.WithVersion(10)), c.texts.With(xcache.WithPrefix(c.cachePrefix()+"2"))
			foreign := c.key("foreign")
			values := make(map[string]string)
			for i := range 2500 { // more than one page
				values[strconv.Itoa(i)] = ""
			}
			return errors.Join(c.texts.SetMany(ctx, values), two.Set(ctx, "k", "two"), ten.Set(ctx, "k", "ten"), other.Set(ctx, "k", "other"), c.set(foreign, "v", long),
				is(c.Clear(ctx))("Clear", len(values), nil), wantKeys(c.Cache, "*"), is(c.Clear(ctx))("Clear again", 0, nil),
				c.wantText(two, "k", "two"), c.wantText(ten, "k", "ten"), c.wantText(other, "k", "other"), c.wantValue(foreign, "v"))
		}),
		cacheCheck("cache-keys/clear-any-type", "Clear removes keys of any type", needs(scanner, "RPUSH"), func(ctx context.Context, c *cached) error {
			return errors.Join(c.push(c.full("list"), "a"), c.texts.Set(ctx, "text", "v"), is(c.Clear(ctx))("Clear", 2, nil), wantKeys(c.Cache, "*"))
		}),
		cacheCheck("cache-keys/clear-all-versions", "ClearAllVersions removes every version of this prefix, and no other prefix", needs(scanner), func(ctx context.Context, c *cached) error {
			two, other := c.texts.With(xcache.WithVersion(2)), c.texts.With(xcache.WithPrefix(c.cachePrefix()+"2"))
			return errors.Join(c.texts.Set(ctx, "k", "one"), two.Set(ctx, "k", "two"), other.Set(ctx, "k", "other"),
				is(c.ClearAllVersions(ctx))("ClearAllVersions", 2, nil), c.wantNone("k"), is(two.Has(ctx, "k"))("Has", false, nil), c.wantText(other, "k", "other"))
		}),
		cacheCheck("cache-keys/flush", "FlushDB empties the whole database, whatever the prefix", needs(flusher, wholeDatabase), func(ctx context.Context, c *cached) error {
			other := c.texts.With(xcache.WithPrefix(c.cachePrefix() + "2"))
			return errors.Join(c.texts.Set(ctx, "k", "one"), other.Set(ctx, "k", "other"), c.FlushDB(ctx), c.wantNone("k"), is(other.Has(ctx, "k"))("Has", false, nil))
		}),
	}
}

// callAll calls every operation of a cache that the store supports, on one key, and returns
// the errors by name.
func (c *cached) callAll(ctx context.Context, key string) map[string]error {
	errs := make(map[string]error)
	call := func(name string, needed []string, run func() error) {
		if c.missing(needed) == "" {
			errs[name] = run()
		}
	}
	v := c.texts
	call("Get", nil, func() error { _, err := v.Get(ctx, key); return err })
	call("GetOr", nil, func() error { _, err := v.GetOr(ctx, key, "default"); return err })
	call("GetMany", nil, func() error { _, err := v.GetMany(ctx, []string{key, "other"}); return err })
	call("GetOrSet", nil, func() error {
		_, err := v.GetOrSet(ctx, key, func(context.Context) (string, error) { return "loaded", nil })
		return err
	})
	call("Set", nil, func() error { return v.Set(ctx, key, "v") })
	call("SetMany", nil, func() error { return v.SetMany(ctx, map[string]string{key: "v", "other": "w"}) })
	call("Add", nil, func() error { _, err := v.Add(ctx, key, "v"); return err })
	call("Replace", nil, func() error { _, err := v.Replace(ctx, key, "v"); return err })
	call("Swap", needs(swapper), func() error { _, err := v.Swap(ctx, key, "v"); return err })
	call("CompareAndSwap", needs(swapper), func() error { _, err := v.CompareAndSwap(ctx, key, "v", "w"); return err })
	call("CompareAndDelete", needs(swapper), func() error { _, err := v.CompareAndDelete(ctx, key, "v"); return err })
	call("Delete", nil, func() error { _, err := c.Delete(ctx, key, "other"); return err })
	call("Has", nil, func() error { _, err := c.Has(ctx, key); return err })
	call("Touch", needs(expirer), func() error { _, err := c.Touch(ctx, key); return err })
	call("TTL", needs(expirer), func() error { _, err := c.TTL(ctx, key); return err })
	call("TTLMany", needs(expirer), func() error { _, err := c.TTLMany(ctx, []string{key}); return err })
	call("Expire", needs(expirer), func() error { _, err := c.Expire(ctx, key, long); return err })
	call("Persist", needs(expirer), func() error { _, err := c.Persist(ctx, key); return err })
	call("Incr", needs(counter), func() error { _, err := c.Incr(ctx, key, 1); return err })
	call("Decr", needs(counter), func() error { _, err := c.Decr(ctx, key, 1); return err })
	call("IncrInit", needs(counter), func() error { _, err := c.IncrInit(ctx, key, 1, 0); return err })
	call("IncrVersion", needs(mover), func() error { _, err := c.IncrVersion(ctx, key, 1); return err })
	call("DecrVersion", needs(mover), func() error { _, err := c.DecrVersion(ctx, key, 1); return err })
	call("Rename", needs(mover), func() error { return c.Rename(ctx, key, "other") })
	call("RenameNX", needs(mover), func() error { _, err := c.RenameNX(ctx, key, "other"); return err })
	call("Type", needs("TYPE"), func() error { _, err := c.Type(ctx, key); return err })
	call("pipelined Get", needs("GET"), func() error {
		p := c.Pipeline()
		got := v.In(p).Get(key)
		execErr := p.Exec(ctx)
		_, err := got.Value()
		return cmpErr(err, execErr)
	})
	return errs
}
