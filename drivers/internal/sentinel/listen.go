package sentinel

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// Where sentinels tell that a server has become the primary: the one that replaces
// it as soon as it knows, and each when all is done or when it has heard of it.
const (
	promoted = "+promoted-slave"
	switched = "+switch-master"
)

// How long it takes to listen to a sentinel again that could not be listened to: at
// first, and at most.
const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// A listener listens to one sentinel. What it hears is only a reason to ask all of
// them, and what it misses they tell when they are asked the next time.
type listener struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// listen begins to listen to the sentinels that nobody listens to yet. hear is
// called when they should be asked; it may be called concurrently, and does not block.
func (s *sentinels) listen(ctx context.Context, running *sync.WaitGroup, hear func()) {
	for _, one := range s.list {
		server, ok := one.node.(node.Listener)
		if !ok || one.listener != nil {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listener{cancel: cancel, ended: make(chan struct{})}
		one.listener = l
		running.Go(func() {
			defer close(l.ended)
			defer cancel()
			listenTo(ctx, server, one.status, s.settings.Master, hear)
		})
	}
}

// stop ends a listener, and waits for it.
func (l *listener) stop() {
	l.cancel()
	<-l.ended
}

// listenTo listens to one sentinel until ctx ends, with breaks while that fails: it
// is down, or does not permit it.
func listenTo(ctx context.Context, sentinel node.Listener, status *status.Server, master string, hear func()) {
	wait := minBackoff
	var lost atomic.Bool // and the operator knows
	for {
		var subscribed atomic.Bool
		err := sentinel.Listen(ctx, func(message string) {
			subscribed.Store(true)
			if lost.Swap(false) {
				status.Notify(driver.ListenerBack, nil)
			}
			// A new subscription may have missed something.
			if message == "" || concerns(message, master) {
				hear()
			}
		}, promoted, switched)
		if subscribed.Load() {
			wait = minBackoff
		}
		if ctx.Err() == nil && !lost.Swap(true) {
			status.Notify(driver.ListenerLost, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		wait = min(2*wait, maxBackoff)
	}
}

// concerns reports whether a message is about a primary, which sentinels name
// among the addresses.
func concerns(message, master string) bool {
	return slices.Contains(strings.Fields(message), master)
}
