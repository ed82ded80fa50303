package mixins

import (
	"context"
	"sync"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// An inbox has the events of a subscription that wait for the loop.
type inbox struct {
	options SubscribeOptions
	filled  chan struct{} // has an element when the inbox may have an event
	emptied chan struct{} // has an element when the inbox may have room

	mu      sync.Mutex // guards the fields below
	waiting []waiting
	count   int   // the number of messages that wait
	err     error // the reason why no more events come
}

// A waiting event is a delivery, or a number of dropped messages if the delivery is nil.
type waiting struct {
	delivery *xcache.Delivery
	missed   int
}

func newInbox(options SubscribeOptions) *inbox {
	return &inbox{options: options, filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1)}
}

// put adds an event. With the option Wait, put waits for room until ctx ends.
func (b *inbox) put(ctx context.Context, d *xcache.Delivery) {
	for !b.add(d) {
		select {
		case <-b.emptied:
		case <-ctx.Done():
			return
		}
	}
	signal(b.filled)
}

// add reports false if the event has to wait for room. Events other than messages always
// have room.
func (b *inbox) add(d *xcache.Delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := d.Event == driver.Published && b.count >= b.options.Buffer
	switch {
	case full && b.options.WhenFull == Wait:
		return false
	case full && b.options.WhenFull == DropNewest:
		if last := len(b.waiting) - 1; b.waiting[last].delivery == nil {
			b.waiting[last].missed++
		} else {
			b.waiting = append(b.waiting, waiting{missed: 1})
		}
		return true
	case full:
		b.dropOldest()
	case d.Event == driver.Resubscribed && b.endsWithGap():
		return true // two gaps in a row tell no more than one gap
	}
	if d.Event == driver.Published {
		b.count++
	}
	b.waiting = append(b.waiting, waiting{delivery: d})
	return true
}

// endsWithGap reports whether the last waiting event is a lost connection.
func (b *inbox) endsWithGap() bool {
	if len(b.waiting) == 0 {
		return false
	}
	last := b.waiting[len(b.waiting)-1].delivery
	return last != nil && last.Event == driver.Resubscribed
}

// dropOldest replaces the oldest message by a gap, or adds the message to the gap before.
func (b *inbox) dropOldest() {
	for i := range b.waiting {
		if w := &b.waiting[i]; w.delivery != nil && w.delivery.Event == driver.Published {
			b.count--
			if i > 0 && b.waiting[i-1].delivery == nil {
				b.waiting[i-1].missed++
				copy(b.waiting[1:i+1], b.waiting[:i]) // moves the few events before, and not the many behind
				b.waiting = b.waiting[1:]
			} else {
				*w = waiting{missed: 1}
			}
			return
		}
	}
}

// end sets the reason why no more events come after the waiting events.
func (b *inbox) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	signal(b.filled)
}

// clear drops the waiting events.
func (b *inbox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.count = nil, 0
}

// take waits for the next event: a delivery, or a number of dropped messages.
func (b *inbox) take() (d *xcache.Delivery, missed int, err error) {
	for {
		b.mu.Lock()
		if len(b.waiting) > 0 {
			next := b.waiting[0]
			b.waiting[0] = waiting{}
			b.waiting = b.waiting[1:]
			if next.delivery != nil && next.delivery.Event == driver.Published {
				b.count--
			}
			b.mu.Unlock()
			signal(b.emptied)
			return next.delivery, next.missed, nil
		}
		err := b.err
		b.mu.Unlock()
		if err != nil {
			return nil, 0, err
		}
		<-b.filled
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
