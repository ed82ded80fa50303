package sentinel

import (
	"context"
	"errors"
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
		server, ok := one.node.(node.Exclusive)
		if !ok || one.listener != nil {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		l := &listener{cancel: cancel, ended: make(chan struct{})}
		one.listener = l
		running.Go(func() {
			defer close(l.ended)
			defer cancel()
			listenTo(ctx, server, s.settings.Shared().DialTimeout, one.status, s.settings.Master, hear)
		})
	}
}

// stop ends a listener, and waits for it.
func (l *listener) stop() {
	l.cancel()
	<-l.ended
}

// listenTo listens to one sentinel until ctx ends, with breaks while that fails: it
// is down, or does not permit it. A subscription stands within timeout, or is given up.
func listenTo(ctx context.Context, sentinel driver.Exclusive, timeout time.Duration, status *status.Server, master string, hear func()) {
	wait := minBackoff
	var lost atomic.Bool // and the operator knows
	for {
		var subscribed atomic.Bool
		err := subscribe(ctx, sentinel, timeout, func(message string) {
			subscribed.Store(true)
			if lost.Swap(false) {
				status.Notify(driver.ListenerBack, nil)
			}
			// A new subscription may have missed something.
			if message == "" || concerns(message, master) {
				hear()
			}
		})
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

var errNoMessage = errors.New("a message of an unexpected form")

// subscribe listens to a sentinel, and calls hear with "" when the subscription stands,
// and then with each message, until the connection is lost or ctx ends.
func subscribe(ctx context.Context, sentinel driver.Exclusive, timeout time.Duration, hear func(message string)) error {
	soon, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	session, err := sentinel.Exclusive(soon, "")
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	if err := session.Send(soon, []*driver.Cmd{driver.NewCustomCmd("SUBSCRIBE", driver.Literal(promoted), driver.Literal(switched))}); err != nil {
		return err
	}
	for confirmed := 0; ; {
		received := soon
		if confirmed == 2 {
			received = ctx
		}
		in, err := session.Receive(received)
		switch {
		case err != nil:
			return err
		case len(in.Reply.Items) != 3:
			return errNoMessage
		case text(&in.Reply.Items[0]) == "message":
			hear(text(&in.Reply.Items[2]))
		default:
			if confirmed++; confirmed == 2 {
				hear("")
			}
		}
	}
}

// concerns reports whether a message is about a primary, which sentinels name
// among the addresses.
func concerns(message, master string) bool {
	return slices.Contains(strings.Fields(message), master)
}
