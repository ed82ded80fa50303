// Command page writes the page that shows the reports in docs/conformance.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/xcache-go/xcache/internal/conformance"
)

//go:generate go run . -folder ../../../docs/conformance

func main() {
	folder := flag.String("folder", "docs/conformance", "the folder of the reports, and of the page")
	flag.Parse()
	page, err := conformance.Page(*folder)
	if err == nil {
		err = os.WriteFile(filepath.Join(*folder, conformance.PageName), page, 0o644) //nolint:gosec // a page for all to read
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}
