// Command fetch puts the servers that the tests run into the cache folder, and
// is quick when they are there already: "make servers" calls it. Valkey 9 is one of
// them, as no other has databases in a cluster, and so is the newest Redis 8, whose own
// commands stand in for scripts. With -all, for "make servers-matrix", it
// fetches every release that is known.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// timeout bounds one release, so that a mirror that hangs is an error.
const timeout = 3 * time.Minute

func main() {
	all := flag.Bool("all", false, "fetch every known release, not only what the tests use by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if !fetch(ctx, *all) {
		os.Exit(1)
	}
}

// fetch tries every release, whatever becomes of the others.
func fetch(ctx context.Context, all bool) (ok bool) {
	ok = true
	for _, server := range release.All {
		if !all && !server.Default && server.Name != release.Valkey9.Name && server.Name != release.Redis8.Name {
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
