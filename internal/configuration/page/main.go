// Command page writes the tables of docs/configuration.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/xcache-go/xcache/internal/configuration"
)

//go:generate go run . -root ../../..

func main() {
	root := flag.String("root", ".", "the root of the module")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	file := filepath.Join(root, "docs", "configuration.md")
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page, err := configuration.Page(old, root)
	if err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o644) //nolint:gosec // a page for all to read
}
