package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// A change is an action of another client on the key {t}a while a transaction watches the
// key.
type change struct {
	name  string
	needs []string
	// before is the value of the key at first; "" is a missing key.
	before string
	make   func(ctx context.Context, c *cached) error
}

// withoutTTL is the value of before for a key without a TTL.
const withoutTTL = "without TTL"

// onlyErr drops the result of a call.
func onlyErr[T any](_ T, err error) error { return err }

// changes are the actions that make a transaction a conflict.
var changes = []change{
	{"a write", nil, "v", func(ctx context.Context, c *cached) error { return c.texts.Set(ctx, "{t}a", "w") }},
	{"a write of the same value", nil, "v", func(ctx context.Context, c *cached) error { return c.texts.Set(ctx, "{t}a", "v") }},
	{"another value, and the old one again", nil, "v", func(ctx context.Context, c *cached) error {
		return errors.Join(c.texts.Set(ctx, "{t}a", "w"), c.texts.Set(ctx, "{t}a", "v"))
	}},
	{"a Delete", nil, "v", func(ctx context.Context, c *cached) error { return onlyErr(c.Delete(ctx, "{t}a")) }},
	{"a Delete, and the old value again", nil, "v", func(ctx context.Context, c *cached) error {
		_, err := c.Delete(ctx, "{t}a")
		return errors.Join(err, c.texts.Set(ctx, "{t}a", "v"))
	}},
	{"a key that is made", nil, "", func(ctx context.Context, c *cached) error { return onlyErr(c.texts.Add(ctx, "{t}a", "v")) }},
	{"a key that is made, and is gone again", nil, "", func(ctx context.Context, c *cached) error {
		_, err := c.texts.Add(ctx, "{t}a", "v")
		return errors.Join(err, onlyErr(c.Delete(ctx, "{t}a")))
	}},
	{"another TTL", needs(expirer), "v", func(ctx context.Context, c *cached) error { return onlyErr(c.Expire(ctx, "{t}a", medium)) }},
	{"no TTL any more", needs(expirer), "v", func(ctx context.Context, c *cached) error { return onlyErr(c.Persist(ctx, "{t}a")) }},
	{"an increment", needs(counter), "5", func(ctx context.Context, c *cached) error { return onlyErr(c.Incr(ctx, "{t}a", 1)) }},
	{"another name", needs(mover), "v", func(ctx context.Context, c *cached) error { return c.Rename(ctx, "{t}a", "{t}c") }},
	{"another key that takes its name", needs(mover), "v", func(ctx context.Context, c *cached) error {
		return errors.Join(c.texts.Set(ctx, "{t}c", "w"), c.Rename(ctx, "{t}c", "{t}a"))
	}},
	{"a compare-and-swap", needs(swapper), "5", func(ctx context.Context, c *cached) error {
		return onlyErr(xcache.For[int](c.Cache).CompareAndSwap(ctx, "{t}a", 5, 6))
	}},
	{"a Clear", needs(scanner), "v", func(ctx context.Context, c *cached) error { return onlyErr(c.Clear(ctx)) }},
	{"a flush", needs(flusher, wholeDatabase), "v", func(ctx context.Context, c *cached) error { return c.FlushDB(ctx) }},
	{"a list that gets an element", needs("RPUSH"), "", func(_ context.Context, c *cached) error { return c.push(c.full("{t}a"), "x") }},
}

