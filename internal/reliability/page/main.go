// Command page writes docs/reliability.md.
//
//	go run ./internal/reliability/page            # from the figures that are kept
//	go run ./internal/reliability/page -measure   # runs the tests first, and keeps their figures
//	go run ./internal/reliability/page -measure -only '^TestChaos'    # some of them
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"

	"github.com/xcache-go/xcache/internal/reliability"
)

//go:generate go run . -root ../../..

func main() {
	measure := flag.Bool("measure", false, "run the tests of the table first")
	only := flag.String("only", "", "a regular expression of the functions to run")
	root := flag.String("root", ".", "the root of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *root, *measure, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, measure bool, only string) error {
	docs := filepath.Join(root, "docs")
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	tests, err := reliability.ReadTests(docs)
	var failed error
	if measure {
		tests, failed = reliability.Measure(ctx, root, tests, pattern) // also without earlier results
		var text []byte
		if text, err = json.MarshalIndent(tests, "", "\t"); err == nil {
			err = os.WriteFile(filepath.Join(docs, reliability.TestsName), append(text, '\n'), 0o644) //nolint:gosec // for all to read
		}
	}
	if err != nil {
		return err
	}
	report, err := reliability.ReadSoak(docs)
	if err != nil {
		return err
	}
	page := reliability.Page(tests, report)
	return errors.Join(failed, os.WriteFile(filepath.Join(docs, reliability.PageName), page, 0o644)) //nolint:gosec // likewise
}
