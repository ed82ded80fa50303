package memory

import "github.com/xcache-go/xcache/driver"

var connectionCommands = map[string]command{
	"PING": {run: ping, max: 1},
}

func ping(c *call) (driver.Reply, error) {
	if c.Count() == 1 {
		return driver.DataReply(c.value(0)), nil
	}
	return driver.DataReply([]byte("PONG")), nil
}
