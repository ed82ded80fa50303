package memory

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

const (
	// DefaultMaxBytes is the bound of a store without MaxBytes: 256 MiB.
	DefaultMaxBytes = 256 << 20

	// MinMaxBytes is the least bound in bytes that a store accepts: 4 KiB.
	MinMaxBytes = 4 << 10

	// Unbounded means no bound. In a DSN the word is none.
	Unbounded = -1
)

// Options bound a store. The zero value is the default: any number of entries, and
// DefaultMaxBytes in all. The bounds are fixed for the lifetime of the store.
//
// The bounds hold for all shards together, to the entry and to the byte. Only a running
// write may exceed them by its own growth. A write makes room before its return, and never
// evicts its own entry.
type Options struct {
	// MaxEntries is the largest number of keys, at least 1. 0 and Unbounded are no limit.
	// DSN: max_entries.
	MaxEntries int

	// MaxBytes is the largest number of bytes, at least MinMaxBytes. 0 is DefaultMaxBytes,
	// and Unbounded is no limit. Keys, values and an overhead are counted: 160 bytes per
	// key, 40 per element of a list, 120 per field of a hash and 44 more for its TTL, 80
	// per member of a set, and 128 per member of a sorted set. A write that makes one key
	// larger than MaxBytes is ErrTooLarge. DSN: max_bytes.
	MaxBytes int64
}

// resolved returns o with all defaults, so that equal bounds are equal Options. An invalid
// o is an error.
func (o Options) resolved() (Options, error) {
	switch {
	case o.MaxEntries == 0:
		o.MaxEntries = Unbounded
	case o.MaxEntries < Unbounded:
		return o, errors.New("xcache: memory: MaxEntries must be 1 or more, or Unbounded")
	}
	switch {
	case o.MaxBytes == 0:
		o.MaxBytes = DefaultMaxBytes
	case o.MaxBytes < MinMaxBytes && o.MaxBytes != Unbounded:
		return o, fmt.Errorf("xcache: memory: MaxBytes must be %d or more, or Unbounded", MinMaxBytes)
	}
	return o, nil
}

// A smaller shard is not useful: its part of the store would be too small to tell good
// entries from bad entries.
const (
	minShardEntries = 512
	minShardBytes   = 64 << 10
)

// shards returns the number of shards for resolved options. The number is a power of two,
// and large enough that the processors do not queue at one lock.
func (o Options) shards() int {
	wanted := min(4*runtime.GOMAXPROCS(0), maxShards)
	if o.MaxEntries != Unbounded {
		wanted = min(wanted, o.MaxEntries/minShardEntries)
	}
	if o.MaxBytes != Unbounded {
		wanted = int(min(int64(wanted), o.MaxBytes/minShardBytes))
	}
	n := 1
	for n*2 <= wanted {
		n *= 2
	}
	return n
}

// limit returns a bound for comparison with a counter.
func limit(bound int64) int64 {
	if bound == Unbounded {
		return math.MaxInt64
	}
	return bound
}

// parseOptions reads the parameters of a DSN. Errors are in dsn.Err.
func parseOptions(dsn *driver.DSN) Options {
	var o Options
	if isNone(dsn, "max_entries") {
		o.MaxEntries = Unbounded
	} else if dsn.Has("max_entries") {
		n, err := strconv.Atoi(dsn.Text("max_entries", "1"))
		if err != nil || n < 1 {
			dsn.Refuse("max_entries", "must be a whole number from 1, or none for no bound")
		}
		o.MaxEntries = n
	}
	if isNone(dsn, "max_bytes") {
		o.MaxBytes = Unbounded
	} else if o.MaxBytes = dsn.Size("max_bytes", DefaultMaxBytes); o.MaxBytes < MinMaxBytes {
		dsn.Refuse("max_bytes", "must be 4KiB or more, or none for no bound")
	}
	return o
}

func isNone(dsn *driver.DSN, name string) bool {
	values := dsn.List(name)
	return len(values) == 1 && values[0] == "none"
}