// idleCalls are actions that do not change the key {t}a.
var idleCalls = []change{
	{"reads", nil, "v", func(ctx context.Context, c *cached) error {
		return errors.Join(c.wantText(c.texts, "{t}a", "v"), onlyErr(c.Has(ctx, "{t}a")))
	}},
	{"an Add that does not store", nil, "v", func(ctx context.Context, c *cached) error { return onlyErr(c.texts.Add(ctx, "{t}a", "w")) }},
	{"an increment that fails", needs(counter), "v", func(ctx context.Context, c *cached) error {
		_, err := c.Incr(ctx, "{t}a", 1)
		return c.wantErr(err, xcache.ErrWrongType, "Incr of a text")
	}},
	{"a compare-and-swap with another value", needs(swapper), "v", func(ctx context.Context, c *cached) error {
		return onlyErr(c.texts.CompareAndSwap(ctx, "{t}a", "other", "w"))
	}},
	{"a compare-and-delete with another value", needs(driver.CmdCompareAndDelete), "v", func(ctx context.Context, c *cached) error {
		return onlyErr(c.texts.CompareAndDelete(ctx, "{t}a", "other"))
	}},
	{"a Persist of a key without a TTL", needs(expirer), withoutTTL, func(ctx context.Context, c *cached) error {
		return onlyErr(c.Persist(ctx, "{t}a"))
	}},
	{"an increment of a key that is not there", needs(counter), "", func(ctx context.Context, c *cached) error {
		_, err := c.Incr(ctx, "{t}a", 1)
		return c.wantErr(err, xcache.ErrNotFound, "Incr")
	}},
	{"other keys", nil, "v", func(ctx context.Context, c *cached) error {
		return errors.Join(c.texts.Set(ctx, "{t}b", "w"), c.texts.Set(ctx, "{u}a", "w"), onlyErr(c.Delete(ctx, "{t}b", "{t}c")))
	}},
	{"a key that is not there", nil, "", func(ctx context.Context, c *cached) error {
		return errors.Join(onlyErr(c.Delete(ctx, "{t}a")), onlyErr(c.texts.Replace(ctx, "{t}a", "w")))
	}},
}

// watchCheck returns a check of transactions, for stores with transactions.
func watchCheck(name, rule string, needed []string, run func(ctx context.Context, c *cached) error) check {
	return cacheCheck("watch/"+name, rule, append(needs(commander, "SET", "GET"), needed...), func(ctx context.Context, c *cached) error {
		if !c.canWatch() {
			return &inapplicableError{"the store has neither a Watcher nor an Exclusive"}
		}
		ctx, cancel := context.WithTimeout(ctx, long)
		defer cancel()
		return run(ctx, c)
	})
}

func (s *subject) canWatch() bool {
	return s.caps.Commander != nil && (s.caps.Watcher != nil || s.caps.Exclusive != nil)
}

var errOwn = errors.New("an error of the function's own")

