package drivertest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
)

// writers write keys of their own, one after the other, as fast as they can.
type writers struct {
	view    *xcache.View[string]
	cancel  context.CancelFunc
	running sync.WaitGroup

	succeeded atomic.Int64
	unknown   atomic.Int64 // writes with an unknown outcome
	refused   atomic.Int64 // writes that failed, and changed nothing
	slowest   atomic.Int64

	mu           sync.Mutex
	acknowledged []string
	failed       []string // keys of writes that were not applied
	errs         map[string]int
}

var ports = regexp.MustCompile(`:\d+`)

func startWriters(t testing.TB, v *xcache.View[string], n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &writers{view: v, cancel: cancel, errs: map[string]int{}}
	for i := range n {
		w.running.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				w.write(fmt.Sprintf("%d-%d", i, j))
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// write writes one key. The call has no deadline but op_timeout.
func (w *writers) write(key string) {
	start := time.Now()
	err := w.view.Set(context.Background(), key, key)
	took := int64(time.Since(start))
	for {
		before := w.slowest.Load()
		if took <= before || w.slowest.CompareAndSwap(before, took) {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.succeeded.Add(1)
		w.acknowledged = append(w.acknowledged, key)
	case errors.Is(err, xcache.ErrUnknownOutcome):
		w.unknown.Add(1)
	default:
		w.refused.Add(1)
		w.failed = append(w.failed, key)
	}
	if failure, ok := errors.AsType[*xcache.OpError](err); ok {
		w.errs[ports.ReplaceAllString(failure.Err.Error(), ":…")]++
	}
}

// stop ends the writers and waits for them.
func (w *writers) stop() {
	w.cancel()
	w.running.Wait()
}

// awaitProgress waits for some writes that succeed.
func (w *writers) awaitProgress(t testing.TB) {
	t.Helper()
	from := w.succeeded.Load()
	Eventually(t, func() bool { return w.succeeded.Load() > from+100 }, func() string { return "writes do not succeed" })
}

// report logs the outcomes of the writes. The test fails if a key is there
// whose write is said to have changed nothing. report returns the number of
// acknowledged keys that are not there.
func (w *writers) report(t testing.TB, v *xcache.View[string], took time.Duration) (lost int) {
	t.Helper()
	there := func(keys []string) (n int) {
		for len(keys) > 0 {
			some := keys[:min(1000, len(keys))]
			keys = keys[len(some):]
			found, err := v.GetMany(t.Context(), some)
			if err != nil {
				t.Fatal(err)
			}
			n += len(found)
		}
		return n
	}
	lost = len(w.acknowledged) - there(w.acknowledged)
	t.Logf("first success after %v, slowest call %v: %d writes acknowledged, %d of them lost to replication, %d of unknown outcome, %d failed",
		took.Round(time.Millisecond), time.Duration(w.slowest.Load()).Round(time.Millisecond), len(w.acknowledged), lost, w.unknown.Load(), len(w.failed))
	for text, n := range w.errs {
		t.Logf("%6d × %s", n, text)
	}
	if lied := there(w.failed); lied > 0 {
		t.Errorf("%d writes are said to have changed nothing, and have", lied)
	}
	return lost
}
