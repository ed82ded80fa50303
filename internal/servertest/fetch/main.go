// Command fetch puts every server that the tests run into the cache folder:
// "make servers" calls it. It is quick when they are there already.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// timeout bounds one release, so that a mirror that hangs is an error.
const timeout = 3 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := fetchAll(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func fetchAll(ctx context.Context) error {
	for _, server := range release.All {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		version, err := server.Fetch(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", server.Name, err)
		}
		fmt.Printf("%s: %s\n", server.Name, version)
	}
	return nil
}