// watchChecks has the checks of optimistic transactions, on stores that have transactions
// by their own interface or on exclusive connections.
func watchChecks() []check {
	return []check{
		cacheCheck("watch/supported", "Watch on a store without transactions is errors.ErrUnsupported, does not call its function, and cannot be required; any other store can be required to have it", nil, func(ctx context.Context, c *cached) error {
			required := c.Require("watch")
			if c.canWatch() {
				return ok("Require", required)
			}
			called := false
			err := c.Watch(ctx, func(context.Context, *xcache.Tx) error { called = true; return nil }, "{t}a")
			return errors.Join(c.wantErr(err, errors.ErrUnsupported, "Watch"), c.wantErr(required, errors.ErrUnsupported, "Require"), that(!called, "the function was called"))
		}),
		watchCheck("commits", "the function reads what is there, and what it has queued is applied when it has returned nil, with typed results", needs(driver.CmdIncr), watchCommits),
		watchCheck("conflict-is-retried", "if another client has changed a watched key, nothing is applied, and the function is called again and sees the new value", nil, watchRetries),
		watchCheck("every-change-conflicts", "every write to a watched key is a conflict, whatever the key holds before and afterwards", nil, watchSeesChanges),
		watchCheck("no-change-conflicts-not", "reads, writes that do not take place, and writes to keys that are not watched are no conflict", nil, watchIgnoresOthers),
		watchCheck("every-key", "a change of any of the watched keys is a conflict", nil, func(ctx context.Context, c *cached) error {
			var errs []error
			for _, key := range []string{"{t}a", "{t}b", "{t}c"} {
				calls, err := c.watchWhile(ctx, func() error { return c.texts.Set(ctx, key, "theirs") }, "{t}a", "{t}b", "{t}c", "{t}a")
				errs = append(errs, err, expect(calls, 2, "calls of the function while %s changes", key))
			}
			return errors.Join(errs...)
		}),
		watchCheck("expiry", "a watched key that expires is a conflict", nil, watchSeesExpiry),
		watchCheck("gives-up", "a transaction that is lost each time is ErrConflict after some attempts, and nothing was applied", nil, func(ctx context.Context, c *cached) error {
			calls := 0
			err := c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
				calls++
				c.texts.In(tx.Pipeline()).Set("{t}b", "mine")
				return c.texts.Set(ctx, "{t}a", fmt.Sprint(calls))
			}, "{t}a")
			return errors.Join(c.wantErr(err, xcache.ErrConflict, "Watch"), that(!errors.Is(err, xcache.ErrUnknownOutcome), "%v has an unknown outcome", err),
				that(calls > 2 && calls <= 1000, "the function was called %d times", calls), c.wantNone("{t}b"))
		}),
		watchCheck("error-of-the-function", "an error of the function is returned as it is, at once, and nothing is applied; a panic reaches the caller, likewise", nil, watchFails),
		watchCheck("results", "a queued result is ErrNotExecuted while the function runs, has a value after the transaction, and ErrConflict if that was lost", nil, watchResults),
		watchCheck("errors-of-operations", "an operation that fails when it is run fails alone, and the function is not called again; one that is bad in itself keeps all from being sent", needs(driver.CmdIncr), watchOperationErrors),
		watchCheck("only-reads", "in the function a transaction only reads: what writes at once, loads, or runs the pipeline, is errors.ErrUnsupported and changes nothing", nil, watchOnlyReads),
		watchCheck("over", "a transaction that is used after its function has returned is ErrTxDone", nil, func(ctx context.Context, c *cached) error {
			var left *xcache.Tx
			err := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error { left = tx; return nil }, "{t}a")
			if err != nil {
				return err
			}
			_, getErr := c.texts.WithTx(left).Get(ctx, "{t}a")
			queued := c.texts.In(left.Pipeline()).Set("{t}a", "v")
			return errors.Join(c.wantErr(getErr, xcache.ErrTxDone, "Get"), c.wantErr(queued.Err(), xcache.ErrTxDone, "Set in the pipeline"), c.wantNone("{t}a"))
		}),
		watchCheck("nothing-queued", "a transaction that writes nothing is a conflict, too, if what it read has changed", nil, func(ctx context.Context, c *cached) error {
			calls := 0
			err := c.Watch(ctx, func(ctx context.Context, _ *xcache.Tx) error {
				if calls++; calls == 1 {
					return c.texts.Set(ctx, "{t}a", "theirs")
				}
				return nil
			}, "{t}a")
			return errors.Join(err, expect(calls, 2, "calls of the function"))
		}),
		watchCheck("counts", "of callers who read a number and write one more, at once, each counts", nil, watchCounts),
		watchCheck("structures", "handles on structures read in a transaction, and queue in it", needs("RPUSH", "LRANGE", "LPOP"), watchStructures),
		watchCheck("context", "a context that has ended calls no function; one that ends in the function leaves everything as it was", nil, func(ctx context.Context, c *cached) error {
			calls := 0
			count := func(context.Context, *xcache.Tx) error { calls++; return nil }
			endedErr := c.Watch(ended(), count, "{t}a")
			leaving, leave := context.WithCancel(ctx)
			err := c.Watch(leaving, func(_ context.Context, tx *xcache.Tx) error {
				c.texts.In(tx.Pipeline()).Set("{t}a", "mine")
				leave()
				return nil
			}, "{t}a")
			return errors.Join(c.wantContextErr(endedErr, context.Canceled, "Watch"), expect(calls, 0, "calls of the function"), c.wantContextErr(err, context.Canceled, "Watch"),
				that(!errors.Is(err, xcache.ErrUnknownOutcome), "%v has an unknown outcome", err), c.wantNone("{t}a"))
		}),
		watchCheck("closed", "Close of the cache ends the context of the function, and the transaction as ErrClosed, which has changed nothing", nil, watchCloses),
		watchCheck("bad-keys", "no key is ErrSyntax, and an empty one ErrInvalidKey, and the function is not called", nil, func(ctx context.Context, c *cached) error {
			calls := 0
			count := func(context.Context, *xcache.Tx) error { calls++; return nil }
			return errors.Join(c.wantErr(c.Watch(ctx, count), xcache.ErrSyntax, "Watch of nothing"), c.wantErr(c.Watch(ctx, count, "{t}a", ""), xcache.ErrInvalidKey, "Watch of an empty key"),
				expect(calls, 0, "calls of the function"))
		}),
		watchCheck("several-slots", "keys in several slots, watched or queued, are one transaction, or ErrCrossSlot, and nothing was applied", nil, watchSlots),
		watchCheck("leaves-nothing", "a transaction watches no key that one before has watched", nil, func(ctx context.Context, c *cached) error {
			var errs []error
			for i := range 3 {
				err := c.Watch(ctx, func(context.Context, *xcache.Tx) error { return errOwn }, "{t}a")
				calls, watchErr := c.watchWhile(ctx, func() error { return c.texts.Set(ctx, "{t}a", fmt.Sprint(i)) }, "{t}b")
				errs = append(errs, c.wantErr(err, errOwn, "Watch"), watchErr, expect(calls, 1, "calls of the function"))
			}
			return errors.Join(errs...)
		}),
	}
}

