package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// The categories are what servers of both products say.
func TestCategoriesAreThoseOfTheServers(t *testing.T) {
	known := make(map[string]bool)
	for _, name := range []string{release.Redis70.Name, release.Valkey80.Name, release.Redis8.Name} {
		conn := servertest.Redis(t, servertest.Release(name)).Dial(t)
		for _, row := range driver.Commands() {
			if row.Extension {
				continue
			}
			info, ok := conn.Do(t, "COMMAND", "INFO", row.Name).([]any)
			require.True(t, ok && len(info) == 1, "%s: COMMAND INFO %s", name, row.Name)
			if info[0] == nil { // a command of newer servers
				continue
			}
			known[row.Name] = true
			want := categoriesIn(t, info[0])
			got := strings.Fields(categoriesOf(row.Name))
			slices.Sort(got)
			require.Equal(t, want, got, "%s: %s", name, row.Name)
		}
	}
	for _, row := range driver.Commands() {
		require.True(t, row.Extension || known[row.Name], "no server has told the categories of %s", row.Name)
	}
}

// categoriesIn returns the categories of a command in a reply to COMMAND INFO, or of its
// subcommands, sorted.
func categoriesIn(t *testing.T, info any) (found []string) {
	t.Helper()
	fields, ok := info.([]any)
	require.True(t, ok && len(fields) >= 10, "%v", info)
	all, ok := fields[6].([]any)
	require.True(t, ok, "%v", info)
	for _, category := range all {
		if name, _ := category.(string); name != "@fast" && name != "@slow" {
			found = append(found, name)
		}
	}
	subcommands, ok := fields[9].([]any)
	require.True(t, ok, "%v", info)
	if len(found) == 0 {
		for _, subcommand := range subcommands {
			found = append(found, categoriesIn(t, subcommand)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
