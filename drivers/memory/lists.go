package memory

import (
	"bytes"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/deque"
)

var listCommands = map[string]command{
	"LPUSH":   {run: lpush, min: 2, max: arguments.Unlimited},
	"RPUSH":   {run: rpush, min: 2, max: arguments.Unlimited},
	"LPUSHX":  {run: lpushX, min: 2, max: arguments.Unlimited},
	"RPUSHX":  {run: rpushX, min: 2, max: arguments.Unlimited},
	"LPOP":    {run: lpop, min: 1, max: 2},
	"RPOP":    {run: rpop, min: 1, max: 2},
	"LMPOP":   {run: lmpop, min: 3, max: arguments.Unlimited},
	"BLPOP":   waiting(popWaiting((*list).popFront), 2, arguments.Unlimited),
	"BRPOP":   waiting(popWaiting((*list).popBack), 2, arguments.Unlimited),
	"BLMPOP":  waiting(blmpop, 4, arguments.Unlimited),
	"BLMOVE":  waiting(blmove, 5, 5),
	"LMOVE":   {run: lmove, min: 4, max: 4},
	"LRANGE":  {run: lrange, min: 3, max: 3},
	"LTRIM":   {run: ltrim, min: 3, max: 3},
	"LINDEX":  {run: lindex, min: 2, max: 2},
	"LSET":    {run: lset, min: 3, max: 3},
	"LINSERT": {run: linsert, min: 4, max: 4},
	"LREM":    {run: lrem, min: 3, max: 3},
	"LPOS":    {run: lpos, min: 2, max: arguments.Unlimited},
	"LLEN":    {run: llen, min: 1, max: 1},
}

// A list has its elements in a deque. No element is written to again.
type list struct {
	elements deque.Deque[[]byte]
	bytes    int64
}

// elementOverhead is the memory of an element beside its bytes: its place in the deque,
// which may be half empty, and the rounding of its allocation.
const elementOverhead = 40

func (l *list) kind() driver.Kind { return driver.KindList }
func (l *list) size() int64       { return l.bytes + int64(l.elements.Len())*elementOverhead }
func (l *list) empty() bool       { return l.elements.Len() == 0 }

func (l *list) pushFront(element []byte) {
	l.elements.PushFront(element)
	l.bytes += int64(len(element))
}

func (l *list) pushBack(element []byte) {
	l.elements.PushBack(element)
	l.bytes += int64(len(element))
}

func (l *list) popFront() []byte {
	element := l.elements.PopFront()
	l.bytes -= int64(len(element))
	return element
}

func (l *list) popBack() []byte {
	element := l.elements.PopBack()
	l.bytes -= int64(len(element))
	return element
}

func lpush(c *call) (driver.Reply, error)  { return push(c, (*list).pushFront, true) }
func rpush(c *call) (driver.Reply, error)  { return push(c, (*list).pushBack, true) }
func lpushX(c *call) (driver.Reply, error) { return push(c, (*list).pushFront, false) }
func rpushX(c *call) (driver.Reply, error) { return push(c, (*list).pushBack, false) }

// push takes key, element…. A missing list is created if create is true.
func push(c *call, add func(*list, []byte), create bool) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if err != nil || e == nil && !create {
		return driver.IntReply(0), err
	}
	var added int64
	for i := 1; i < c.Count(); i++ {
		added += elementOverhead + int64(c.Size(i))
	}
	if err := c.fitsMore(c.Key(0), e, added); err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		l = new(list)
	}
	for i := 1; i < c.Count(); i++ {
		add(l, c.value(i))
	}
	c.store(c.Key(0), e, l)
	return driver.IntReply(int64(l.elements.Len())), nil
}

func lpop(c *call) (driver.Reply, error) { return pop(c, (*list).popFront) }
func rpop(c *call) (driver.Reply, error) { return pop(c, (*list).popBack) }

// pop takes key [count]. Without a count the reply is one element, and with a count the
// reply is a list.
func pop(c *call, take func(*list) []byte) (driver.Reply, error) {
	count, err := c.PopCount()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	items := l.pop(take, count.N)
	c.changedIf(len(items) > 0, e)
	if !count.Given {
		return items[0], nil
	}
	return driver.ArrayReply(items...), nil
}

// pop takes up to count elements.
func (l *list) pop(take func(*list) []byte, count int64) []driver.Reply {
	items := make([]driver.Reply, min(count, int64(l.elements.Len())))
	for i := range items {
		items[i] = driver.DataReply(take(l))
	}
	return items
}

