package xcachetest

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// nothingChecks has the replies of a store that keeps nothing. Such a store is always
// empty, and validates its arguments as any other store.
func nothingChecks() []check {
	return withNeeds([]check{
		{
			name: "nothing/is-kept",
			rule: "whatever is written is not there afterwards, for reads, TTL queries, deletes and scans",
			run:  func(s *subject) error { return s.wantNothingKept() },
		},
		{
			name: "nothing/writes",
			rule: "Set with any TTL and Set with IfAbsent succeed, again and again; IfPresent is the bare ErrNotStored; each entry has its own outcome, also where an old error stood",
			run: func(s *subject) error {
				key := s.key("k")
				var errs []error
				for _, ttl := range []time.Duration{long, time.Nanosecond, driver.NoExpiry, driver.KeepTTL, 0, -1} {
					errs = append(errs, s.set(key, "v", ttl), s.wantSet(driver.IfAbsent, key, "v", ttl, nil), s.wantSet(driver.IfPresent, key, "v", ttl, driver.ErrNotStored))
				}
				stale := errors.New("stale")
				return errors.Join(append(errs, s.wantBareNotStored(driver.IfPresent, key), s.wantOutcomes([]driver.Entry{
					{Key: key, Cond: driver.IfPresent}, {Key: key, Err: stale}, {Key: key, Cond: driver.IfPresent, Err: stale}, {Key: key, Cond: driver.IfAbsent},
				}, []error{driver.ErrNotStored, nil, driver.ErrNotStored, nil}))...)
			},
		},
		{
			name:  "nothing/expiry",
			rule:  "no TTL makes Expire find a key, and GetTTL and TTL are misses",
			needs: needs(expirer),
			run: func(s *subject) error {
				key := s.key("k")
				errs := []error{s.set(key, "v", long)}
				for _, ttl := range []time.Duration{long, driver.NoExpiry, driver.KeepTTL, 0, -1} {
					entries := []driver.Entry{{Key: key, TTL: ttl}, {Key: key, TTL: ttl}}
					errs = append(errs, s.caps.Expirer.Expire(noDeadline, entries))
					for i := range entries {
						errs = append(errs, s.wantErr(entries[i].Err, driver.ErrNotFound, "Expire with TTL %s", ttlText(ttl)))
					}
				}
				return errors.Join(append(errs, s.wantNoTTL(key))...)
			},
		},
		{
			name:  "nothing/counts",
			rule:  "Incr is ErrNotFound; IncrInit is init+delta each time, ErrOverflow where that does not fit, and an error with KeepTTL",
			needs: needs(counter),
			run: func(s *subject) error {
				key, c := s.key("k"), s.caps.Counter
				errs := []error{s.set(key, "5", long)}
				for range 3 {
					errs = append(errs, is(c.Incr(noDeadline, key, 1))("Incr", 0, driver.ErrNotFound), is(c.IncrInit(noDeadline, key, -3, 10, long))("IncrInit", 7, nil))
				}
				_, err := c.IncrInit(noDeadline, key, 1, 0, driver.KeepTTL)
				return errors.Join(append(errs, is(c.IncrInit(noDeadline, key, 1, 10, -1))("IncrInit with a TTL that has expired", 11, nil),
					is(c.IncrInit(noDeadline, key, 1, math.MaxInt64, long))("IncrInit beyond the range", 0, driver.ErrOverflow),
					is(c.IncrInit(noDeadline, key, -1, math.MinInt64, long))("IncrInit below the range", 0, driver.ErrOverflow),
					that(err != nil, "IncrInit with KeepTTL succeeded"))...)
			},
		},
		{
			name:  "nothing/swaps",
			rule:  "Swap finds no value, CompareAndSwap and CompareAndDelete report false, also where the value is the one that was written last, or empty",
			needs: needs(swapper),
			run: func(s *subject) error {
				key, w := s.key("k"), s.caps.Swapper
				errs := []error{s.set(key, "v", long)}
				for _, text := range []string{"v", ""} {
					e, old := driver.Entry{Key: key, Value: []byte(text), TTL: long}, driver.Value{}
					errs = append(errs, w.Swap(noDeadline, &e, &old), s.wantErr(old.Err, driver.ErrNotFound, "Swap"), expect(len(old.Data), 0, "bytes of the value that Swap found"),
						is(w.CompareAndSwap(noDeadline, &e, []byte(text)))("CompareAndSwap", false, nil), is(w.CompareAndDelete(noDeadline, key, []byte(text)))("CompareAndDelete", false, nil))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "nothing/moves",
			rule:  "Rename and RenameNX are ErrNotFound",
			needs: needs(mover),
			run: func(s *subject) error {
				from, to := s.key("from"), s.key("to")
				return errors.Join(s.set(from, "v", long), s.wantErr(s.caps.Mover.Rename(noDeadline, from, to), driver.ErrNotFound, "Rename"),
					s.wantErr(s.caps.Mover.Rename(noDeadline, from, from), driver.ErrNotFound, "Rename to itself"), is(s.caps.Mover.RenameNX(noDeadline, from, to))("RenameNX", false, driver.ErrNotFound))
			},
		},
		{
			name:  "nothing/commands",
			rule:  "each command answers as on an empty database, alone and in either kind of batch, again and again; those that would have to make something up are not in Commands",
			needs: needs(commander),
			run:   func(s *subject) error { return s.wantEmptyReplies() },
		},
		{
			name:  "nothing/bad-arguments",
			rule:  "arguments that a command does not have are an error of its own, though nothing is done with them",
			needs: needs(commander),
			run: func(s *subject) error {
				var errs []error
				for _, cmd := range badCommands(s.slotKey("k")) {
					if s.caps.Commander.Commands().Has(cmd.Name) {
						_, err := s.do(cmd.Name, cmd.Args...)
						errs = append(errs, that(err != nil, "%s succeeded", s.commandText(cmd.Name, cmd.Args)))
					}
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "nothing/ended-contexts",
			rule: "with a context that has ended every call fails with the context's error, not as ErrUnavailable and with no unknown outcome",
			run: func(s *subject) error {
				var errs []error
				for _, op := range s.possible() {
					err := op.call(ended(), s.store, &s.caps, []string{s.key("k")})
					errs = append(errs, s.wantContextErr(err, context.Canceled, "%s", op.name),
						that(!errors.Is(err, driver.ErrUnknownOutcome), "%s: %v says that it may have been applied", op.name, err))
				}
				return errors.Join(errs...)
			},
		},
		cacheCheck("nothing/cache", "a cache on the store misses, loads each time, adds and does not replace, and refuses keys and values as any other", nil, func(ctx context.Context, c *cached) error {
			loads := 0
			load := func(context.Context) (string, error) { loads++; return "loaded", nil }
			many, err := c.texts.GetMany(ctx, []string{"a", "b"})
			errs := []error{err, expect(len(many), 0, "keys that GetMany found")}
			for range 2 {
				errs = append(errs, c.texts.Set(ctx, "k", "v"), c.wantNone("k"), is(c.texts.Add(ctx, "k", "v"))("Add", true, nil), is(c.texts.Replace(ctx, "k", "v"))("Replace", false, nil),
					is(c.texts.GetOrSet(ctx, "k", load))("GetOrSet", "loaded", nil), is(c.Has(ctx, "k"))("Has", false, nil), is(c.Delete(ctx, "k"))("Delete", 0, nil))
			}
			if c.caps.Scanner != nil {
				errs = append(errs, wantKeys(c.Cache, "*"))
			}
			return errors.Join(append(errs, expect(loads, 2, "calls of the loader"),
				c.wantErr(c.texts.Set(ctx, "", "v"), xcache.ErrInvalidKey, "Set of an empty key"),
				that(xcache.For[chan int](c.Cache).Set(ctx, "k", nil) != nil, "Set of a channel succeeded"))...)
		}),
	}, keepsNothing)
}

// wantNothingKept writes in every way that the store supports, and reads the key.
func (s *subject) wantNothingKept() error {
	key := s.key("k")
	errs := []error{s.set(key, "v", long), s.set(key, "v", driver.NoExpiry), s.wantSet(driver.IfAbsent, key, "v", long, nil)}
	if s.caps.Counter != nil {
		_, err := s.caps.Counter.IncrInit(noDeadline, key, 1, 0, long)
		errs = append(errs, err)
	}
	if s.caps.Swapper != nil {
		errs = append(errs, s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte("v"), TTL: long}, new(driver.Value)))
	}
	for _, name := range []string{"SET", "RPUSH", "SADD"} {
		if s.caps.Commander != nil && s.caps.Commander.Commands().Has(name) {
			_, err := s.do(name, driver.Key(key), element("v"))
			errs = append(errs, err, s.wantMiss(key))
		}
	}
	if s.caps.Scanner != nil {
		for found, err := range s.caps.Scanner.Scan(noDeadline, "*") {
			errs = append(errs, err, that(err != nil, "Scan found %s", s.show(found)))
		}
	}
	return errors.Join(append(errs, s.wantMiss(key), s.wantValues([]string{key, key}, []string{absent, absent}), s.wantNoTTL(key), s.wantDeleted(0, key, key))...)
}

// wantNoTTL wants TTL queries of a key to be misses.
func (s *subject) wantNoTTL(key string) error {
	if s.caps.Expirer == nil {
		return nil
	}
	var errs []error
	for name, query := range map[string]func(context.Context, []string, []driver.Value) error{"TTL": s.caps.Expirer.TTL, "GetTTL": s.caps.Expirer.GetTTL} {
		dst := make([]driver.Value, 2)
		errs = append(errs, query(noDeadline, []string{key, key}, dst))
		for i := range dst {
			errs = append(errs, s.wantErr(dst[i].Err, driver.ErrNotFound, "%s", name))
		}
	}
	return errors.Join(errs...)
}

// forAll has the checks of keptChecks that also hold for a store that keeps nothing.
// TestChecksForStoresThatKeepNothing compares forAll with the table.
var forAll = []string{
	"command/PUBLISH", "command/SPUBLISH", "pubsub/no-channel", "pubsub/ends-with-its-context",
	"scripts/supported", "watch/supported", "watch/over", "watch/context", "watch/closed", "watch/bad-keys",
	"caps/declared-equals-detected", "caps/declared-commands-equal-detected", "caps/limits-make-sense",
	"values/input-not-changed", "tags/no-stale-read",
	"get/miss", "get/no-keys",
	"set/no-entries", "set/outcome-overwrites-what-was-there",
	"delete/no-keys",
	"ttl/set-zero", "ttl/set-negative", "ttl/expired-is-absent-to-get", "ttl/expired-is-absent-to-delete",
	"ttl/expired-is-absent-to-set-if-present", "ttl/expired-is-absent-to-ttl", "ttl/expired-is-absent-to-expire",
	"ttl/expired-is-absent-to-incr", "ttl/expired-is-absent-to-compare-and-swap",
	"ttl/expired-is-absent-to-compare-and-delete", "ttl/expired-is-absent-to-rename", "ttl/expired-is-absent-to-scan",
	"ttl/expired-is-absent-to-commands", "ttl/shortest-negative", "ttl/no-window-without-ttl",
	"ttl/no-window-with-condition", "ttl/expired-write-has-no-window",
	"expirer/expire-absent", "expirer/empty-batches",
	"counter/missing", "counter/never-revives-an-expiring-key", "counter/init-expired", "counter/init-overflow",
	"counter/init-no-window-without-ttl",
	"cas/absent",
	"scan/nothing", "scan/changes-inside-the-loop",
	"commander/empty-batch", "commander/unknown-in-atomic-batch", "commander/unknown-names",
	"command/PING",
	"errors/keys-do-not-fail-the-call",
	"flush/of-nothing",
	"close/unused",
	"cache-keys/empty", "cache-keys/flush",
	"cache/ping",
	"get-or-set/loader-fails", "get-or-set/loader-panics", "get-or-set/caller-leaves-alone", "get-or-set/own-key",
	"waits/not-in-pipelines",
	"pipeline/empty", "pipeline/atomic-all-or-nothing",
	"lists/push-nothing", "lists/empty-key", "lists-queued/push-nothing", "lists-queued/empty-key",
	"cache-errors/text",
	"cache-close/idempotent", "cache-close/refuses-calls", "cache-close/under-load",
}
