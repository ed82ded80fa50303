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

// The channels on which sentinels tell of a new primary. The sentinel that carries out
// the failover publishes promoted first; each sentinel publishes switched after it has
// learnt of the end of the failover.
const (
	promoted = "+promoted-slave"
	switched = "+switch-master"
)

// The pauses between two subscriptions to a sentinel that fail: the first, and the
// longest.
const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// A listener listens to one sentinel. A message only makes the watcher ask all sentinels,
// so that a missed message does no harm: the next poll tells the same.
type listener struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// listen starts a listener for each sentinel without one. hear is called when the
// sentinels should be asked. The calls of hear may be concurrent; hear must not block.
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

// stop ends a listener, and waits for its end.
func (l *listener) stop() {
	l.cancel()
	<-l.ended
}

// listenTo listens to one sentinel until ctx ends, with pauses after failures: a sentinel
// may be down, or refuse the subscription. timeout bounds the time until a subscription
// stands.
func listenTo(ctx context.Context, sentinel driver.Exclusive, timeout time.Duration, status *status.Server, master string, hear func()) {
	wait := minBackoff
	var lost atomic.Bool // the loss of the subscription was told to the operator
	for {
		var subscribed atomic.Bool
		err := subscribe(ctx, sentinel, timeout, func(message string) {
			subscribed.Store(true)
			if lost.Swap(false) {
				status.Notify(driver.ListenerBack, nil)
			}
			// Messages before the new subscription were missed.
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

// subscribe listens to a sentinel until the connection is lost or ctx ends. subscribe
// calls hear with "" when the subscription stands, and then with each message.
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

// concerns reports whether a message names a primary.
func concerns(message, master string) bool {
	return slices.Contains(strings.Fields(message), master)
}
