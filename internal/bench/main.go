// Bench compares this library with others: what it costs over the client that
// a driver is built on, and the embedded cache with other embedded caches.
//
//	go -C internal/bench run .                      # all tables
//	go -C internal/bench run . -only '^Client/Get'  # some of them
//	go -C internal/bench test -run '^$' -bench .    # the same as benchmarks
//
// It prints the tables of docs/benchmarks.md. The contestants of a table take
// turns, and its ratios are medians over the turns, so that they mean something
// on a machine that does other work too.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func main() {
	log.SetFlags(0)
	testing.Init()
	rounds := flag.Int("rounds", 7, "how many turns each contestant takes")
	turn := flag.Duration("turn", 200*time.Millisecond, "how long a turn lasts")
	only := flag.String("only", "", "regular expression of the tables to make")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	if *rounds < 1 || *turn <= 0 || flag.NArg() > 0 {
		log.Fatal("-rounds and -turn must be positive, and nothing may follow them")
	}
	if err := flag.Set("test.benchtime", turn.String()); err != nil {
		log.Fatal(err)
	}
	writeVersions()
	for _, group := range []struct {
		name        string
		comparisons []comparison
	}{
		{"Client", clientComparisons()},
		{"Valkey", valkeyComparisons()},
		{"Embedded", embeddedComparisons()},
	} {
		for _, c := range group.comparisons {
			if !pattern.MatchString(group.name + "/" + c.name) {
				continue
			}
			measured, err := c.measure(*rounds)
			if err != nil {
				log.Fatal(err)
			}
			c.write(os.Stdout, measured)
		}
	}
	if pattern.MatchString("Embedded/" + hitRatiosName) {
		writeHitRatios(os.Stdout)
	}
}

func writeVersions() {
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, module := range info.Deps {
		for _, name := range []string{"redis/go-redis", "valkey-io/valkey-go", "maypok86/otter", "dgraph-io/ristretto", "hashicorp/golang-lru", "coocood/freecache", "allegro/bigcache"} {
			if strings.Contains(module.Path, name) {
				fmt.Printf(", %s %s", name, module.Version)
			}
		}
	}
	fmt.Println()
}
