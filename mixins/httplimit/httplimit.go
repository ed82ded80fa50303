// Package httplimit is a middleware for net/http. The middleware answers 429 to requests above
// the rate limits of package mixins, and header fields tell clients how many units are left.
//
//	limit, err := httplimit.New(limits, httplimit.Options{
//		Subject: func(r *http.Request) string { return r.Header.Get("Api-Key") },
//		Limits:  []mixins.RateLimit{{Limit: 100, Window: time.Minute}},
//	})
//	http.ListenAndServe(":8080", limit(mux))
//
// The fields come from draft-ietf-httpapi-ratelimit-headers-06. Most clients know these fields:
//
//	RateLimit-Limit: 100
//	RateLimit-Remaining: 12
//	RateLimit-Reset: 30
//	RateLimit-Policy: 100;w=60
//
// The first three fields describe the limit that the client should heed: the limit that refused,
// or else the limit with the fewest units left. RateLimit-Policy has all limits. The answer to a
// refused request has Retry-After as well, in seconds, and RateLimit-Reset agrees with that field.
package httplimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// Options are the options of New. Subject and Limits are required. The middleware calls the
// functions concurrently.
type Options struct {
	// Subject returns the subject of a request, such as an API key, a user or an address. A
	// request with the subject "" is not limited.
	Subject func(r *http.Request) string
	// Limits are the limits of each subject.
	Limits []mixins.RateLimit
	// Cost returns the number of units that a request takes. With nil each request takes 1 unit.
	// A cost below 0, or above the units that a limit can have at once, is an error for Failed,
	// with xcache.ErrSyntax.
	Cost func(r *http.Request) int
	// Refused writes the answer to a refused request, after the fields were added. With nil the
	// answer is status 429 and a line of text.
	Refused http.Handler
	// Failed is called with the error when the limits cannot be asked. Failed reports whether the
	// request is served without limits; if not, Failed has written the answer. The Observer of the
	// cache hears of the store's errors in any case.
	//
	// With nil the request is served while the store is down, so that the API does not fail with
	// the store: after xcache.ErrUnavailable, ErrReadOnly, ErrOutOfMemory, ErrAuth and ErrClosed.
	// Any other error, such as an impossible cost or limits in several slots of a cluster, would
	// last: the answer is status 500.
	//
	// Failed is not called if the context of the request ends before the limits have answered.
	// Such a request is not served, and takes units only if its context ended during the call. A
	// client that has left gets no answer, and the end of a deadline is status 503.
	Failed func(w http.ResponseWriter, r *http.Request, err error) bool
}

// New returns the middleware. All handlers that the middleware is put around share the limits. The
// error tells which option is missing, or is xcache.ErrSyntax for an impossible limit.
func New(limits *mixins.RateLimits, options Options) (func(http.Handler) http.Handler, error) {
	switch {
	case limits == nil:
		return nil, errors.New("xcache: httplimit: there are no rate limits to ask: give it what mixins.NewRateLimits returns")
	case options.Subject == nil:
		return nil, errors.New("xcache: httplimit: Subject is required")
	case len(options.Limits) == 0:
		return nil, errors.New("xcache: httplimit: Limits is required")
	}
	options.Limits = slices.Clone(options.Limits)
	for _, l := range options.Limits {
		if err := l.Validate(0); err != nil {
			return nil, err
		}
	}
	policy := policyOf(options.Limits)
	return func(next http.Handler) http.Handler {
		return &limited{limits, options, policy, next}
	}, nil
}

// limited is a handler behind limits.
type limited struct {
	limits  *mixins.RateLimits
	options Options
	policy  string
	next    http.Handler
}

// ServeHTTP implements http.Handler.
func (l *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	subject := l.options.Subject(r)
	if subject == "" {
		l.next.ServeHTTP(w, r)
		return
	}
	cost := 1
	if l.options.Cost != nil {
		cost = l.options.Cost(r)
	}
	result, err := l.limits.AllowN(r.Context(), subject, cost, l.options.Limits...)
	switch {
	case err == nil:
	case r.Context().Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		ended(w, cmp.Or(r.Context().Err(), err))
		return
	default:
		l.failed(w, r, err)
		return
	}
	tightest := result.Tightest()
	reset := tightest.Reset
	if !result.Allowed {
		reset = tightest.RetryAfter
		w.Header().Set("Retry-After", seconds(reset))
	}
	w.Header().Set("RateLimit-Limit", strconv.Itoa(tightest.Limit))
	w.Header().Set("RateLimit-Remaining", strconv.Itoa(tightest.Remaining))
	w.Header().Set("RateLimit-Reset", seconds(reset))
	w.Header().Set("RateLimit-Policy", l.policy)
	switch {
	case result.Allowed:
		l.next.ServeHTTP(w, r)
	case l.options.Refused != nil:
		l.options.Refused.ServeHTTP(w, r)
	default:
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
	}
}

// ended answers a request whose context has ended. Only the end of a deadline has a client that
// still waits, and that would get status 200 without an answer.
func ended(w http.ResponseWriter, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
}

// failed answers a request after the limits could not be asked.
func (l *limited) failed(w http.ResponseWriter, r *http.Request, err error) {
	serves := isOutage(err)
	if l.options.Failed != nil {
		serves = l.options.Failed(w, r, err)
	} else if !serves { // the error lasts when the store is back
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	if serves {
		l.next.ServeHTTP(w, r)
	}
}

// isOutage reports whether err is a failure of the store, and not of the call.
func isOutage(err error) bool {
	for _, outage := range []error{xcache.ErrUnavailable, xcache.ErrReadOnly, xcache.ErrOutOfMemory, xcache.ErrAuth, xcache.ErrClosed} {
		if errors.Is(err, outage) {
			return true
		}
	}
	return false
}

// policyOf returns the field RateLimit-Policy.
func policyOf(limits []mixins.RateLimit) string {
	items := make([]string, len(limits))
	for i, l := range limits {
		items[i] = fmt.Sprintf("%d;w=%s", l.Limit, seconds(l.Window))
		if l.Burst > 0 {
			items[i] += fmt.Sprintf(";burst=%d", l.Burst)
		}
	}
	return strings.Join(items, ", ")
}

// seconds rounds up to whole seconds, so that no client comes again too early.
func seconds(d time.Duration) string {
	whole := int64(d / time.Second)
	if d%time.Second > 0 {
		whole++
	}
	return strconv.FormatInt(whole, 10)
}