// lmpop takes numkeys, key…, LEFT | RIGHT [COUNT count], and pops from the first key with a
// list.
func lmpop(c *call) (driver.Reply, error) {
	options, err := c.MultiPop(0)
	if err != nil {
		return driver.Reply{}, err
	}
	return c.popFirst(options, options.Keys)
}

// popFirst pops from the first key with a list.
func (c *call) popFirst(options arguments.MultiPop, keys []string) (driver.Reply, error) {
	take := (*list).popBack
	if options.Left {
		take = (*list).popFront
	}
	key, items, err := c.takeFirst(keys, take, options.Count)
	if items == nil {
		return driver.Reply{}, err
	}
	return driver.ArrayReply(textReply(key), driver.ArrayReply(items...)), nil
}

// takeFirst takes up to count elements from the first key with a list, and returns that
// key. Without such a key there are no elements.
func (c *call) takeFirst(keys []string, take func(*list) []byte, count int64) (key string, items []driver.Reply, err error) {
	for _, key := range keys {
		e, l, err := c.findList(key)
		if err != nil {
			return "", nil, err
		}
		if e != nil {
			items = l.pop(take, count)
			c.changed(e)
			return key, items, nil
		}
	}
	return "", nil, nil
}

// popWaiting takes key…, timeout.
func popWaiting(take func(*list) []byte) func(arguments.List) (wait, error) {
	return func(l arguments.List) (wait, error) {
		keys, timeout, err := l.WaitingKeys()
		return wait{keys: keys, kind: driver.KindList, timeout: timeout, try: func(c *call, keys []string) (driver.Reply, error) {
			key, items, err := c.takeFirst(keys, take, 1)
			if items == nil {
				return driver.Reply{}, err
			}
			return driver.ArrayReply(textReply(key), items[0]), nil
		}}, err
	}
}

// blmpop takes timeout, numkeys, key…, LEFT | RIGHT [COUNT count].
func blmpop(l arguments.List) (wait, error) {
	timeout, err := l.Timeout(0)
	if err != nil {
		return wait{}, err
	}
	options, err := l.MultiPop(1)
	return wait{keys: options.Keys, kind: driver.KindList, timeout: timeout, try: func(c *call, keys []string) (driver.Reply, error) {
		return c.popFirst(options, keys)
	}}, err
}

// blmove takes source, destination, LEFT | RIGHT, LEFT | RIGHT, timeout.
func blmove(l arguments.List) (wait, error) {
	timeout, err := l.Timeout(4)
	return wait{keys: []string{l.Key(0)}, kind: driver.KindList, timeout: timeout, try: func(c *call, _ []string) (driver.Reply, error) {
		return lmove(c)
	}}, err
}

// lmove takes source, destination, LEFT | RIGHT, LEFT | RIGHT.
func lmove(c *call) (driver.Reply, error) {
	fromLeft, err := c.End(2)
	if err != nil {
		return driver.Reply{}, err
	}
	toLeft, err := c.End(3)
	if err != nil {
		return driver.Reply{}, err
	}
	from, source, err := c.findList(c.Key(0))
	if from == nil {
		return driver.Reply{}, err
	}
	to, destination, err := c.findList(c.Key(1))
	if err != nil {
		return driver.Reply{}, err
	}
	take, next := (*list).popBack, *source.elements.At(source.elements.Len() - 1)
	if fromLeft {
		take, next = (*list).popFront, *source.elements.At(0)
	}
	add := (*list).pushBack
	if toLeft {
		add = (*list).pushFront
	}
	if from == to { // the list may have only one element
		add(source, take(source))
		c.changed(from)
		return driver.DataReply(next), nil
	}
	if err := c.fitsMore(c.Key(1), to, elementOverhead+int64(len(next))); err != nil {
		return driver.Reply{}, err
	}
	if to == nil {
		destination = new(list)
	}
	add(destination, take(source))
	c.changed(from)
	c.store(c.Key(1), to, destination)
	return driver.DataReply(next), nil
}

func lrange(c *call) (driver.Reply, error) {
	start, stop, err := c.Range()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	var items []driver.Reply
	if e != nil {
		from, end := span(start, stop, l.elements.Len())
		items = make([]driver.Reply, 0, end-from)
		for i := from; i < end; i++ {
			items = append(items, driver.DataReply(*l.elements.At(i)))
		}
	}
	return driver.ArrayReply(items...), nil
}

