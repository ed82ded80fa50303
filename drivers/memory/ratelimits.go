package memory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var rateLimitCommands = map[string]command{
	driver.CmdRateLimit: {run: takeOfRateLimits, min: 7, max: arguments.Unlimited},
}

// The beginnings of the fields of rate limits. The name of the limit follows.
const (
	slidingWindow = "w:"
	gcra          = "g:"
)

// slots is how many parts a window has. Units that are taken within one part are counted
// together, at the time of the last unit.
const slots = 60

// longestCount bounds numbers in the same way as the scripts.
const longestCount = 1 << 53

// A rateLimit is one limit of a command, with its units in use. Times are microseconds.
type rateLimit struct {
	key, field           string
	limit, window, burst int64
	retry                int64 // the time until there are n units, or 0

	taken []spent // of a sliding window: the units that still count, the oldest first

	used float64 // with a burst: the units in use
	time int64   // the time of used
}

// spent is the number of units that were taken at a time, or up to a slot earlier.
type spent struct{ time, units int64 }

// takeOfRateLimits is numkeys, key…, n, and for each key name, limit, window, burst.
func takeOfRateLimits(c *call) (driver.Reply, error) {
	limits, n, err := c.rateLimits()
	if err != nil {
		return driver.Reply{}, err
	}
	now := c.micros()
	allowed := true
	for i := range limits {
		_, h, err := c.findHash(limits[i].key)
		if err != nil {
			return driver.Reply{}, err
		}
		limits[i].read(h.value(limits[i].field).Data, n, now)
		allowed = allowed && limits[i].retry == 0
	}
	reply := []driver.Reply{boolReply(allowed)}
	for i := range limits {
		l := &limits[i]
		if allowed && n > 0 {
			l.take(n, now)
			if err := c.keepRateLimit(l, now); err != nil {
				return driver.Reply{}, err
			}
		}
		reply = append(reply, driver.IntReply(l.remaining()), driver.IntReply(l.retry), driver.IntReply(l.reset(now)))
	}
	return driver.ArrayReply(reply...), nil
}

// rateLimits reads the arguments.
func (c *call) rateLimits() (limits []rateLimit, n int64, err error) {
	keys, next, err := c.CountedKeys(0)
	if err != nil {
		return nil, 0, err
	}
	if c.Count() != next+1+4*len(keys) {
		return nil, 0, c.Fail("wrong number of arguments")
	}
	n, err = c.Int(next)
	if err != nil {
		return nil, 0, err
	}
	limits = make([]rateLimit, len(keys))
	for i := range limits {
		at := next + 1 + 4*i
		window, err := c.lease(at + 2)
		if err != nil {
			return nil, 0, c.Fail("a window must be a positive number of milliseconds")
		}
		limit, limitErr := c.Int(at + 1)
		burst, burstErr := c.Int(at + 3)
		if limitErr != nil || burstErr != nil || limit < 1 || limit > longestCount || burst < 0 || burst > limit {
			return nil, 0, c.Fail("a limit must be positive, and a burst no more than that")
		}
		l := rateLimit{key: keys[i], field: slidingWindow + c.Text(at), limit: limit, window: window.Microseconds(), burst: burst}
		if burst > 0 {
			l.field = gcra + c.Text(at)
		}
		if n < 0 || n > l.most() {
			return nil, 0, c.Fail("n must be from 0 to what the limit allows at once")
		}
		limits[i] = l
	}
	return limits, n, nil
}

// most is the largest number of units that can be taken at once.
func (l *rateLimit) most() int64 {
	if l.burst > 0 {
		return l.burst
	}
	return l.limit
}

// read reads the units in use, and finds out when there are n units.
func (l *rateLimit) read(stored []byte, n, now int64) {
	l.time = now
	if l.burst > 0 {
		l.readGCRA(string(stored), n, now)
		return
	}
	free := l.limit
	for text := range strings.FieldsSeq(string(stored)) {
		var s spent
		if _, err := fmt.Sscanf(text, "%d:%d", &s.time, &s.units); err == nil && s.time+l.window > now {
			l.taken = append(l.taken, s)
			l.time = max(now, s.time)
			free -= s.units
		}
	}
	l.used = float64(l.limit - free)
	for i := 0; i < len(l.taken) && free < n && n > 0; i++ {
		free += l.taken[i].units
		l.retry = l.taken[i].time + l.window - now
	}
}

// readGCRA is read with a burst. Units become free one after the other, at the rate of
// the limit.
func (l *rateLimit) readGCRA(stored string, n, now int64) {
	if before, used, ok := strings.Cut(stored, ":"); ok {
		last, _ := arguments.ParseInt(before)
		was, _ := strconv.ParseFloat(used, 64)
		l.time = max(now, last)
		l.used = max(0, was-float64(max(0, now-last))*float64(l.limit)/float64(l.window))
	}
	if over := l.used + float64(n) - float64(l.burst); over > 0 && n > 0 {
		// One microsecond is added, so that a retry after this time never fails because of
		// rounding.
		l.retry = int64(over*float64(l.window)/float64(l.limit)) + 1 + l.time - now
	}
}

// take takes n units.
func (l *rateLimit) take(n, now int64) {
	l.used += float64(n)
	if l.burst > 0 {
		return
	}
	width := (l.window + slots - 1) / slots
	if last := len(l.taken) - 1; last >= 0 && l.taken[last].time/width == l.time/width {
		l.taken[last] = spent{l.time, l.taken[last].units + n}
		return
	}
	l.taken = append(l.taken, spent{l.time, n})
}

// remaining returns the number of units that are left. More units may be in use than a limit
// has that was higher before.
func (l *rateLimit) remaining() int64 { return max(0, int64(math.Floor(float64(l.most())-l.used))) }

// reset is the time until all units are free.
func (l *rateLimit) reset(now int64) int64 {
	switch {
	case l.burst > 0 && l.used > 0:
		return int64(math.Ceil(l.used*float64(l.window)/float64(l.limit))) + l.time - now
	case len(l.taken) > 0:
		return l.taken[len(l.taken)-1].time + l.window - now
	}
	return 0
}

// keepRateLimit writes the units in use.
func (c *call) keepRateLimit(l *rateLimit, now int64) error {
	e, h, err := c.findHash(l.key)
	if err != nil {
		return err
	}
	ttl := time.Duration(l.reset(now))*time.Microsecond + room
	if e != nil {
		ttl = max(ttl, c.remaining(e))
	}
	return c.keepAt(l.key, e, h, ttl, record{l.field, l.bytes()})
}

// bytes is the value of the field.
func (l *rateLimit) bytes() []byte {
	if l.burst > 0 {
		return strconv.AppendFloat(fmt.Appendf(nil, "%d:", l.time), l.used, 'g', 17, 64)
	}
	var value []byte
	for i, s := range l.taken {
		if i > 0 {
			value = append(value, ' ')
		}
		value = fmt.Appendf(value, "%d:%d", s.time, s.units)
	}
	return value
}
