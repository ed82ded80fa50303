package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// pipelineChecks has the checks of pipelines of cache-level operations.
func pipelineChecks() []check {
	full := queued("GET", "SET", "MGET", "DEL", "EXISTS", "PTTL", "PEXPIRE", "RENAME", "RENAMENX",
		driver.CmdIncr, driver.CmdIncrInit, driver.CmdSwap, driver.CmdCompareAndSwap, driver.CmdCompareAndDelete, driver.CmdPersist)
	return []check{
		cacheCheck("pipeline/results", "each operation of a pipeline has the result that it would have had outside of one, in order", full, func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			v := c.texts.In(p)
			n := xcache.For[int](c.Cache).In(p)
			set, get := v.Set("{t}a", "A", xcache.TTL(long)), v.Get("{t}a")
			add, replace := v.Add("{t}a", "B"), v.Replace("{t}a", "C", xcache.KeepTTL())
			swap, cas := v.Swap("{t}a", "D", xcache.KeepTTL()), v.CompareAndSwap("{t}a", "D", "E", xcache.KeepTTL())
			many, or := v.GetMany([]string{"{t}a", "{t}none"}), v.GetOr("{t}none", "default")
			ttl, there := p.TTL("{t}a"), p.Has("{t}a")
			kind := func() error { return nil }
			if c.queues("TYPE") {
				result := p.Type("{t}a")
				kind = func() error { return is(result.Value())("Type", driver.KindString, nil) }
			}
			number, sum, first := n.Set("{t}n", 41), p.Incr("{t}n", 1), p.IncrInit("{t}m", 1, 6)
			persist, rename, nx := p.Persist("{t}a"), p.Rename("{t}a", "{t}b"), p.RenameNX("{t}b", "{t}n")
			cad, gone := v.CompareAndDelete("{t}b", "E"), p.Delete("{t}n", "{t}m", "{t}none")
			expired := v.Set("{t}x", "v", xcache.TTL(-1))
			execErr := p.Exec(ctx)
			left, err := ttl.Value()
			found, manyErr := many.Value()
			return errors.Join(execErr, err, manyErr, c.sameTTL("TTL", left, long), expect(fmt.Sprint(found), "map[{t}a:E]", "GetMany"),
				is(set.Value())("Set", true, nil), is(get.Value())("Get", "A", nil), is(add.Value())("Add", false, nil), is(replace.Value())("Replace", true, nil),
				is(swap.Value())("Swap", "C", nil), is(cas.Value())("CompareAndSwap", true, nil), is(or.Value())("GetOr", "default", nil), kind(),
				is(there.Value())("Has", true, nil), is(number.Value())("Set of a number", true, nil), is(sum.Value())("Incr", 42, nil), is(first.Value())("IncrInit", 7, nil),
				is(persist.Value())("Persist", true, nil), is(rename.Value())("Rename", true, nil), is(nx.Value())("RenameNX", false, nil), is(cad.Value())("CompareAndDelete", true, nil),
				is(gone.Value())("Delete", 2, nil), is(expired.Value())("Set that has expired", true, nil), c.wantNone("{t}a", "{t}b", "{t}n", "{t}m", "{t}x"))
		}),
		cacheCheck("pipeline/values", "operations on values have the results in a pipeline that they have outside of one, in order, and each its own error", queued("SET", "GET", "MGET", "DEL", "EXISTS"), func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			v := c.texts.In(p)
			first, second, get := v.Set("{t}a", "A"), v.Set("{t}a", "B", xcache.TTL(long)), v.Get("{t}a")
			add, replace := v.Add("{t}a", "C"), v.Replace("{t}none", "D")
			miss, or, empty := v.Get("{t}none"), v.GetOr("{t}none", "default"), v.Get("")
			many, there, gone := v.GetMany([]string{"{t}a", "{t}none"}), p.Has("{t}a"), p.Delete("{t}a", "{t}none")
			after, expired := v.Get("{t}a"), v.Set("{t}a", "E", xcache.TTL(-1))
			execErr := p.Exec(ctx)
			found, err := many.Value()
			return errors.Join(err, c.wantErr(execErr, xcache.ErrInvalidKey, "Exec"), expect(fmt.Sprint(found), "map[{t}a:B]", "GetMany"),
				is(first.Value())("Set", true, nil), is(second.Value())("Set again", true, nil), is(get.Value())("Get", "B", nil), is(add.Value())("Add", false, nil), is(replace.Value())("Replace", false, nil),
				is(miss.Value())("Get of nothing", "", xcache.ErrNotFound), is(or.Value())("GetOr", "default", nil), is(empty.Value())("Get of an empty key", "", xcache.ErrInvalidKey),
				is(there.Value())("Has", true, nil), is(gone.Value())("Delete", 1, nil), is(after.Value())("Get after Delete", "", xcache.ErrNotFound), is(expired.Value())("Set that has expired", true, nil), c.wantNone("{t}a"))
		}),
		cacheCheck("pipeline/not-executed", "a result that is read before Exec is ErrNotExecuted, and nothing is sent until then", queued("SET"), func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			set := c.texts.In(p).Set("k", "v")
			_, before := set.Value()
			return errors.Join(c.wantErr(before, xcache.ErrNotExecuted, "Value before Exec"), c.wantNone("k"), p.Exec(ctx), is(set.Value())("Value", true, nil), c.wantText(c.texts, "k", "v"))
		}),
		cacheCheck("pipeline/own-errors", "a miss or a failure of one operation is its own; the others succeed, and Exec tells about failures but not about misses", needs("SET", "GET", "RPUSH", driver.CmdIncr), func(ctx context.Context, c *cached) error {
			err := c.push(c.full("{t}list"), "a")
			p := c.Pipeline()
			v := c.texts.In(p)
			miss, incrMiss := v.Get("{t}none"), p.Incr("{t}none", 1)
			missErr := p.Exec(ctx)
			set, wrong, empty, text := v.Set("{t}k", "v"), v.Get("{t}list"), v.Get(""), p.Incr("{t}k", 1)
			get := v.Get("{t}k")
			execErr := p.Exec(ctx)
			return errors.Join(err, ok("Exec with misses", missErr), is(miss.Value())("Get", "", xcache.ErrNotFound), is(incrMiss.Value())("Incr", 0, xcache.ErrNotFound),
				c.wantErr(execErr, xcache.ErrWrongType, "Exec"), is(set.Value())("Set", true, nil), is(wrong.Value())("Get of a list", "", xcache.ErrWrongType),
				is(empty.Value())("Get of an empty key", "", xcache.ErrInvalidKey), is(text.Value())("Incr of a text", 0, xcache.ErrWrongType), is(get.Value())("Get", "v", nil))
		}),
		cacheCheck("pipeline/encodes-when-queued", "a value may be changed once it is queued", queued("SET"), func(ctx context.Context, c *cached) error {
			v := xcache.For[[]byte](c.Cache)
			p := c.Pipeline()
			value := []byte("value")
			set := v.In(p).Set("k", value)
			copy(value, "XXXXX")
			err := p.Exec(ctx)
			got, getErr := v.Get(ctx, "k")
			return errors.Join(err, getErr, is(set.Value())("Set", true, nil), expect(string(got), "value", "Get"))
		}),
		cacheCheck("pipeline/empty", "a pipeline of nothing succeeds", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(c.Pipeline().Exec(ctx), c.Pipeline().ExecAtomic(ctx))
		}),
		cacheCheck("pipeline/again", "a pipeline may be filled again after Exec, and sends nothing twice", queued("SET"), func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			c.texts.In(p).Set("{t}k", "v")
			xcache.For[int](c.Cache).In(p).Set("{t}n", 0)
			err := p.Exec(ctx)
			_, deleteErr := c.Delete(ctx, "{t}k")
			other := c.texts.In(p).Set("{t}other", "v")
			err = errors.Join(err, deleteErr, p.Exec(ctx), is(other.Value())("Set", true, nil), c.wantNone("{t}k"))
			if !c.queues(driver.CmdIncr) {
				return err
			}
			one := p.Incr("{t}n", 1)
			err = errors.Join(err, p.Exec(ctx))
			two := p.Incr("{t}n", 1)
			return errors.Join(err, p.Exec(ctx), is(one.Value())("first", 1, nil), is(two.Value())("second", 2, nil))
		}),
		cacheCheck("pipeline/prefixes-and-versions", "operations of a pipeline use the layout of the view that queued them", queued("SET"), func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			two := c.texts.With(xcache.WithVersion(2))
			c.texts.In(p).Set("{t}k", "one")
			two.In(p).Set("{t}k", "two")
			return errors.Join(p.Exec(ctx), c.wantText(c.texts, "{t}k", "one"), c.wantText(two, "{t}k", "two"))
		}),
		cacheCheck("pipeline/atomic", "nothing of anybody else happens between the operations of ExecAtomic", needs("SET", "GET"), func(ctx context.Context, c *cached) error {
			return together(rivals, func(i int) error {
				for n := range 10 {
					mine := fmt.Sprintf("%d of %d", n, i)
					p := c.Pipeline()
					c.texts.In(p).Set("k", mine)
					get := c.texts.In(p).Get("k")
					if err := errors.Join(p.ExecAtomic(ctx), is(get.Value())("Get", mine, nil)); err != nil {
						return err
					}
				}
				return nil
			})
		}),
		cacheCheck("pipeline/atomic-all-or-nothing", "if an operation of ExecAtomic is bad in itself, none is sent", needs("SET"), func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			good, bad := c.texts.In(p).Set("k", "v"), c.texts.In(p).Set("", "v")
			err := p.ExecAtomic(ctx)
			_, goodErr := good.Value()
			_, badErr := bad.Value()
			return errors.Join(that(err != nil, "ExecAtomic succeeded"), that(goodErr != nil, "the good operation has no error"), c.wantErr(badErr, xcache.ErrInvalidKey, "the bad operation"), c.wantNone("k"))
		}),
		{
			name:  "pipeline/one-round-trip",
			rule:  "a pipeline is one round trip, plain or atomic, and GetMany and SetMany are too",
			needs: needs(behindAddr, "SET", "GET", driver.CmdIncrInit),
			run: func(s *subject) error {
				f, err := s.proxied(s.key("warm"))
				if err != nil {
					return err
				}
				s.usedCache = true
				c, err := f.cache()
				if err != nil {
					return errors.Join(err, f.close())
				}
				fill := func() *xcache.Pipeline {
					p := c.Pipeline()
					for i := range 50 {
						c.texts.In(p).Set(fmt.Sprint("{t}", i), "v")
						c.texts.In(p).Get(fmt.Sprint("{t}", i))
						p.IncrInit(fmt.Sprint("{t}n", i), 1, 0)
					}
					return p
				}
				keys, values := []string{}, map[string]string{}
				for i := range 50 {
					keys = append(keys, fmt.Sprint("{t}", i))
					values[keys[i]] = "v"
				}
				errs := []error{fill().Exec(noDeadline), fill().ExecAtomic(noDeadline)} // loads scripts; a first transaction may need another round trip
				queued := append([]string{"{t}n49"}, keys...)
				for _, step := range []struct {
					name string
					keys []string
					run  func(ctx context.Context) error
				}{
					{"Exec", queued, func(ctx context.Context) error { return fill().Exec(ctx) }},
					{"ExecAtomic", queued, func(ctx context.Context) error { return fill().ExecAtomic(ctx) }},
					{"SetMany", keys, func(ctx context.Context) error { return c.texts.SetMany(ctx, values) }},
					{"GetMany", keys, func(ctx context.Context) error { _, err := c.texts.GetMany(ctx, keys); return err }},
					{"Delete", keys, func(ctx context.Context) error { _, err := c.Delete(ctx, keys...); return err }},
				} {
					errs = append(errs, f.wantOneRoundTrip(step.name, step.keys, step.run))
				}
				return errors.Join(append(errs, f.close())...)
			},
		},
	}
}

