package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/conformance"
)

// The table of the page is that of the reports beside it, none of which tells of a rule
// that a driver breaks.
func TestConformancePageShowsTheReports(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("conformance", conformance.PageName))
	require.NoError(t, err)
	want, err := conformance.Page("conformance")
	require.NoError(t, err)
	require.Equal(t, string(want), string(page), "make conformance-report writes the page")

	reports, err := conformance.Reports("conformance")
	require.NoError(t, err)
	for _, driver := range []string{"memory", "null", "redis", "valkey", "bolt"} {
		found := false
		for _, report := range reports {
			found = found || report.Scheme() == driver
		}
		require.True(t, found, "there is no report on %s", driver)
	}
	for _, report := range reports {
		require.True(t, report.OK(), "%s:\n%s", report.Name, report)
		require.NotZero(t, report.Passed, report.Name)
	}
}
