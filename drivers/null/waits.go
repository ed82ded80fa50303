package null

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// timeoutOf returns the time-out of a blocking command with valid arguments.
func timeoutOf(l arguments.List) time.Duration {
	var timeout time.Duration
	switch l.Cmd.Name {
	case "BLMPOP", "BZMPOP":
		timeout, _ = l.Timeout(0)
	case "XREAD":
		streams, _ := l.ReadStreams(false)
		timeout = streams.Timeout
	default:
		timeout, _ = l.Timeout(l.Count() - 1)
	}
	return timeout
}

// popWaiting checks the arguments key…, timeout.
func popWaiting(l arguments.List) (driver.Reply, error) {
	_, _, err := l.WaitingKeys()
	return driver.Reply{}, err
}

// blmpop checks the arguments timeout, numkeys, key…, LEFT | RIGHT [COUNT count].
func blmpop(l arguments.List) (driver.Reply, error) {
	if _, err := l.Timeout(0); err != nil {
		return driver.Reply{}, err
	}
	_, err := l.MultiPop(1)
	return driver.Reply{}, err
}

// blmove checks the arguments source, destination, LEFT | RIGHT, LEFT | RIGHT, timeout.
func blmove(l arguments.List) (driver.Reply, error) {
	if _, err := l.Timeout(4); err != nil {
		return driver.Reply{}, err
	}
	return lmove(l)
}

// bzmpop checks the arguments timeout, numkeys, key…, MIN | MAX [COUNT count].
func bzmpop(l arguments.List) (driver.Reply, error) {
	if _, err := l.Timeout(0); err != nil {
		return driver.Reply{}, err
	}
	_, err := l.SortedPop(1)
	return driver.Reply{}, err
}
