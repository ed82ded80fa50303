package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// fmtType names the type of a value.
func fmtType(v any) string { return fmt.Sprintf(" (%T)", v) }

// luaChecks has the checks of scripts that need more than a sequence of calls.
func luaChecks() []check {
	eval := needs("EVAL", "EVALSHA")
	return []check{
		cacheCheck("scripts/supported", "a store that runs no scripts is errors.ErrUnsupported when a handle is made, one that does is not; functions likewise", nil, func(_ context.Context, c *cached) error {
			scripts, err := mixins.NewScripts(c.Cache)
			if !c.runsGroup(driver.GroupScripts) {
				return c.wantErr(err, errors.ErrUnsupported, "NewScripts")
			}
			if err != nil {
				return err
			}
			_, err = mixins.NewFunction(scripts, "nosuch", mixins.AsInt)
			if c.runsGroup(driver.GroupFunctions) {
				return ok("NewFunction", err)
			}
			return c.wantErr(err, errors.ErrUnsupported, "NewFunction")
		}),
		cacheCheck("scripts/unknown-to-the-server", "a script that the server has never seen, or has forgotten, is run, once", append(eval, "INCRBY"), func(ctx context.Context, c *cached) error {
			count, err := c.counting()
			if err != nil {
				return err
			}
			errs := []error{is(count.Run(ctx, []string{keyA}, 1))("the first run", 1, nil), is(count.Run(ctx, []string{keyA}, 1))("the second run", 2, nil)}
			if c.flushScripts() {
				errs = append(errs, is(count.Run(ctx, []string{keyA}, 1))("a run after SCRIPT FLUSH", 3, nil))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("scripts-queued/unknown-to-the-server", "in a pipeline, and in a transaction: scripts that the server has never seen, or has forgotten, are run, once each and in order", append(append(queued("EVAL", "GET"), eval...), "INCRBY"), func(ctx context.Context, c *cached) error {
			numbers := xcache.For[int64](c.Cache)
			run := func(exec func(*xcache.Pipeline) error) error {
				count, err := c.counting()
				if err != nil {
					return err
				}
				other, otherErr := c.counting()
				p := c.Pipeline()
				set := numbers.In(p).Set(keyA, 10)
				var results []*xcache.Result[int64]
				for _, script := range []*mixins.Script[int64]{count, other, count, other, count} {
					results = append(results, script.In(p).Run([]string{keyA}, 1), numbers.In(p).Get(keyA))
				}
				errs := []error{otherErr, exec(p), set.Err()}
				for i, result := range results {
					errs = append(errs, is(result.Value())(fmt.Sprintf("result %d", i+1), int64(11+i/2), nil))
				}
				return errors.Join(errs...)
			}
			plain := func(p *xcache.Pipeline) error { return p.Exec(ctx) }
			atomic := func(p *xcache.Pipeline) error { return p.ExecAtomic(ctx) }
			errs := []error{run(plain), run(atomic)}
			if c.flushScripts() {
				errs = append(errs, run(plain))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("scripts/own-errors-in-a-pipeline", "a script that fails in a pipeline loses no other result, also one that cannot be compiled", append(append(queued("EVAL"), eval...), "SET"), func(ctx context.Context, c *cached) error {
			scripts, err := mixins.NewScripts(c.Cache)
			if err != nil {
				return err
			}
			p := c.Pipeline()
			good, bad, broken := mixins.NewScript(scripts, "return 7", mixins.AsInt), mixins.NewScript(scripts, "return redis.error_reply('MINE own')", mixins.AsInt), mixins.NewScript(scripts, "return (", mixins.AsInt)
			first, failed, refused, again, last := good.In(p).Run(nil), bad.In(p).Run(nil), broken.In(p).Run(nil), broken.In(p).Run(nil), good.In(p).Run(nil)
			execErr := p.Exec(ctx)
			return errors.Join(c.wantErr(execErr, xcache.ErrScript, "Exec"), is(first.Value())("the first script", 7, nil), is(failed.Value())("the script that fails", 0, xcache.ErrScript),
				is(refused.Value())("the script that is none", 0, xcache.ErrSyntax), is(again.Value())("the same again", 0, xcache.ErrSyntax), is(last.Value())("the last script", 7, nil))
		}),
		cacheCheck("scripts/atomic", "a script runs with nothing of anybody else in between", append(eval, "GET", "SET"), func(ctx context.Context, c *cached) error {
			scripts, err := mixins.NewScripts(c.Cache)
			if err != nil {
				return err
			}
			add := mixins.NewScript(scripts, "local n = tonumber(redis.call('GET', KEYS[1]) or 0) redis.call('SET', KEYS[1], n + 1) return n + 1", mixins.AsInt)
			const each = 20
			err = together(rivals, func(int) error {
				for range each {
					if _, err := add.Run(ctx, []string{keyA}); err != nil {
						return err
					}
				}
				return nil
			})
			return errors.Join(err, is(xcache.For[int](c.Cache).Get(ctx, keyA))("the sum", rivals*each, nil))
		}),
		cacheCheck("scripts/several-slots", "a script with keys in several slots is run as a whole, or is ErrCrossSlot and changes nothing", append(eval, "SET", "GET"), func(ctx context.Context, c *cached) error {
			scripts, err := mixins.NewScripts(c.Cache)
			if err != nil {
				return err
			}
			both := mixins.NewScript(scripts, "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1]) return 1", mixins.AsInt)
			n, err := both.Run(ctx, []string{"{a}k", "{b}k"}, mixins.Encoded("v"))
			if err == nil {
				return errors.Join(is(n, nil)("the script", 1, nil), c.wantText(c.texts, "{a}k", "v"), c.wantText(c.texts, "{b}k", "v"))
			}
			return errors.Join(c.wantErr(err, xcache.ErrCrossSlot, "the script"), that(!errors.Is(err, xcache.ErrUnknownOutcome), "its outcome is unknown: %v", err), c.wantNone("{a}k", "{b}k"))
		}),
		cacheCheck("functions/unknown", "a function that the server does not have is ErrScript, and nothing was run", needs("FCALL"), func(ctx context.Context, c *cached) error {
			scripts, err := mixins.NewScripts(c.Cache)
			if err != nil {
				return err
			}
			function, err := mixins.NewFunction(scripts, "xcachetest_nosuch", mixins.AsInt)
			if err != nil {
				return err
			}
			_, err = function.FCall(ctx, []string{keyA}, 1)
			return errors.Join(c.wantErr(err, xcache.ErrScript, "FCall"), that(!errors.Is(err, xcache.ErrUnknownOutcome), "its outcome is unknown: %v", err))
		}),
	}
}

// runsGroup reports whether the store runs the commands of a group.
func (s *subject) runsGroup(group driver.Group) bool {
	return s.caps.Commander != nil && s.caps.Commander.Commands().HasGroup(group)
}

// counting returns a script that adds to a counter. No server has seen the script before.
func (c *cached) counting() (*mixins.Script[int64], error) {
	scripts, err := mixins.NewScripts(c.Cache)
	if err != nil {
		return nil, err
	}
	source := fmt.Sprintf("return redis.call('INCRBY', KEYS[1], ARGV[1]) -- %s%d", strings.TrimSuffix(c.prefix, ":"), rand.Uint64())
	return mixins.NewScript(scripts, source, mixins.AsInt), nil
}

// flushScripts makes the server forget all scripts, and reports whether the server did.
func (s *subject) flushScripts() bool {
	if !s.h.Exclusive {
		return false
	}
	flush := driver.NewCustomCmd("SCRIPT", literal("FLUSH"))
	err := s.caps.Commander.Do(noDeadline, []*driver.Cmd{flush}, driver.Plain)
	return err == nil && flush.Err == nil
}