// watchWhile runs a transaction that reads and writes the first of keys. work runs during
// the first call of the function. The result is the number of calls.
func (c *cached) watchWhile(ctx context.Context, work func() error, keys ...string) (calls int, err error) {
	err = c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		if _, err := tx.Cache().Has(ctx, keys[0]); err != nil {
			return err
		}
		c.texts.In(tx.Pipeline()).Set(keys[0], "mine")
		if calls++; calls == 1 {
			return work()
		}
		return nil
	}, keys...)
	if err != nil {
		return calls, fmt.Errorf("Watch: %w", err)
	}
	return calls, c.wantText(c.texts, keys[0], "mine")
}

// watchSeesExpiry lets a watched key expire. On a busy machine the key may expire before
// the store watches the key: then the TTL was too short. Redis before version 7 takes a key
// for a change that had expired before and is not removed yet. A read from the primary
// removes the key.
func watchSeesExpiry(ctx context.Context, c *cached) error {
	const tries = 7
	ttl := c.soon()
	for range tries {
		began := time.Now()
		if err := c.texts.Set(ctx, "{t}a", "v", xcache.TTL(ttl)); err != nil {
			return err
		}
		var watched time.Duration // since the beginning of the write
		calls, err := c.watchWhile(ctx, func() error {
			watched = time.Since(began)
			c.sleep(ttl + c.resolution())
			return c.eventually(func() error {
				_, err := c.texts.With(xcache.ReadPrimary()).Get(noDeadline, "{t}a")
				return errors.Join(c.wantErr(err, xcache.ErrNotFound, "Get at the primary"), c.wantNone("{t}a"))
			})
		}, "{t}a")
		if err != nil || watched < ttl-clockSteps {
			return errors.Join(err, expect(calls, 2, "calls of the function"))
		}
		ttl *= 2
	}
	return inapplicable("a few calls take longer than %v", ttl/2)
}