// cacheErrorChecks has section 5 of the contract, through a Cache.
func cacheErrorChecks() []check {
	return []check{
		cacheCheck("cache-errors/op-error", "a failure is an *OpError that names operation and key, and keeps what it wraps reachable", needs(counter), func(ctx context.Context, c *cached) error {
			err := c.texts.Set(ctx, "k", canary)
			_, incrErr := c.Incr(ctx, "k", 1)
			var op *xcache.OpError
			if !errors.As(incrErr, &op) {
				return errors.Join(err, fmt.Errorf("Incr of a text: %w is no *xcache.OpError", orNone(incrErr)))
			}
			return errors.Join(err, expect(op.Key, "k", "OpError.Key"), expect(op.Op, "incr", "OpError.Op"), c.wantErr(op.Err, xcache.ErrWrongType, "OpError.Err"))
		}),
		cacheCheck("cache-errors/text", "the text of an error begins with xcache: once, and shows no value", nil, func(ctx context.Context, c *cached) error {
			errs := []error{c.texts.Set(ctx, "k", canary)}
			var refusals []error
			if c.caps.Counter != nil {
				_, err := c.Incr(ctx, "k", 1)
				refusals = append(refusals, err)
			}
			_, corrupt := xcache.For[int](c.Cache).Get(ctx, "k")
			refusals = append(refusals, corrupt, c.texts.Set(ctx, "", canary), xcache.For[any](c.Cache).Set(ctx, "k", map[string]any{canary: make(chan int)}), c.texts.Set(ended(), "k", canary))
			for _, err := range refusals {
				if err == nil {
					errs = append(errs, errors.New("an operation that must fail succeeded"))
					continue
				}
				text := err.Error()
				errs = append(errs, that(strings.HasPrefix(text, "xcache: ") && strings.Count(text, "xcache:") == 1, "%q", text),
					that(!strings.Contains(text, canary), "%q shows a value", text), that(!strings.Contains(text, "\n"), "%q has several lines", text))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-errors/ended-context", "with a context that has ended every operation fails with its error, and nothing changes", nil, func(_ context.Context, c *cached) error {
			errs := []error{c.texts.Set(noDeadline, "k", "v", xcache.TTL(long))}
			for name, err := range c.callAll(ended(), "k") {
				errs = append(errs, c.wantErr(err, context.Canceled, "%s", name))
			}
			return errors.Join(append(errs, c.wantText(c.texts, "k", "v"), c.wantCacheTTL("k", long), c.wantNone("other"))...)
		}),
		{
			name:  "cache-errors/op-timeout",
			rule:  "an operation whose context has no deadline ends after op_timeout, as ErrUnavailable, though the server is silent",
			needs: needs(behindAddr),
			run: func(s *subject) error {
				f, err := s.proxied(s.key("warm"))
				if err != nil {
					return err
				}
				s.usedCache = true
				const timeout = 100 * time.Millisecond
				c, err := f.cache(xcache.WithOpTimeout(timeout))
				if err != nil {
					return errors.Join(err, f.close())
				}
				f.proxy.Stall()
				cancelable, cancel := context.WithCancel(context.Background())
				defer cancel()
				contexts := []context.Context{noDeadline, cancelable}
				err = together(len(contexts), func(i int) error {
					start, watch := time.Now(), stopwatch.Start()
					_, getErr := c.texts.Get(contexts[i], "k")
					setErr := c.texts.Set(contexts[i], "k", "v")
					took, ran := time.Since(start), watch.Stop()
					return errors.Join(s.wantErr(getErr, xcache.ErrUnavailable, "Get"), s.wantErr(setErr, xcache.ErrUnavailable, "Set"),
						that(took >= timeout && ran < 2*timeout+2*promptly, "both took %v, op_timeout is %v", took, timeout))
				})
				f.proxy.Resume()
				return errors.Join(err, f.close())
			},
		},
		cacheCheck("cache-close/idempotent", "Close may be called again, and from any view", nil, func(ctx context.Context, c *cached) error {
			err := c.texts.Set(ctx, "k", "v", xcache.TTL(time.Second))
			c.closed = true
			return errors.Join(err, c.Cache.Close(), c.Cache.Close(), c.With(xcache.WithVersion(2)).Close())
		}),
		cacheCheck("cache-close/refuses-calls", "after Close every operation of every view is ErrClosed", nil, func(_ context.Context, c *cached) error {
			c.closed = true
			errs := []error{c.Cache.Close()}
			for name, err := range c.callAll(noDeadline, "k") {
				errs = append(errs, c.wantErr(err, xcache.ErrClosed, "%s", name))
			}
			if c.caps.Scanner != nil {
				var last error
				for _, last = range c.Keys(noDeadline, "*") {
					continue
				}
				_, clearErr := c.Clear(noDeadline)
				errs = append(errs, c.wantErr(last, xcache.ErrClosed, "Keys"), c.wantErr(clearErr, xcache.ErrClosed, "Clear"))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-close/under-load", "Close while operations are under way lets them finish or refuses them, and leaves no goroutine", nil, func(ctx context.Context, c *cached) error {
			c.closed = true
			started := make(chan struct{}, rivals)
			return together(rivals+1, func(i int) error {
				if i == rivals {
					for range rivals {
						<-started
					}
					return c.Cache.Close()
				}
				for n := 0; ; n++ {
					err := c.texts.Set(ctx, fmt.Sprint(i), "v", xcache.TTL(time.Second))
					if n == 0 {
						started <- struct{}{}
					}
					if errors.Is(err, xcache.ErrClosed) {
						return nil
					}
					if err != nil {
						return err
					}
				}
			})
		}),
	}
}
