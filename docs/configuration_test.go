package docs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/configuration"
)

// The tables of the page are those that the code gives. A parameter of the code without a
// text is an error of Page, and an option that nobody documented cannot be missing.
func TestConfigurationIsThatOfTheCode(t *testing.T) {
	page := read(t, "docs/configuration.md")
	want, err := configuration.Page([]byte(page), root)
	require.NoError(t, err)
	require.Equal(t, string(want), page, "go generate ./internal/configuration/page writes the tables")
}
