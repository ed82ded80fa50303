package xcache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// A deadStore is the store of a server that is down.
type deadStore struct{}

var errRefused = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("connection refused"))

func (deadStore) Get(context.Context, []string, []driver.Value) error { return errRefused }

func (deadStore) Set(context.Context, []driver.Entry) error { return errRefused }

func (deadStore) Delete(context.Context, []string) (int, error) { return 0, errRefused }

func (deadStore) Close() error { return nil }

func ExampleWithOnError() {
	ctx := context.Background()
	c, err := xcache.New(deadStore{}, xcache.WithOnError(xcache.OnErrorMiss))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c)

	name, err := users.GetOrSet(ctx, "42", func(context.Context) (string, error) { return "Ada", nil })
	fmt.Println(name, err)
	fmt.Println(users.Set(ctx, "42", "Grace"))
	fmt.Println(users.With(xcache.WithOnError(xcache.OnErrorFail)).Set(ctx, "42", "Grace"))
	// Output:
	// Ada <nil>
	// <nil>
	// xcache: set "42": server unavailable: connection refused
}

func ExampleErrorPolicy() {
	ctx := context.Background()
	c, err := xcache.New(deadStore{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	for _, policy := range []xcache.ErrorPolicy{xcache.OnErrorFail, xcache.OnErrorMiss} {
		_, err := xcache.For[string](c.With(xcache.WithOnError(policy))).Get(ctx, "42")
		fmt.Println(err)
	}
	// Output:
	// xcache: get "42": server unavailable: connection refused
	// xcache: key not found
}

func ExampleFailedOpen() {
	ctx := context.Background()
	c, err := xcache.New(deadStore{}, xcache.WithOnError(xcache.OnErrorMiss))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = xcache.For[string](c).GetMany(ctx, []string{"1", "2", "3"})
	_, _ = c.Delete(ctx, "1")

	hidden := c.FailedOpen()
	fmt.Println(hidden.Reads.Unavailable, hidden.Writes.Unavailable)
	// Output: 3 1
}

func ExampleFailedOpenCauses() {
	causes := xcache.FailedOpenCauses{Unavailable: 5, BreakerOpen: 995}
	fmt.Printf("%d of %d were not sent\n", causes.BreakerOpen, causes.Total())
	// Output: 995 of 1000 were not sent
}

func ExampleBreaker() {
	ctx := context.Background()
	c, err := xcache.New(deadStore{}, xcache.WithBreaker(xcache.Breaker{Failures: 2}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	for range 3 {
		_, err = c.Has(ctx, "42")
		_, open := errors.AsType[*xcache.BreakerOpenError](err)
		fmt.Println(open, errors.Is(err, xcache.ErrUnavailable))
	}
	// Output:
	// false true
	// false true
	// true true
}

func ExampleBreakerOpenError() {
	var err error = &xcache.BreakerOpenError{Server: "cache-1:6379", RetryAfter: 80_000_000}
	if open, ok := errors.AsType[*xcache.BreakerOpenError](err); ok {
		fmt.Println(open.Server, open.RetryAfter)
	}
	fmt.Println(err)
	// Output:
	// cache-1:6379 80ms
	// xcache: circuit breaker of cache-1:6379 open, next probe in 80ms
}

func ExampleInFlightError() {
	var err error = &xcache.InFlightError{Server: "cache-1:6379", Limit: 200}
	if full, ok := errors.AsType[*xcache.InFlightError](err); ok {
		fmt.Println(full.Limit)
	}
	fmt.Println(err)
	// Output:
	// 200
	// xcache: 200 calls are in flight at cache-1:6379, no more are sent
}