// ltrim takes key, start, stop, and removes the elements outside.
func ltrim(c *call) (driver.Reply, error) {
	start, stop, err := c.Range()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if e != nil {
		from, end := span(start, stop, l.elements.Len())
		for range l.elements.Len() - end {
			l.popBack()
		}
		for range from {
			l.popFront()
		}
		c.changed(e)
	}
	return okReply, nil
}

func lindex(c *call) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	index, err := c.Int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	i, ok := l.place(index)
	if !ok {
		return driver.Reply{}, nil
	}
	return driver.DataReply(*l.elements.At(i)), nil
}

// lset takes key, index, element.
func lset(c *call) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		return driver.Reply{}, driver.ErrNotFound
	}
	index, err := c.Int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	i, ok := l.place(index)
	if !ok {
		return driver.Reply{}, c.Fail("the list has no element at that index")
	}
	at := l.elements.At(i)
	added := int64(c.Size(2) - len(*at))
	if err := c.fitsMore(c.Key(0), e, added); err != nil {
		return driver.Reply{}, err
	}
	*at = c.value(2)
	l.bytes += added
	c.changed(e)
	return okReply, nil
}

// linsert takes key, BEFORE | AFTER, pivot, element.
func linsert(c *call) (driver.Reply, error) {
	before, err := c.InsertBefore()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	pivot := c.Bytes(2)
	i := 0
	for i < l.elements.Len() && !bytes.Equal(*l.elements.At(i), pivot) {
		i++
	}
	if i == l.elements.Len() {
		return driver.IntReply(-1), nil
	}
	if err := c.fitsMore(c.Key(0), e, elementOverhead+int64(c.Size(3))); err != nil {
		return driver.Reply{}, err
	}
	if !before {
		i++
	}
	element := c.value(3)
	l.elements.Insert(i, element)
	l.bytes += int64(len(element))
	c.changed(e)
	return driver.IntReply(int64(l.elements.Len())), nil
}

// lrem takes key, count, element. A negative count counts from the end, and 0 removes all.
func lrem(c *call) (driver.Reply, error) {
	count, err := c.RemoveCount()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	element := c.Bytes(2)
	from, left := 0, count
	switch {
	case count == 0:
		left = int64(l.elements.Len())
	case count < 0: // from the first of the last -count equal elements on
		from, left = l.elements.Len(), -count
		for wanted := left; from > 0 && wanted > 0; {
			if from--; bytes.Equal(*l.elements.At(from), element) {
				wanted--
			}
		}
	}
	var removed int64
	l.elements.DeleteFunc(from, func(at []byte) bool {
		if removed == left || !bytes.Equal(at, element) {
			return false
		}
		removed++
		return true
	})
	l.bytes -= removed * int64(len(element))
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

// lpos takes key, element [RANK rank] [COUNT count] [MAXLEN length].
func lpos(c *call) (driver.Reply, error) {
	options, err := c.PosOptions()
	if err != nil {
		return driver.Reply{}, err
	}
	e, l, err := c.findList(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	var found []driver.Reply
	if e != nil {
		found = l.positions(c.Bytes(1), options)
	}
	switch {
	case options.Many:
		return driver.ArrayReply(found...), nil
	case len(found) == 0:
		return driver.Reply{}, nil
	}
	return found[0], nil
}

// positions returns the positions of an element.
func (l *list) positions(element []byte, options arguments.PosOptions) (found []driver.Reply) {
	n := l.elements.Len()
	first, step, skip := 0, 1, options.Rank-1
	if options.Rank < 0 {
		first, step, skip = n-1, -1, -options.Rank-1
	}
	compared := n
	if options.MaxLen > 0 {
		compared = int(min(int64(n), options.MaxLen))
	}
	for i := first; compared > 0; i += step {
		compared--
		switch {
		case !bytes.Equal(*l.elements.At(i), element):
		case skip > 0:
			skip--
		default:
			found = append(found, driver.IntReply(int64(i)))
			if int64(len(found)) == options.Count {
				return found
			}
		}
	}
	return found
}

func llen(c *call) (driver.Reply, error) {
	e, l, err := c.findList(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(l.elements.Len())), nil
}

// place returns the position of an index in the list. A negative index counts from the end.
func (l *list) place(index int64) (i int, ok bool) {
	n := int64(l.elements.Len())
	if index < 0 {
		index += n
	}
	return int(index), index >= 0 && index < n
}

// span turns the first and the last index of a range into the half-open range of existing
// elements. Negative indexes count from the end.
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

// findList is find for keys that must hold a list or be missing.
func (t *transaction) findList(key string) (*entry, *list, error) {
	return findObject[*list](t, key)
}
