package drivertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A workforce has two consumers of one group, and a speaker that adds entries to their stream
// all the time.
type workforce struct {
	streams *mixins.Streams[string]
	key     string
	adding  *speaker
	stop    context.CancelFunc
	ended   chan error

	mu      sync.Mutex     // guards the fields below
	handled map[string]int // how often, by ID
}

const consumersAtWork = 2

// startWorkforce returns when entries are handled.
func startWorkforce(t *testing.T, cache *xcache.Cache, key string) *workforce {
	t.Helper()
	streams, err := mixins.NewStreams[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	w := &workforce{streams: streams, key: key, stop: stop, ended: make(chan error, consumersAtWork), handled: make(map[string]int)}
	w.adding = startSpeaker(t.Context(), func(ctx context.Context, n int) error {
		time.Sleep(10 * time.Millisecond) // two processors have six servers to run
		_, err := streams.XAdd(ctx, key, mixins.XAddOptions{}, map[string]string{"f": fmt.Sprint(n)})
		return err
	})
	for i := range consumersAtWork {
		go func() { w.ended <- w.consume(ctx, fmt.Sprint(i)) }()
	}
	w.awaitHandled(t, 20)
	return w
}

func (w *workforce) consume(ctx context.Context, name string) error {
	return w.streams.Consume(ctx, w.key, "g", name, func(_ context.Context, e mixins.Delivered[string]) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.handled[e.ID]++
		return nil
	}, mixins.ConsumeOptions{MinIdle: time.Second})
}

// awaitHandled waits until so many more entries have been handled.
func (w *workforce) awaitHandled(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.handled)
	}
	want := count() + more
	Eventually(t, func() bool { return count() >= want }, func() string { return "the consumers handle nothing any more" })
}

// end waits until the consumers have handled new entries, and then makes everybody stop. The
// test fails if an entry is not handled and acknowledged, or if a consumer has ended by itself.
func (w *workforce) end(t *testing.T) {
	t.Helper()
	w.awaitHandled(t, 50)
	w.adding.stop()
	var left error
	Eventually(t, func() bool {
		left = w.left(t.Context())
		return left == nil
	}, func() string { return left.Error() })
	w.leave()
	for range consumersAtWork {
		if err := <-w.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Consume returned %v", err)
		}
	}
	again := 0
	for _, times := range w.handled {
		if times > 1 {
			again++
		}
	}
	t.Logf("the consumers have handled %d entries, %d of them more than once", len(w.handled), again)
}

// leave makes everybody stop.
func (w *workforce) leave() {
	w.adding.stop()
	w.stop()
}

// left returns an error if there is an entry that nobody has handled and acknowledged.
func (w *workforce) left(ctx context.Context) error {
	entries, err := w.streams.XRange(ctx, w.key, "-", "+", 0)
	summary, pendingErr := w.streams.XPending(ctx, w.key, "g")
	if err := errors.Join(err, pendingErr); err != nil {
		return err
	}
	if summary.Count > 0 {
		return fmt.Errorf("%d entries are pending", summary.Count)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		if w.handled[e.ID] == 0 {
			return fmt.Errorf("entry %s is at the server, and was not handled", e.ID)
		}
	}
	return nil
}
