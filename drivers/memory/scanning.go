package memory

import (
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

// A scanStep reads about count elements of an object from a cursor on, and returns the next cursor.
// found gets each element: its name, and its value if there is one.
type scanStep[O object] func(o O, cursor uint64, count int, found func(name string, value ...driver.Reply)) (next uint64)

// scans returns HSCAN, SSCAN or ZSCAN, which takes key, cursor [MATCH pattern] [COUNT count], and
// also [NOVALUES] with withNoValues. The reply is the next cursor and a list of names and values.
func scans[O object](withNoValues bool, step scanStep[O]) func(*call) (driver.Reply, error) {
	return func(c *call) (driver.Reply, error) {
		scan, err := c.Scan(withNoValues)
		if err != nil {
			return driver.Reply{}, err
		}
		e, o, err := findObject[O](&c.transaction, c.Key(0))
		if err != nil {
			return driver.Reply{}, err
		}
		var next uint64
		var items []driver.Reply
		if e != nil {
			next = step(o, scan.Cursor, scan.Count, func(name string, value ...driver.Reply) {
				if !driver.MatchGlob(scan.Match, name) {
					return
				}
				if items = append(items, memberReply(name)); !scan.NoValues {
					items = append(items, value...)
				}
			})
		}
		return driver.ArrayReply(driver.DataReply(strconv.AppendUint(nil, next, 10)), driver.ArrayReply(items...)), nil
	}
}
