package null

import (
	"math/big"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// noSuchField is the reply of the commands on TTLs of fields for a missing field.
const noSuchField = -2

// hset returns the number of different fields.
func hset(l arguments.List) (driver.Reply, error) {
	if l.Count()%2 == 0 {
		return driver.Reply{}, l.Fail("wrong number of arguments")
	}
	return driver.IntReply(different(l, 1, 2)), nil
}

func hmget(l arguments.List) (driver.Reply, error) {
	return repeated(driver.Reply{}, l.Count()-1), nil
}

// repeated returns an array of n equal replies.
func repeated(reply driver.Reply, n int) driver.Reply {
	items := make([]driver.Reply, n)
	for i := range items {
		items[i] = reply
	}
	return driver.ArrayReply(items...)
}

func hincrBy(l arguments.List) (driver.Reply, error) {
	sum, err := l.Int(2)
	return driver.IntReply(sum), err
}

func hincrByFloat(l arguments.List) (driver.Reply, error) {
	delta, err := l.LongDouble(2)
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := arguments.AddLongDoubles(new(big.Float), delta)
	return driver.DataReply(sum), err
}

// random returns the reply of HRANDFIELD and SRANDMEMBER.
func random(withValues bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		count, err := l.RandomCount(withValues)
		if count.Given {
			return driver.ArrayReply(), err
		}
		return driver.Reply{}, err
	}
}

// scan returns the reply of a scan without results.
func scan(withNoValues bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := l.Scan(withNoValues)
		return driver.ArrayReply(driver.DataReply([]byte("0")), driver.ArrayReply()), err
	}
}

func expiresFields(unit time.Duration, absolute bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		expiry, err := l.FieldExpiry(unit, absolute)
		if err != nil {
			return driver.Reply{}, err
		}
		return repeated(driver.IntReply(noSuchField), l.Count()-expiry.First), nil
	}
}

// ofFields returns the reply for each of the fields.
func ofFields(reply driver.Reply) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		first, err := l.Fields(1, 1)
		if err != nil {
			return driver.Reply{}, err
		}
		return repeated(reply, l.Count()-first), nil
	}
}

func hgetEx(l arguments.List) (driver.Reply, error) {
	options, err := l.FieldGet()
	if err != nil {
		return driver.Reply{}, err
	}
	return repeated(driver.Reply{}, l.Count()-options.First), nil
}

func hsetEx(l arguments.List) (driver.Reply, error) {
	options, err := l.FieldSet()
	if options.Cond == driver.IfPresent {
		return driver.IntReply(0), err
	}
	return driver.IntReply(1), err
}
