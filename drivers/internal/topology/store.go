package topology

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// A Store has all that stores on one server and stores on a cluster have in common, so that
// a driver has one type for both.
type Store interface {
	driver.Store
	driver.Commander
	driver.Expirer
	driver.Counter
	driver.Swapper
	driver.Mover
	driver.Scanner
	driver.Flusher
	driver.Pinger
	driver.Limiter
	driver.Disconnector
	driver.Inspector
	fmt.Stringer
	fmt.Formatter
}
