package xcachetest

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// electing are the needs of checks of loads with OneLoader or NegativeTTL.
var electing = needs("GET", driver.CmdLease, driver.CmdLeaseElect, driver.CmdLeaseFill, driver.CmdLeaseReplace, driver.CmdLeaseRevoke)

var errOnce = errors.New("loaded once too often")

func onceTooOften(context.Context) (string, error) { return "", errOnce }

func loadsOnce(ctx context.Context, c *cached) error {
	one := c.texts.With(xcache.OneLoader(time.Hour))
	second, err := c.cache(xcache.OneLoader(time.Hour))
	if err != nil {
		return err
	}
	other := second.texts
	var errs []error
	for _, key := range []string{"a", "{tag}b"} {
		waits := func() error {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			_, err := other.GetOrSet(short, key, onceTooOften)
			_, manyErr := other.GetOrSetMany(short, []string{key}, func(ctx context.Context, _ []string) (map[string]string, error) {
				return nil, errOnce
			})
			return errors.Join(that(errors.Is(err, context.DeadlineExceeded), "GetOrSet during the load of another cache: %v, want the end of the context", err),
				that(errors.Is(manyErr, context.DeadlineExceeded), "GetOrSetMany during the load of another cache: %v, want the end of the context", manyErr))
		}
		errs = append(errs, is(one.GetOrSet(ctx, key, func(context.Context) (string, error) { return "loaded", waits() }))("GetOrSet", "loaded", nil),
			is(other.GetOrSet(ctx, key, onceTooOften))("GetOrSet of what was loaded", "loaded", nil))
	}
	_, failed := one.GetOrSet(ctx, "failed", onceTooOften)
	return errors.Join(append(errs, that(errors.Is(failed, errOnce), "a load that fails: %v", failed),
		is(other.GetOrSet(ctx, "failed", func(context.Context) (string, error) { return "next", nil }))("GetOrSet after a load that failed", "next", nil))...)
}

func remembersMissing(ctx context.Context, c *cached) error {
	negative := c.texts.With(xcache.NegativeTTL(long))
	second, err := c.cache()
	if err != nil {
		return err
	}
	other := second.texts
	none := func(context.Context) (string, error) { return "", xcache.ErrNotFound }
	noneOf := func(context.Context, []string) (map[string]string, error) { return nil, nil }
	var errs []error
	for key, remember := range map[string]func(key string) error{
		"one": func(key string) error {
			_, err := negative.GetOrSet(ctx, key, none)
			return that(errors.Is(err, xcache.ErrNotFound), "GetOrSet of a missing value: %v", err)
		},
		"{tag}many": func(key string) error { _, err := negative.GetOrSetMany(ctx, []string{key}, noneOf); return err },
	} {
		for end, ending := range map[string]func() error{
			"Delete": func() error { return c.wantCount(0)(second.Delete(ctx, key)) },
			"Set":    func() error { return other.Set(ctx, key, "new") },
		} {
			errs = append(errs, remember(key))
			for _, v := range []*xcache.View[string]{other, other.With(xcache.OneLoader(time.Hour))} {
				_, err := v.GetOrSet(ctx, key, onceTooOften)
				got, manyErr := v.GetOrSetMany(ctx, []string{key}, func(context.Context, []string) (map[string]string, error) { return nil, errOnce })
				errs = append(errs, that(isBare(err, xcache.ErrNotFound), "GetOrSet of a missing value that is remembered: %v, want the bare ErrNotFound", err),
					manyErr, expect(len(got), 0, "values of a missing key"))
			}
			errs = append(errs, c.wantNone(key), ok(end, ending()), is(other.GetOrSet(ctx, key, func(context.Context) (string, error) { return "new", nil }))("GetOrSet after "+end, "new", nil),
				c.wantCount(1)(c.Delete(ctx, key)))
		}
	}
	return errors.Join(errs...)
}
