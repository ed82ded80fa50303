package topology

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// A Store is the common interface of stores on one server and stores on a cluster, so
// that a driver has one type for both.
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
