package memory

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var listCommands = map[string]command{
	"LPUSH":  {run: lpush, min: 2, max: arguments.Unlimited},
	"RPUSH":  {run: rpush, min: 2, max: arguments.Unlimited},
	"LPOP":   {run: lpop, min: 1, max: 2},
	"RPOP":   {run: rpop, min: 1, max: 2},
	"LRANGE": {run: lrange, min: 3, max: 3},
	"LLEN":   {run: llen, min: 1, max: 1},
}

// A list holds its elements in a deque; none of them is ever written to again.
type list struct {
	elements deque[[]byte]
	bytes    int64
}

// elementOverhead is what an element of a list takes beside its bytes: its
// place in the deque, which may be half empty, and what its allocation is
// rounded up by.
const elementOverhead = 40

func (l *list) kind() driver.Kind { return driver.KindList }
func (l *list) size() int64       { return l.bytes + int64(l.elements.len())*elementOverhead }
func (l *list) empty() bool       { return l.elements.len() == 0 }

func (l *list) pushFront(element []byte) {
	l.elements.pushFront(element)
	l.bytes += int64(len(element))
}

func (l *list) pushBack(element []byte) {
	l.elements.pushBack(element)
	l.bytes += int64(len(element))
}

func (l *list) popFront() []byte {
	element := l.elements.popFront()
	l.bytes -= int64(len(element))
	return element
}

func (l *list) popBack() []byte {
	element := l.elements.popBack()
	l.bytes -= int64(len(element))
	return element
}

func lpush(c *call) (driver.Reply, error) { return push(c, (*list).pushFront) }
func rpush(c *call) (driver.Reply, error) { return push(c, (*list).pushBack) }

func push(c *call, add func(*list, []byte)) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	size := entryOverhead + int64(len(c.Key(0)))
	if e != nil {
		size = e.cost
	}
	for i := 1; i < c.Count(); i++ {
		size += elementOverhead + int64(c.Size(i))
	}
	if err := c.db.fits(size); err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		l = new(list)
	}
	for i := 1; i < c.Count(); i++ {
		add(l, c.value(i))
	}
	if e == nil {
		c.put(c.Key(0), nil, l, never)
	} else {
		c.changed(e)
	}
	return driver.IntReply(int64(l.elements.len())), nil
}

func lpop(c *call) (driver.Reply, error) { return pop(c, (*list).popFront) }
func rpop(c *call) (driver.Reply, error) { return pop(c, (*list).popBack) }

// pop is key [count]. Without a count the reply is one element, with one a list.
func pop(c *call, take func(*list) []byte) (driver.Reply, error) {
	count, err := c.PopCount()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, min(count.N, int64(l.elements.len())))
	for i := range items {
		items[i] = driver.DataReply(take(l))
	}
	c.changed(e)
	if !count.Given {
		return items[0], nil
	}
	return driver.ArrayReply(items...), nil
}

func lrange(c *call) (driver.Reply, error) {
	start, err := c.Int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	stop, err := c.Int(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	var items []driver.Reply
	if e != nil {
		for i, end := span(start, stop, l.elements.len()); i < end; i++ {
			items = append(items, driver.DataReply(*l.elements.at(i)))
		}
	}
	return driver.ArrayReply(items...), nil
}

func llen(c *call) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(l.elements.len())), nil
}

// span turns the first and the last index of a range, where negative ones count
// from the end, into the half-open range of what is there.
func span(start, stop int64, length int) (from, end int) {
	n := int64(length)
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop) + 1
}

// findList is find for keys that must hold a list if they exist.
func (t *transaction) findList(key string) (*entry, *list, error) {
	return findObject[*list](t, key)
}
