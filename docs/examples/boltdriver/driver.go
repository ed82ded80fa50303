// Package boltdriver is a cache driver on bbolt, a key-value store in one file. It is
// the worked example of a driver that somebody else writes: a module of its own, which
// imports public packages of xcache alone, and passes the conformance suite.
//
//	import _ "github.com/xcache-go/xcache/docs/examples/boltdriver"
//
//	cache, err := xcache.OpenDSN("bolt:///var/cache/shop.db?max_size=1GiB")
//
// The cache survives a restart of the program. One process at a time has the file open.
package boltdriver

import (
	"errors"
	"math"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

func init() { xcache.Register("bolt", Driver{}) }

// Driver opens stores for bolt:///path/of/the/file. The path is absolute. It takes the
// parameters
//
//	bucket        what the file's bucket is called; xcache
//	max_size      how large the file may become; no limit
//	sync          off leaves writing to the disk to the operating system; on
//	lock_timeout  how long the first call waits for another process that has the
//	              file open; 1s, or op_timeout if shorter
//
// With sync=off a crash of the machine, but not one of the program, may ruin the file.
type Driver struct{}

// Open implements driver.Driver.
func (Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	opTimeout := dsn.OpTimeout
	if opTimeout <= 0 {
		opTimeout = xcache.DefaultOpTimeout
	}
	options := *bolt.DefaultOptions
	options.FreelistType = bolt.FreelistMapType
	options.NoSync = !dsn.Bool("sync", true)
	options.Timeout = dsn.Duration("lock_timeout", min(time.Second, opTimeout))
	if maxSize := dsn.Size("max_size", 0); maxSize > math.MaxInt {
		dsn.Refuse("max_size", "is more than this machine can address")
	} else {
		options.MaxSize = int(maxSize)
	}
	bucket := dsn.Text("bucket", "xcache")
	if bucket == "" {
		dsn.Refuse("bucket", "must not be empty")
	}
	if len(dsn.Hosts) > 0 || dsn.Path == "" || dsn.TLS || dsn.Unix || dsn.Topology != driver.Standalone {
		return nil, errors.New("xcache: bad DSN: the bolt driver takes the path of a file and no host; write bolt:///var/cache/shop.db")
	}
	if dsn.User != "" || dsn.Password != (driver.Secret{}) {
		return nil, errors.New("xcache: bad DSN: the bolt driver takes no user and no password; the file's permissions say who may read it")
	}
	if err := dsn.Err(); err != nil {
		return nil, err
	}
	// The DSN drops the slash that separates hosts and path.
	return newStore(file{path: "/" + dsn.Path, bucket: []byte(bucket), options: options}), nil
}
