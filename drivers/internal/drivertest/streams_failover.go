package drivertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// consumerSurvives has one Consume go on while another server takes the place of its own, as
// lose does it: entries are added before, meanwhile and afterwards. Each entry that the new
// server has is handled, and is not pending in the end, and each entry that was acknowledged
// has been handled.
func consumerSurvives(t *testing.T, store driver.Store, lose func()) {
	t.Helper()
	streams, key := streamsOf(t, store), Key(t, "s")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var mu sync.Mutex
	handled := make(map[string]bool) // by value
	ended := make(chan error, 1)
	working, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		ended <- streams.Consume(working, key, "g", "c", func(_ context.Context, e mixins.Delivered[string]) error {
			mu.Lock()
			defer mu.Unlock()
			handled[e.Fields["f"]] = true
			return nil
		}, mixins.ConsumeOptions{MinIdle: time.Second})
	}()
	next := 0
	// add adds one entry, if there is a server that takes it.
	add := func() error {
		next++
		_, err := streams.XAdd(ctx, key, mixins.XAddOptions{}, map[string]string{"f": fmt.Sprint(next)})
		return err
	}
	for range 50 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	lost := make(chan struct{})
	var adding sync.WaitGroup
	adding.Go(func() {
		for {
			select {
			case <-lost:
				return
			case <-time.After(5 * time.Millisecond):
				_ = add() // there may be no server
			}
		}
	})
	lose()
	close(lost)
	adding.Wait()
	added := 0
	Eventually(t, func() bool {
		if add() == nil {
			added++
		}
		return added >= 50
	}, func() string { return "no server takes entries" })

	unhandled := func() (missing []string) {
		entries, err := streams.XRange(ctx, key, "-", "+", 0)
		summary, pendingErr := streams.XPending(ctx, key, "g")
		if err != nil || pendingErr != nil {
			return []string{fmt.Sprint(errors.Join(err, pendingErr))}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range entries {
			if !handled[e.Fields["f"]] {
				missing = append(missing, e.ID)
			}
		}
		if summary.Count > 0 {
			missing = append(missing, fmt.Sprintf("%d pending", summary.Count))
		}
		return missing
	}
	Eventually(t, func() bool { return len(unhandled()) == 0 }, func() string { return fmt.Sprint("not handled and acknowledged: ", unhandled()) })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Consume: %v", err)
	}
	t.Logf("of %d entries %d were handled", next, len(handled))
}