func watchCommits(ctx context.Context, c *cached) error {
	numbers := xcache.For[int](c.Cache)
	var set *xcache.Result[bool]
	var sum *xcache.Result[int64]
	var many *xcache.Result[map[string]string]
	var errs []error
	for i := range 20 { // a replica would lag sooner or later
		errs = append(errs, c.texts.Set(ctx, "{t}a", fmt.Sprint(i)), numbers.Set(ctx, "{t}n", i), c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
			read := c.texts.WithTx(tx)
			_, missErr := read.Get(ctx, "{t}none")
			found, manyErr := read.GetMany(ctx, []string{"{t}a", "{t}none"})
			p := tx.Cache().Pipeline()
			a, n := c.texts.In(p).Get("{t}a"), numbers.In(p).Get("{t}n")
			errs := []error{manyErr, p.Exec(ctx), is(a.Value())("Get in a pipeline", fmt.Sprint(i), nil), is(n.Value())("Get of a number in a pipeline", i, nil),
				c.wantText(read, "{t}a", fmt.Sprint(i)), c.wantErr(missErr, xcache.ErrNotFound, "Get of nothing"),
				expect(fmt.Sprint(found), fmt.Sprintf("map[{t}a:%d]", i), "GetMany"), is(tx.Cache().Has(ctx, "{t}a"))("Has", true, nil)}
			if c.caps.Expirer != nil {
				left, err := tx.Cache().TTL(ctx, "{t}a")
				errs = append(errs, err, c.sameTTL("TTL", left, xcache.DefaultTTL))
			}
			out := tx.Pipeline()
			set, sum = c.texts.In(out).Set("{t}b", fmt.Sprint("b", i)), out.Incr("{t}n", 1)
			many = c.texts.In(out).GetMany([]string{"{t}a", "{t}b"})
			return errors.Join(errs...)
		}, "{t}a", "{t}n"))
		found, err := many.Value()
		errs = append(errs, err, is(set.Value())("Set", true, nil), is(sum.Value())("Incr", int64(i+1), nil), expect(fmt.Sprint(found), fmt.Sprintf("map[{t}a:%d {t}b:b%d]", i, i), "GetMany"),
			c.wantText(c.texts, "{t}b", fmt.Sprint("b", i)))
	}
	return errors.Join(errs...)
}

func watchRetries(ctx context.Context, c *cached) error {
	other, closeOther, err := c.other()
	if err != nil {
		return err
	}
	var seen []string
	err = errors.Join(c.texts.Set(ctx, "{t}a", "0"), c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		got, err := c.texts.WithTx(tx).Get(ctx, "{t}a")
		if err != nil {
			return err
		}
		seen = append(seen, got)
		c.texts.In(tx.Pipeline()).Set("{t}a", got+" and mine")
		c.texts.In(tx.Pipeline()).Set(fmt.Sprint("{t}attempt", len(seen)), "v")
		if len(seen) < 3 {
			return other.texts.Set(ctx, "{t}a", fmt.Sprint(len(seen)))
		}
		return nil
	}, "{t}a"))
	return errors.Join(err, closeOther(), expect(fmt.Sprint(seen), "[0 1 2]", "what the function saw"), c.wantText(c.texts, "{t}a", "2 and mine"),
		c.wantNone("{t}attempt1", "{t}attempt2"), c.wantText(c.texts, "{t}attempt3", "v"))
}

// other returns the cache of another client, if the stores see the same keys, and otherwise
// the check's own cache.
func (c *cached) other() (other *cached, end func() error, err error) {
	s := c.with(c.h.Open(c.t))
	if other, err = s.cache(); err == nil {
		err = c.texts.Set(noDeadline, "{t}shared", "v")
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.store.Close())
	}
	if _, err := other.texts.Get(noDeadline, "{t}shared"); errors.Is(err, xcache.ErrNotFound) {
		other = c
	}
	return other, s.store.Close, nil
}

func watchSeesChanges(ctx context.Context, c *cached) error {
	var errs []error
	for i := range changes {
		change := &changes[i]
		if c.missing(change.needs) != "" {
			continue
		}
		calls, err := c.watchChange(ctx, change)
		errs = append(errs, err, expect(calls, 2, "calls of the function with %s", change.name))
	}
	return errors.Join(errs...)
}

