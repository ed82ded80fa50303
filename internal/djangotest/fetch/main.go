// Command fetch puts Python and Django into the cache folder of the servers, and
// is quick when both are there already. The command is part of "make servers".
// Without a Django, the tests that need Django are skipped, so the command
// reports the error and succeeds. In CI the tests must run, so the command
// fails.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/xcache-go/xcache/internal/djangotest"
)

// timeout bounds the download, so that a mirror that hangs is an error.
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
