package memory

import (
	"fmt"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

var semaphoreCommands = map[string]command{
	driver.CmdSemaphore:        {run: acquireSemaphore, min: 6, max: 6},
	driver.CmdSemaphoreExtend:  {run: extendSemaphore, min: 3, max: 3},
	driver.CmdSemaphoreRelease: {run: releaseSemaphore, min: 2, max: 2},
}

// The name of a field of a semaphore is one of these beginnings and a token.
const (
	holding = "h:"
	queued  = "q:"
)

// room is the time for which a semaphore outlives its last claim.
const room = time.Second

// A permit is the value of a field: a place in the queue, a weight, and an end.
type permit struct{ number, weight, until int64 }

func (p permit) bytes() []byte { return fmt.Appendf(nil, "%d:%d:%d", p.number, p.weight, p.until) }

// permit returns the permit in a field, and the zero value for a missing field. h may be
// nil.
func (h *hash) permit(field string) (p permit) {
	_, _ = fmt.Sscanf(string(h.value(field).Data), "%d:%d:%d", &p.number, &p.weight, &p.until)
	return p
}

// A queue describes a semaphore from the view of one token.
type queue struct {
	used            int64  // the sum of the weights of all permits
	mine            bool   // the token has a permit
	place           int64  // the place of the token, or 0
	first, last     int64  // the places of others, or 0
	head            string // the token of the first place
	soonest, latest int64  // the next and the last end of a permit or place, or 0
	over            []string
}

func (h *hash) queueOf(token string, now int64) (q queue) {
	if h == nil {
		return q
	}
	for field := range h.fields.All() {
		p := h.permit(field)
		if p.until == 0 || !strings.HasPrefix(field, holding) && !strings.HasPrefix(field, queued) {
			continue // a field of another command
		}
		if p.until <= now {
			q.over = append(q.over, field)
			continue
		}
		if q.latest = max(q.latest, p.until); q.soonest == 0 || p.until < q.soonest {
			q.soonest = p.until
		}
		isMine := field[len(holding):] == token
		switch {
		case strings.HasPrefix(field, holding):
			q.used += p.weight
			q.mine = q.mine || isMine
		case isMine:
			q.place = p.number
		default:
			if q.last = max(q.last, p.number); q.first == 0 || p.number < q.first {
				q.first, q.head = p.number, field[len(queued):]
			}
		}
	}
	return q
}

// acquireSemaphore takes key, token, weight, capacity, lease, place.
func acquireSemaphore(c *call) (driver.Reply, error) {
	weight, weightErr := c.Int(2)
	capacity, capacityErr := c.Int(3)
	if weightErr != nil || capacityErr != nil || weight < 1 || weight > capacity || capacity > longestCount {
		return driver.Reply{}, c.Fail("a weight must be from 1 to the capacity")
	}
	lease, err := c.lease(4)
	if err != nil {
		return driver.Reply{}, err
	}
	var place time.Duration
	if text := c.Text(5); text != "0" {
		if place, err = c.lease(5); err != nil {
			return driver.Reply{}, err
		}
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	token, now := c.Text(1), c.micros()
	q := h.queueOf(token, now)
	turn := q.first == 0 || q.place != 0 && q.place < q.first
	granted := q.mine || turn && q.used+weight <= capacity
	field, p := holding+token, permit{0, weight, now + lease.Microseconds()}
	if !granted {
		field, p = queued+token, permit{q.place, weight, now + place.Microseconds()}
		if p.number == 0 {
			p.number = q.last + 1
		}
	}
	if granted || place > 0 {
		ttl := time.Duration(max(q.latest, p.until)-now)*time.Microsecond + room
		if err := c.keep(e, h, ttl, record{field, p.bytes()}); err != nil {
			return driver.Reply{}, err
		}
		e, h, _ = c.findHash(c.Key(0))
		if granted {
			h.remove(queued + token)
		}
		for _, over := range q.over {
			if over != field {
				h.remove(over)
			}
		}
		c.changed(e)
	}
	if !granted {
		return driver.ArrayReply(driver.IntReply(0), driver.IntReply(millisecondsUntil(max(q.soonest, now), now))), nil
	}
	if q.first != 0 && !q.mine && q.used+weight < capacity {
		c.wakeWaiting(c.Key(0) + ":" + q.head)
	}
	return driver.ArrayReply(driver.IntReply(1), driver.IntReply(lease.Milliseconds())), nil
}

// extendSemaphore takes key, token, lease.
func extendSemaphore(c *call) (driver.Reply, error) {
	lease, err := c.lease(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if e == nil || err != nil {
		return driver.IntReply(0), err
	}
	now, field := c.micros(), holding+c.Text(1)
	p := h.permit(field)
	if p.until <= now {
		return driver.IntReply(0), nil
	}
	p.until = now + lease.Microseconds()
	return driver.IntReply(1), c.keep(e, h, max(lease+room, c.remaining(e)), record{field, p.bytes()})
}

// releaseSemaphore takes key, token.
func releaseSemaphore(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil || err != nil {
		return driver.IntReply(0), err
	}
	held := h.permit(holding+c.Text(1)).until > c.micros()
	claimed, waited := h.remove(holding+c.Text(1)), h.remove(queued+c.Text(1))
	if !claimed && !waited {
		return driver.IntReply(0), nil
	}
	if q := h.queueOf(c.Text(1), c.micros()); q.first != 0 {
		c.wakeWaiting(c.Key(0) + ":" + q.head)
	}
	c.changed(e)
	return boolReply(held), nil
}
