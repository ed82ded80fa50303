package docs

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page tells no more than there is.
func TestTheNumbersOfHowItIsTestedAreThere(t *testing.T) {
	functions := testFunctions(t)
	var report struct{ Checks []json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(read(t, "docs/conformance/memory.json")), &report))
	golden, err := filepath.Glob(filepath.Join(root, "codec/internal/formats/testdata/golden/*-*-*"))
	require.NoError(t, err)
	for row, there := range map[string]int{
		"tests":                   functions["Test"],
		"examples":                functions["Example"],
		"fuzz":                    functions["Fuzz"],
		"checks":                  len(report.Checks),
		"releases":                strings.Count(read(t, "docs/compatibility.md"), "| redis | "),
		"combinations of formats": len(golden),
		"error texts":             strings.Count(read(t, "docs/troubleshooting.md"), "\n* `"),
	} {
		said := regexp.MustCompile(`(?m)^\| ` + row + `[^|]*\| (\d+)`).FindStringSubmatch(read(t, "docs/how-it-is-tested.md"))
		require.NotNil(t, said, "there is no row %s", row)
		number, err := strconv.Atoi(said[1])
		require.NoError(t, err)
		require.GreaterOrEqual(t, there, number, "docs/how-it-is-tested.md tells of more %s", row)
	}
}

// testFunctions returns how many functions there are that begin with Test, Example and Fuzz.
func testFunctions(t *testing.T) map[string]int {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test|Example|Fuzz)\w*\(`)
	count := make(map[string]int)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != root:
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range function.FindAllStringSubmatch(string(text), -1) {
			if name[0] != "func TestMain(" {
				count[name[1]]++
			}
		}
		return nil
	})
	require.NoError(t, err)
	return count
}
