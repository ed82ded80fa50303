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
	// DefaultMaxBytes bounds a store that is not told otherwise: 256 MiB.
	DefaultMaxBytes = 256 << 20

	// MinMaxBytes is the least bound in bytes that a store accepts: 4 KiB.
	MinMaxBytes = 4 << 10

	// Unbounded is the bound that is none. A DSN says it in a word: none.
	Unbounded = -1
)

// Options bound a store. The zero value is the default: any number of
// entries, DefaultMaxBytes in all. They are fixed for the store's life.
//
// The bounds hold for all shards together, to the entry and to the byte. Only
// a write under way may exceed them, by what it adds; it makes room before it
// returns, and never gives up what it has just stored.
type Options struct {
	// MaxEntries is how many keys the store holds at most, from 1; 0 and
	// Unbounded are no limit. DSN: max_entries.
	MaxEntries int

	// MaxBytes is how many bytes the store holds at most, from MinMaxBytes,
	// counting keys, values and what keeping them takes: 160 bytes per key,
	// 40 per element of a list, 120 per field of a hash and 44 more if it has a TTL.
	// A member of a set takes 80, of a sorted set 128. 0 is DefaultMaxBytes,
	// Unbounded is no limit.
	// One key can never hold more: writing it is ErrTooLarge. DSN: max_bytes.
	MaxBytes int64
}

// resolved returns o with every default filled in, so that equal bounds are
// equal Options, or what is wrong with it.
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

// Below these sizes a shard is not worth having: its share of the store would
// be too small to tell good entries from bad ones.
const (
	minShardEntries = 512
	minShardBytes   = 64 << 10
)

// shards returns how many shards serve a store with resolved options: a power
// of two, enough for the processors not to queue at one lock.
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

// limit returns a bound as what a counter is compared with.
func limit(bound int64) int64 {
	if bound == Unbounded {
		return math.MaxInt64
	}
	return bound
}

// parseOptions reads the parameters of a DSN. What is wrong with them is in
// dsn.Err.
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
