// Bench compares this library with others: the drivers with the clients
// below, and the embedded cache with other embedded caches. Bench also
// compares the formats of values with each other.
//
//	go -C internal/bench run .                      # all tables
//	go -C internal/bench run . -only '^Client/Get'  # some of them
//	go -C internal/bench run . -docs ../../docs     # docs/benchmarks.md
//	go -C internal/bench test -run '^$' -bench .    # the same as benchmarks
//
// Bench prints tables; with -docs it also writes docs/benchmarks.md anew. The contestants
// of a table take turns, and the ratios are medians over the turns, so that the ratios
// are meaningful on a machine with other work.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
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
	docs := flag.String("docs", "", "folder of the documentation, whose page is written anew with the tables that were made")
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
	if err := makeTables(groups(turn), pattern, *rounds, *docs); err != nil {
		log.Fatal(err)
	}
}

// makeTables measures and prints the matching tables. After each table, makeTables stores
// the measurements beside the page, so that nothing is lost if the program is stopped.
func makeTables(all []group, only *regexp.Regexp, rounds int, docs string) error {
	fmt.Println(versions())
	path := filepath.Join(docs, "benchmarks", "results.json")
	var measured results
	if docs != "" {
		var err error
		if measured, err = readResults(path); err != nil {
			return err
		}
		measured.Versions = versions()
	}
	for _, group := range all {
		for _, t := range group.tables {
			if !only.MatchString(group.name+"/"+t.title()) || docs != "" && group.name == "Codec" {
				continue
			}
			r, err := t.record(rounds)
			if err != nil {
				return err
			}
			r.Group = group.name
			fmt.Println()
			r.writeMarkdown(os.Stdout)
			if docs == "" {
				continue
			}
			measured.add(r)
			if err := measured.write(path); err != nil {
				return err
			}
		}
	}
	if docs == "" {
		return nil
	}
	return measured.writePage(docs)
}

// A table measures something.
type table interface {
	title() string
	record(rounds int) (record, error)
}

type group struct {
	name   string
	tables []table
}

// groups are all tables, in the order in which they are made. The tables of Codec are
// printed for the page about codecs.
func groups(turn *time.Duration) []group {
	return []group{
		{"Client", tables(clientComparisons())},
		{"Valkey", tables(valkeyComparisons())},
		{"Server", tables(serverTables(turn))},
		{"Libraries", tables(libraryTables(turn))},
		{"Stampede", []table{stampede{}}},
		{"Structures", tables(structureComparisons())},
		{"Coordination", tables(coordinationTables(turn))},
		{"Memory", tables(memoryComparisons())},
		{"Embedded", append(tables(embeddedComparisons()), hitRatios{})},
		{"Django", []table{djangoTable{turn}}},
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

// measuredModules are the modules whose versions are listed, by a part of the module's
// path.
var measuredModules = []string{
	"redis/go-redis", "valkey-io/valkey-go", "go-redis/cache", "eko/gocache/lib", "rueidis/rueidisaside",
	"maypok86/otter", "dgraph-io/ristretto", "hashicorp/golang-lru", "Yiling-J/theine-go", "coocood/freecache", "allegro/bigcache", "alicebob/miniredis",
	"klauspost/compress", "pierrec/lz4", "andybalholm/brotli", "fxamacker/cbor", "ulikunitz/xz",
	"goccy/go-json", "bytedance/sonic", "json-iterator/go", "segmentio/encoding", "go-json-experiment/json",
}

// versions returns the versions of the measured modules, and the machine.
func versions() string {
	all := []string{fmt.Sprintf("%s, %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return all[0]
	}
	for _, name := range measuredModules {
		for _, module := range info.Deps {
			if strings.Contains(module.Path, name) && !strings.HasSuffix(module.Path, "/loader") {
				all = append(all, name+" "+module.Version)
			}
		}
	}
	return strings.Join(all, ", ")
}
