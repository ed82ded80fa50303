package driver_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func ExampleParseDSN() {
	dsn, err := driver.ParseDSN("redis://ada:secret@cache-1:6379,[2001:db8::1]/3?ttl=5m")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dsn)
	fmt.Println(dsn.Driver, dsn.Hosts[1].Addr("6379"), dsn.Path)
	// Output:
	// redis://ada:xxxxx@cache-1:6379,[2001:db8::1]/3?ttl=5m
	// redis [2001:db8::1]:6379 3
}

// A driver reads the parameters it knows, and returns Err. The core then
// reports those that nobody knows.
func ExampleDSN() {
	dsn, err := driver.ParseDSN("memory://?max_entries=many&max_byte=1MiB")
	if err != nil {
		fmt.Println(err)
		return
	}
	dsn.Int("max_entries", 100_000, 1, 1<<30)
	dsn.Size("max_bytes", 0)
	fmt.Println(dsn.Err())
	fmt.Println(dsn.Unread())
	// Output:
	// xcache: bad DSN: parameter max_entries must be a whole number from 1 to 1073741824
	// xcache: bad DSN: unknown parameter max_byte; did you mean max_bytes?
}

func ExampleHost() {
	fmt.Println(driver.Host{Name: "::1"}.Addr("6379"))
	// Output: [::1]:6379
}

func ExampleSecret() {
	password := driver.NewSecret("hunter2")
	fmt.Println(password, len(password.Reveal()))
	// Output: xxxxx 7
}

func ExampleError() {
	cause := errors.New("connection reset")
	var err error = driver.Fail(driver.ErrUnavailable, driver.Unknown, cause)
	fmt.Println(err)
	fmt.Println(errors.Is(err, driver.ErrUnavailable), errors.Is(err, driver.ErrUnknownOutcome), errors.Is(err, cause))
	// Output:
	// xcache: server unavailable: connection reset (outcome unknown)
	// true true true
}

func ExampleCapsOf() {
	caps := driver.CapsOf(plainStore{}) // a store of the four methods
	fmt.Println(caps.Counter == nil)
	// Output: true
}

func ExampleEntry() {
	command := driver.SetCommand(&driver.Entry{Key: "k", Value: []byte("v"), TTL: time.Minute, Cond: driver.IfAbsent})
	fmt.Println(command.Name, command.Args)
	// Output: SET [k v PX 60000 NX]
}

func ExampleCmd() {
	c := driver.NewCmd("LPUSH", driver.Key("list"), driver.Val([]byte("element")))
	fmt.Println(c.Name, c.Args, c.Key())
	// Output: LPUSH [list element] list
}

func ExampleReply() {
	reply := driver.DataReply([]byte("42")) // RESP2 sends some numbers as text
	n, err := reply.AsInt()
	fmt.Println(n, err)
	// Output: 42 <nil>
}

func ExampleCommandSet() {
	set := driver.NewCommandSet("SET", "GET")
	fmt.Println(set.Has("GET"), set.Has("LPUSH"), set.Names())
	// Output: true false [GET SET]
}

func ExampleLookupCommand() {
	get, ok := driver.LookupCommand("GET")
	fmt.Println(get.Group, get.ReadOnly, ok)
	// Output: strings true true
}
