package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	overClient    = "xcache prefixes the key, limits the time of the call, checks the shape of the reply, and runs the value through its codec"
	keepsTheValue = "It keeps and hands out the caller's value itself; xcache keeps bytes, and gives each caller a copy"
	sharesReads   = "Callers of one key share one read, also if it began before a deletion; xcache reads for each caller"
)

// reasons tell why this library takes longer than another library, by the group of tables
// and the other library. A page cannot be made if a reason is missing.
var reasons = map[string]string{
	"Client/go-redis":                      overClient + "; GetMany makes a map besides",
	"Client/go-redis, into the same map":   overClient,
	"Valkey/valkey-go":                     overClient + "; the client's own call takes less than 1 µs here",
	"Valkey/valkey-go, into a map":         overClient,
	"Server/go-redis":                      overClient + ", which shows where the server is quick; one caller's times differ most from turn to turn",
	"Server/valkey-go":                     overClient + ", which shows most in batches of 100; one caller's times differ most from turn to turn",
	"Libraries/go-redis, by hand":          overClient + ", and looks whether the key is being loaded",
	"Libraries/go-redis/cache":             sharesReads,
	"Libraries/gocache":                    sharesReads,
	"Libraries/rueidisaside":               "It keeps what it has read in the process, until the server tells it of a change; xcache asks the server each time",
	"Stampede/go-redis, by hand":           "Nobody waits for the load of another caller; the database has 1000 loads at once, which take no longer here",
	"Stampede/go-redis/cache":              "It reads once for all callers of a process; with xcache each of the 1000 callers reads first",
	"Stampede/gocache":                     "It reads once for all callers of a process, and stores later; with xcache each of the 1000 callers reads first",
	"Stampede/rueidisaside":                "It reads once for all callers of a process; with xcache each of the 1000 callers reads first",
	"Structures/go-redis":                  overClient,
	"Structures/valkey-go":                 overClient + "; the client's own call takes less than 1 µs here",
	"Coordination/go-redis":                overClient,
	"Coordination/go-redis, by hand":       "xcache's lock has a fencing number, a context that ends with the lease, and a renewal",
	"Memory/miniredis, by its own methods": "Its methods are on a map under a lock, without context, codec, TTL and key prefix",
	"Embedded/otter":                       keepsTheValue,
	"Embedded/ristretto":                   keepsTheValue,
	"Embedded/theine":                      keepsTheValue,
	"Embedded/golang-lru":                  keepsTheValue,
	"Embedded/freecache":                   "It has no key prefix, no codec and no context",
	"Embedded/bigcache":                    "It has no key prefix, no codec and no context, and one TTL for all entries",
}

// noticeable is the least ratio that counts as slower: from run to run, ratios differ by
// about a tenth.
const noticeable = 1.1

const cancellableSuffix = ", cancellable context"

// A lag is how much longer something takes than with another library: least and most are
// the ratios, in is the number of slower measurements, and of the number of all
// measurements.
type lag struct {
	least, most float64
	in, of      int
}

// slower returns a table of all operations that take longer with this library than with
// another library.
func (r *results) slower() (string, error) {
	lags := r.lags()
	var out strings.Builder
	out.WriteString("| tables | slower than | in | × its time | why |\n|---|---|--:|--:|---|\n")
	for _, key := range slices.Sorted(maps.Keys(lags)) {
		l := lags[key]
		if l.in == 0 {
			continue
		}
		if reasons[key] == "" {
			return "", fmt.Errorf("%s: xcache takes up to %.2f times as long, and nothing says why", key, l.most)
		}
		group, peer, _ := strings.Cut(key, "/")
		times := fmt.Sprintf("%.2f", l.least)
		if most := fmt.Sprintf("%.2f", l.most); most != times {
			times += " to " + most
		}
		fmt.Fprintf(&out, "| %s | %s | %d of %d | %s | %s. |\n", group, peer, l.in, l.of, times, reasons[key])
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// lags compares the rows of this library with the rows of other libraries under the same
// kind of context, by the ratios of the turns.
func (r *results) lags() map[string]*lag {
	lags := make(map[string]*lag)
	for _, record := range r.Records {
		for _, own := range record.Rows {
			suffix, ours := strings.CutPrefix(own.Names[0], "xcache")
			if !ours || suffix != "" && suffix != cancellableSuffix {
				continue
			}
			for _, peer := range record.Rows {
				name, cancellable := strings.CutSuffix(peer.Names[0], cancellableSuffix)
				if strings.HasPrefix(name, "xcache") || cancellable != (suffix != "") {
					continue
				}
				key := record.Group + "/" + name
				if lags[key] == nil {
					lags[key] = new(lag)
				}
				for i, c := range record.Columns {
					if c.Unit == nanoseconds {
						lags[key].add(record.timesAsLong(own, peer, i))
					}
				}
			}
		}
	}
	return lags
}

// timesAsLong compares the times of two rows in a column. The next column of ratios is
// better for that: each of its ratios compares measurements of nearly the same time.
func (r record) timesAsLong(own, peer row, of int) float64 {
	for i := of + 1; i < len(r.Columns); i++ {
		if r.Columns[i].Unit == ratios {
			return own.Cells[i] / peer.Cells[i]
		}
	}
	return own.Cells[of] / peer.Cells[of]
}

func (l *lag) add(times float64) {
	l.of++
	if times < noticeable {
		return
	}
	if l.in == 0 || times < l.least {
		l.least = times
	}
	l.most = max(l.most, times)
	l.in++
}
