package null

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// No stream and no group exists. Commands that need one return driver.ErrNotFound.

func xack(l arguments.List) (driver.Reply, error) {
	_, err := l.StreamIDs(2)
	return driver.IntReply(0), err
}

func xdel(l arguments.List) (driver.Reply, error) {
	_, err := l.StreamIDs(1)
	return driver.IntReply(0), err
}

func xtrim(l arguments.List) (driver.Reply, error) {
	_, err := l.TrimStream()
	return driver.IntReply(0), err
}

func xrange(reversed bool) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := l.StreamRange(reversed)
		return driver.ArrayReply(), err
	}
}

func xread(l arguments.List) (driver.Reply, error) {
	_, err := l.ReadStreams(false)
	return driver.Reply{}, err
}

func xreadGroup(l arguments.List) (driver.Reply, error) {
	_, err := l.ReadStreams(true)
	return missing(err)
}

func xpending(l arguments.List) (driver.Reply, error) {
	_, err := l.Pending()
	return missing(err)
}

func xclaim(l arguments.List) (driver.Reply, error) {
	_, err := l.Claim(0)
	return missing(err)
}

func xautoClaim(l arguments.List) (driver.Reply, error) {
	_, err := l.AutoClaim()
	return missing(err)
}

func xinfo(l arguments.List) (driver.Reply, error) { return missing(l.StreamInfo()) }

func xgroup(l arguments.List) (driver.Reply, error) {
	subcommand, err := l.GroupSubcommand()
	if err != nil || subcommand != "CREATE" && subcommand != "SETID" {
		return missing(err)
	}
	group, err := l.Group(subcommand == "CREATE")
	if err == nil && group.MakeStream {
		return okReply, nil
	}
	return missing(err)
}

// missing returns the error of a command on a missing stream, unless err is the error of
// its arguments.
func missing(err error) (driver.Reply, error) {
	if err == nil {
		err = driver.ErrNotFound
	}
	return driver.Reply{}, err
}
