// Bench compares this library with others: what it costs over the client that
// a driver is built on, and the embedded cache with other embedded caches. It
// compares the formats of values with each other, too.
//
//	go -C internal/bench run .                      # all tables
//	go -C internal/bench run . -only '^Client/Get'  # some of them
//	go -C internal/bench test -run '^$' -bench .    # the same as benchmarks
//
// It prints the tables of docs/benchmarks.md and docs/codecs.md. The contestants
// of a table take turns, and its ratios are medians over the turns, so that they
// mean something on a machine that does other work too.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
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
	for _, group := range append(groups(), group{"Server", serverTables(turn)}) {
		for _, t := range group.tables {
			if !pattern.MatchString(group.name + "/" + t.title()) {
				continue
			}
			if err := t.run(os.Stdout, *rounds); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// A table measures something and prints it in Markdown.
type table interface {
	title() string
	run(out io.Writer, rounds int) error
}

type group struct {
	name   string
	tables []table
}

func groups() []group {
	return []group{
		{"Client", tables(clientComparisons())},
		{"Valkey", tables(valkeyComparisons())},
		{"Structures", tables(structureComparisons())},
		{"Memory", tables(memoryComparisons())},
		{"Embedded", append(tables(embeddedComparisons()), hitRatios{})},
		{"Codec", slices.Concat(tables(serializerTables()), tables(compressorTables()), tables(levelTables()),
			tables(chainTables()), []table{fallbackTable{}}, tables(jsonTables()), []table{strictness{}})},
	}
}

func tables[T table](some []T) []table {
	all := make([]table, len(some))
	for i, t := range some {
		all[i] = t
	}
	return all
}

func writeVersions() {
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, module := range info.Deps {
		for _, name := range []string{"redis/go-redis", "valkey-io/valkey-go", "maypok86/otter", "dgraph-io/ristretto", "hashicorp/golang-lru", "coocood/freecache", "allegro/bigcache", "alicebob/miniredis", "klauspost/compress", "pierrec/lz4", "andybalholm/brotli", "fxamacker/cbor", "ulikunitz/xz", "goccy/go-json", "bytedance/sonic", "json-iterator/go", "segmentio/encoding", "go-json-experiment/json"} {
			if strings.Contains(module.Path, name) {
				fmt.Printf(", %s %s", name, module.Version)
			}
		}
	}
	fmt.Println()
}
