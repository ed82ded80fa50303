// Command fetch puts Python and Django into the cache folder of the servers, and
// is quick when they are there already: "make servers" calls it. It fails in CI
// alone, where it must be had; elsewhere the tests that need it are skipped.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/xcache-go/xcache/internal/djangotest"
)

// timeout bounds it, so that a mirror that hangs is an error.
const timeout = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	version, err := djangotest.Fetch(ctx)
	if err == nil {
		fmt.Println("django-4.2:", version)
		return
	}
	fmt.Fprintln(os.Stderr, "django-4.2:", err)
	if os.Getenv("CI") != "" {
		cancel()
		stop()
		os.Exit(1)
	}
}