func watchIgnoresOthers(ctx context.Context, c *cached) error {
	var errs []error
	for i := range idleCalls {
		idle := &idleCalls[i]
		if c.missing(idle.needs) != "" {
			continue
		}
		calls, err := c.watchChange(ctx, idle)
		errs = append(errs, err, expect(calls, 1, "calls of the function with %s", idle.name))
	}
	return errors.Join(errs...)
}

func (c *cached) watchChange(ctx context.Context, change *change) (calls int, err error) {
	if _, err := c.Delete(ctx, "{t}a", "{t}b", "{t}c", "{u}a"); err != nil {
		return 0, err
	}
	switch change.before {
	case "":
	case "5":
		err = xcache.For[int](c.Cache).Set(ctx, "{t}a", 5)
	case withoutTTL:
		err = c.texts.Set(ctx, "{t}a", change.before, xcache.TTL(xcache.NoExpiry))
	default:
		err = c.texts.Set(ctx, "{t}a", change.before)
	}
	if err != nil {
		return 0, err
	}
	calls, err = c.watchWhile(ctx, func() error { return change.make(ctx, c) }, "{t}a")
	if err != nil {
		err = fmt.Errorf("with %s: %w", change.name, err)
	}
	return calls, err
}

func watchFails(ctx context.Context, c *cached) error {
	var errs []error
	for _, own := range []error{errOwn, xcache.ErrConflict, fmt.Errorf("wrapped: %w", xcache.ErrUnavailable)} {
		calls := 0
		err := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
			calls++
			c.texts.In(tx.Pipeline()).Set("{t}a", "mine")
			return own
		}, "{t}a")
		errs = append(errs, that(err == own, "Watch returned %v, want %v itself", err, own), expect(calls, 1, "calls of the function"), c.wantNone("{t}a")) //nolint:errorlint // that exact error
	}
	panicked := func() (p any) {
		defer func() { p = recover() }()
		_ = c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
			c.texts.In(tx.Pipeline()).Set("{t}a", "mine")
			panic("mine")
		}, "{t}a")
		return nil
	}()
	calls, err := c.watchWhile(ctx, func() error { return nil }, "{t}b")
	return errors.Join(append(errs, that(panicked == "mine", "the panic that reached the caller is %v", panicked), c.wantNone("{t}a"), err, expect(calls, 1, "calls of the function"))...)
}

func watchResults(ctx context.Context, c *cached) error {
	var results []*xcache.Result[bool]
	var early []error
	err := c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		set := c.texts.In(tx.Pipeline()).Set("{t}b", "mine")
		results, early = append(results, set), append(early, set.Err())
		if len(results) == 1 {
			return c.texts.Set(ctx, "{t}a", "theirs")
		}
		return nil
	}, "{t}a")
	if err != nil || len(results) != 2 {
		return fmt.Errorf("Watch = %w, after %d calls of the function", orNone(err), len(results))
	}
	return errors.Join(c.wantErr(early[0], xcache.ErrNotExecuted, "Value while the function runs"), c.wantErr(early[1], xcache.ErrNotExecuted, "Value while the function runs again"),
		c.wantErr(results[0].Err(), xcache.ErrConflict, "Value of a lost transaction"), is(results[1].Value())("Set", true, nil))
}

func watchOperationErrors(ctx context.Context, c *cached) error {
	calls := 0
	var set, bad *xcache.Result[bool]
	var incr *xcache.Result[int64]
	err := errors.Join(c.texts.Set(ctx, "{t}text", "v"))
	runErr := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
		calls++
		incr, set = tx.Pipeline().Incr("{t}text", 1), c.texts.In(tx.Pipeline()).Set("{t}a", "mine")
		return nil
	}, "{t}a")
	badErr := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
		calls++
		c.texts.In(tx.Pipeline()).Set("{t}b", "mine")
		bad = c.texts.In(tx.Pipeline()).Set("", "mine")
		return nil
	}, "{t}b")
	return errors.Join(err, c.wantErr(runErr, xcache.ErrWrongType, "Watch"), c.wantErr(incr.Err(), xcache.ErrWrongType, "Incr of a text"), is(set.Value())("Set", true, nil), c.wantText(c.texts, "{t}a", "mine"),
		that(badErr != nil, "Watch succeeded with an operation that is bad in itself"), c.wantErr(bad.Err(), xcache.ErrInvalidKey, "the bad operation"), c.wantNone("{t}b"), expect(calls, 2, "calls of the functions"))
}

