package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestPageOfCommandsHasEveryCommandAndNoMethodTwice(t *testing.T) {
	page := string(writeCommands())
	for _, row := range driver.Commands() {
		require.Len(t, regexp.MustCompile(`(?m)^\| `+regexp.QuoteMeta(row.Name)+` \|`).FindAllString(page, -1), 1, row.Name)
	}
	seen := make(map[string]bool)
	for _, method := range regexp.MustCompile("`(Lists|Sets|Hashes|SortedSets|Streams)\\.[A-Za-z]+`").FindAllString(page, -1) {
		require.False(t, seen[method], method)
		seen[method] = true
	}
	require.Greater(t, len(seen), 100)
}
