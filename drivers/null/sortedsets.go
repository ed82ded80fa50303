package null

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// zadd returns the number of different members, which are all new.
func zadd(l arguments.List) (driver.Reply, error) {
	o, err := l.AddOptions()
	if err != nil {
		return driver.Reply{}, err
	}
	var score float64
	members := make(map[string]struct{})
	for i := o.First; i < l.Count(); i += 2 {
		if score, err = l.Score(i); err != nil {
			return driver.Reply{}, err
		}
		members[string(l.Bytes(i+1))] = struct{}{}
	}
	switch {
	case o.Incr && o.XX:
		return driver.Reply{}, nil
	case o.Incr:
		return driver.FloatReply(score), nil
	case o.XX:
		return driver.IntReply(0), nil
	}
	return driver.IntReply(int64(len(members))), nil
}

func zincrBy(l arguments.List) (driver.Reply, error) {
	score, err := l.Score(1)
	return driver.FloatReply(score), err
}

// inRange returns the number of members in a range, which is 0.
func inRange(read func(arguments.List, int) (arguments.Range, error)) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := read(l, 1)
		return driver.IntReply(0), err
	}
}

func zmscore(l arguments.List) (driver.Reply, error) {
	return driver.ArrayReply(make([]driver.Reply, l.Count()-1)...), nil
}

func zrank(l arguments.List) (driver.Reply, error) {
	_, err := l.WithScore()
	return driver.Reply{}, err
}

func zpop(l arguments.List) (driver.Reply, error) {
	_, err := l.PopCount()
	return driver.ArrayReply(), err
}

func zmpop(l arguments.List) (driver.Reply, error) {
	_, err := l.SortedPop(0)
	return driver.Reply{}, err
}

func zrange(l arguments.List) (driver.Reply, error) {
	_, err := l.ZRange(1, false)
	return driver.ArrayReply(), err
}

func zrangeStore(l arguments.List) (driver.Reply, error) {
	_, err := l.ZRange(2, true)
	return driver.IntReply(0), err
}

func zrandMember(l arguments.List) (driver.Reply, error) {
	o, err := l.RandomMembers()
	if o.Given {
		return driver.ArrayReply(), err
	}
	return driver.Reply{}, err
}

func combined(weighted bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := l.CombineOptions(0, weighted, false)
		return driver.ArrayReply(), err
	}
}

func storeCombined(weighted bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		if _, err := l.Keys(0, 1); err != nil {
			return driver.Reply{}, err
		}
		_, err := l.CombineOptions(1, weighted, true)
		return driver.IntReply(0), err
	}
}

// interCard returns the reply of SINTERCARD and ZINTERCARD.
func interCard(l arguments.List) (driver.Reply, error) {
	_, _, err := l.InterCard()
	return driver.IntReply(0), err
}