func watchOnlyReads(ctx context.Context, c *cached) error {
	refused := make(map[string]error)
	err := errors.Join(c.texts.Set(ctx, "{t}a", "v"), c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		in := c.texts.WithTx(tx)
		refused["Set"] = in.Set(ctx, "{t}a", "w")
		refused["SetMany"] = in.SetMany(ctx, map[string]string{"{t}a": "w"})
		refused["Add"] = onlyErr(in.Add(ctx, "{t}b", "w"))
		refused["Delete"] = onlyErr(tx.Cache().Delete(ctx, "{t}a"))
		refused["Expire"] = onlyErr(tx.Cache().Expire(ctx, "{t}a", medium))
		refused["Incr"] = onlyErr(tx.Cache().IncrInit(ctx, "{t}b", 1, 0))
		refused["Swap"] = onlyErr(in.Swap(ctx, "{t}a", "w"))
		refused["CompareAndSwap"] = onlyErr(in.CompareAndSwap(ctx, "{t}a", "v", "w"))
		refused["Rename"] = tx.Cache().Rename(ctx, "{t}a", "{t}b")
		refused["GetOrSet"] = onlyErr(in.GetOrSet(ctx, "{t}b", func(context.Context) (string, error) { return "w", nil }))
		refused["Clear"] = onlyErr(tx.Cache().Clear(ctx))
		refused["FlushDB"] = tx.Cache().FlushDB(ctx)
		for _, err := range tx.Cache().Keys(ctx, "*") {
			refused["Keys"] = err
		}
		p := tx.Cache().Pipeline()
		set := in.In(p).Set("{t}a", "w")
		execErr := p.Exec(ctx)
		refused["Set in a pipeline of reads"] = set.Err()
		refused["Exec of the transaction's pipeline"] = tx.Pipeline().Exec(ctx)
		refused["ExecAtomic of the transaction's pipeline"] = tx.Pipeline().ExecAtomic(ctx)
		never := func(context.Context, *xcache.Tx) error {
			return errors.New("the function of a Watch inside was called")
		}
		refused["Watch inside, on the transaction"] = tx.Cache().Watch(ctx, never, "{t}a")
		refused["Watch inside"] = c.Watch(ctx, never, "{t}a")
		return errors.Join(that(execErr != nil, "Exec of a pipeline that writes succeeded"), that(tx.Cache().Close() != nil, "Close succeeded"))
	}, "{t}a"))
	errs := []error{err, c.wantText(c.texts, "{t}a", "v"), c.wantNone("{t}b")}
	for what, err := range refused {
		errs = append(errs, c.wantErr(err, errors.ErrUnsupported, "%s", what))
	}
	return errors.Join(append(errs, expect(len(refused), 18, "calls that were refused"))...)
}

func watchCounts(ctx context.Context, c *cached) error {
	const callers = 50
	numbers := xcache.For[int](c.Cache)
	if err := numbers.Set(ctx, "{t}n", 0); err != nil {
		return err
	}
	counted := make([]int, callers)
	err := together(callers, func(i int) error {
		pause := time.Millisecond
		err := c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
			n, err := numbers.WithTx(tx).Get(ctx, "{t}n")
			if err != nil {
				return err
			}
			c.sleep(pause) // otherwise callers might run one after the other
			pause = 0
			numbers.In(tx.Pipeline()).Set("{t}n", n+1)
			return nil
		}, "{t}n")
		if err == nil {
			counted[i] = 1
		} else if errors.Is(err, xcache.ErrConflict) { // on a slow machine; such a caller has not counted
			err = nil
		}
		return err
	})
	want := 0
	for _, n := range counted {
		want += n
	}
	return errors.Join(err, that(want > callers/2, "%d of %d callers have counted", want, callers), is(numbers.Get(ctx, "{t}n"))("the number", want, nil))
}

