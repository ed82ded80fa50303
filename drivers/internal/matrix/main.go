// Command matrix runs the drivers' contract tests on every release of the servers, and
// writes docs/compatibility.md. "make test-matrix" fetches the servers, and runs this
// command.
//
//	go run ./drivers/internal/matrix                                  # all, and the page
//	go run ./drivers/internal/matrix -releases redis-6.0,valkey-9     # some, and no page
//	go run ./drivers/internal/matrix -lacks                           # no tests: the part of the page that needs none, and docs/commands.md
//
// Each driver runs on both products. The exit status is 1 if a check failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

//go:generate go run . -lacks -root ../../..

// page is the path of the results, below the root of the module.
const page = "docs/compatibility.md"

func main() {
	names := flag.String("releases", "", "run on these only, and write no page: redis-6.0,valkey-9")
	lacks := flag.Bool("lacks", false, "run nothing: bring the page up to date with what the drivers know the servers to lack, and write the page of commands")
	root := flag.String("root", ".", "the root of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *root, *names, *lacks)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, names string, lacks bool) error {
	file := filepath.Join(root, page)
	if lacks {
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, renew(old), 0o644); err != nil { //nolint:gosec // a page for all to read
			return err
		}
		return os.WriteFile(filepath.Join(root, commandsPage), writeCommands(), 0o644) //nolint:gosec // likewise
	}
	releases, err := choose(names)
	if err != nil {
		return err
	}
	var results results
	for _, r := range releases {
		start := time.Now()
		if err := results.test(ctx, root, r); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		fmt.Printf("%s, %v:\n%s", r.Name, time.Since(start).Round(time.Second), results.of(r.Name))
	}
	if names == "" {
		if err := os.WriteFile(file, write(&results), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	if failed := results.failed(""); len(failed) > 0 {
		return fmt.Errorf("%d checks failed:\n%s", len(failed), strings.Join(failed, "\n"))
	}
	return nil
}

// choose returns the releases with these names, which are separated by commas. Without
// names, choose returns all releases.
func choose(names string) ([]release.Release, error) {
	if names == "" {
		return release.All, nil
	}
	var chosen []release.Release
	var errs []error
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(release.All, func(r release.Release) bool { return r.Name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("there is no release %q", name))
			continue
		}
		chosen = append(chosen, release.All[i])
	}
	return chosen, errors.Join(errs...)
}
