package drivertest

import (
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A bystander sends PING to servers, again and again and past the driver. The driver is not to
// blame for a call that takes as long as a call of the bystander: then the machine is busy.
type bystander struct {
	watch *stopwatch.Watch

	mu      sync.Mutex                           // guards the fields below
	waiting map[*servertest.Server]time.Duration // when the call at a server began, on the watch
	longest time.Duration                        // of the calls that have ended
}

// startBystander starts a bystander that ends with the test.
func startBystander(t testing.TB, servers ...*servertest.Server) *bystander {
	t.Helper()
	b := &bystander{watch: stopwatch.Start(), waiting: make(map[*servertest.Server]time.Duration)}
	ended := make(chan struct{})
	var calling sync.WaitGroup
	for _, server := range servers {
		conn := server.Dial(t)
		calling.Go(func() {
			for b.ping(server, conn) == nil {
				select {
				case <-ended:
					return
				case <-time.After(loadPause):
				}
			}
		})
	}
	t.Cleanup(func() {
		close(ended)
		calling.Wait()
		b.watch.Stop()
	})
	return b
}

func (b *bystander) ping(server *servertest.Server, conn *servertest.Conn) error {
	began := b.watch.Elapsed()
	b.mu.Lock()
	b.waiting[server] = began
	b.mu.Unlock()
	_, err := conn.Try("PING")
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, server)
	b.longest = max(b.longest, b.watch.Elapsed()-began)
	return err
}

// waited returns how long the longest call has taken so far.
func (b *bystander) waited() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	longest := b.longest
	for _, began := range b.waiting {
		longest = max(longest, b.watch.Elapsed()-began)
	}
	return longest
}
