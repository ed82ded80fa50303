// Command fetch puts the servers that the tests run into the cache folder, and is quick
// when the servers are there already. The command is part of "make servers". Valkey 9 is
// among the servers because no other release has databases in a cluster. The newest Redis
// 8 has all commands that stand in for scripts, and Valkey 8.1 has some of them. With
// -all, for "make servers-matrix", the command fetches every known release.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// timeout bounds one release, so that a mirror that hangs is an error.
const timeout = 3 * time.Minute

// others are the releases for which tests ask by name.
var others = []string{release.Redis8.Name, release.Valkey81.Name, release.Valkey9.Name}

func main() {
	all := flag.Bool("all", false, "fetch every known release, not only what the tests use by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if !fetch(ctx, *all) {
		os.Exit(1)
	}
}

// fetch tries every release, even when another release fails.
func fetch(ctx context.Context, all bool) (ok bool) {
	ok = true
	for _, server := range release.All {
		if !all && !server.Default && !slices.Contains(others, server.Name) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		version, err := server.Fetch(ctx)
		cancel()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", server.Name, err)
			ok = false
			continue
		}
		fmt.Printf("%s: %s\n", server.Name, version)
	}
	return ok
}