func watchStructures(ctx context.Context, c *cached) error {
	lists, err := mixins.NewLists[string](c.Cache)
	if err != nil {
		return err
	}
	calls := 0
	var popped *xcache.Result[string]
	_, err = lists.RPush(ctx, "{t}list", "x", "y")
	err = errors.Join(err, c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		elements, err := lists.WithTx(tx).LRange(ctx, "{t}list", 0, -1)
		if err != nil {
			return err
		}
		own, err := mixins.NewLists[string](tx.Cache())
		if err != nil {
			return err
		}
		_, pushErr := own.RPush(ctx, "{t}list", "z")
		first, indexErr := own.LIndex(ctx, "{t}list", 0)
		popped = lists.In(tx.Pipeline()).LPop("{t}list")
		c.texts.In(tx.Pipeline()).Set("{t}a", fmt.Sprint(elements))
		if calls++; calls == 1 {
			return onlyErr(lists.RPush(ctx, "{t}list", "theirs"))
		}
		return errors.Join(c.wantErr(pushErr, errors.ErrUnsupported, "RPush in the function"), indexErr, expect(first, "x", "LIndex"))
	}, "{t}list"))
	return errors.Join(err, expect(calls, 2, "calls of the function"), is(popped.Value())("LPop", "x", nil), c.wantText(c.texts, "{t}a", "[x y theirs]"), c.wantList(c.full("{t}list"), quoted("y"), quoted("theirs")))
}

func watchCloses(ctx context.Context, c *cached) error {
	s := c.with(c.h.Open(c.t))
	other, err := s.cache()
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	running, closed := make(chan struct{}), make(chan error, 1)
	go func() {
		<-running
		closed <- other.Close()
	}()
	calls := 0
	watchErr := other.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		if calls++; calls == 1 {
			close(running)
		}
		other.texts.In(tx.Pipeline()).Set("{t}a", "mine")
		<-ctx.Done()
		return ctx.Err()
	}, "{t}a")
	err = <-closed
	later := other.Watch(ctx, func(context.Context, *xcache.Tx) error { calls++; return nil }, "{t}a")
	return errors.Join(err, c.wantErr(watchErr, xcache.ErrClosed, "Watch"), c.wantErr(later, xcache.ErrClosed, "Watch after Close"), expect(calls, 1, "calls of the functions"), c.wantNone("{t}a"))
}

func watchSlots(ctx context.Context, c *cached) error {
	calls := 0
	watched := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
		calls++
		c.texts.In(tx.Pipeline()).Set("{t}a", "mine")
		return nil
	}, "{t}a", "{u}a")
	queued := c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
		c.texts.In(tx.Pipeline()).Set("{t}b", "mine")
		c.texts.In(tx.Pipeline()).Set("{u}b", "mine")
		return nil
	}, "{t}b")
	if watched == nil && queued == nil {
		return errors.Join(c.wantText(c.texts, "{t}a", "mine"), c.wantText(c.texts, "{t}b", "mine"), c.wantText(c.texts, "{u}b", "mine"))
	}
	return errors.Join(c.wantErr(watched, xcache.ErrCrossSlot, "Watch of keys in several slots"), expect(calls, 0, "calls of its function"), c.wantErr(queued, xcache.ErrCrossSlot, "Watch with operations in several slots"),
		that(!errors.Is(queued, xcache.ErrUnknownOutcome), "%v has an unknown outcome", queued), c.wantNone("{t}a", "{t}b", "{u}b"))
}

// quoted returns the stored form of a text, in JSON.
func quoted(text string) string { return fmt.Sprintf("%q", text) }
