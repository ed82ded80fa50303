package reliability_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/reliability"
	"github.com/xcache-go/xcache/internal/soak"
)

const docs = "../../docs"

func TestThePageIsThatOfTheFigures(t *testing.T) {
	tests, err := reliability.ReadTests(docs)
	require.NoError(t, err)
	report, err := reliability.ReadSoak(docs)
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(docs, reliability.PageName))
	require.NoError(t, err)
	require.Equal(t, string(reliability.Page(tests, report)), string(page), `run "go generate ./internal/reliability/page"`)
}

// Each driver has the test function, and a test inside has a name that the source gives it: as it
// is, or of two parts.
func TestTheTestsExist(t *testing.T) {
	texts := literals(t, "../../drivers/internal/drivertest")
	for _, driver := range reliability.Drivers {
		functions := testsOf(t, "../../drivers/"+driver)
		for _, fault := range reliability.Named() {
			require.NotEmpty(t, fault.Tests, fault.Name)
			for _, test := range append(slices.Clone(fault.Tests), fault.Beside) {
				if test == "" {
					continue
				}
				function, inside, _ := strings.Cut(test, "/")
				require.Contains(t, functions, function, "%s: the %s driver has no such test", fault.Name, driver)
				if inside == "" || isNamed(texts, inside) { // a name may have a slash
					continue
				}
				for part := range strings.SplitSeq(inside, "/") {
					require.True(t, isNamed(texts, part), "%s: no test has the name %q inside of %s", fault.Name, part, function)
				}
			}
		}
	}
}

// What the page shows was measured: each test ran on both drivers, and passed.
func TestTheFiguresAreThoseOfTheTable(t *testing.T) {
	tests, err := reliability.ReadTests(docs)
	require.NoError(t, err)
	for _, driver := range reliability.Drivers {
		for _, fault := range reliability.Named() {
			for _, test := range fault.Tests {
				result := tests.Results[driver][strings.ReplaceAll(test, " ", "_")]
				require.NotNil(t, result, `%s: %s did not run on %s: run "make reliability"`, fault.Name, test, driver)
				require.True(t, result.Passed, "%s: %s did not pass on %s", fault.Name, test, driver)
			}
			if fault.Beside != "" {
				result := tests.Results[driver][strings.ReplaceAll(fault.Beside, " ", "_")]
				require.NotNil(t, result, `%s did not run on %s: run "make reliability"`, fault.Beside, driver)
				require.Len(t, result.Beside, 2)
			}
		}
	}
}

// Every fault of the soak is one of the page, and has happened.
func TestTheSoakHasTheFaultsOfTheTable(t *testing.T) {
	report, err := reliability.ReadSoak(docs)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, fault := range reliability.Named() {
		for _, name := range fault.Soak {
			known[name] = true
		}
	}
	happened := map[string]bool{}
	for _, d := range report.Deployments {
		require.Positive(t, soak.Sum(d.Operations), d.Name)
		require.Zero(t, d.Wrong+d.Unclassified+d.Connections, d.Name)
		for name := range d.Faults {
			happened[name] = true
			require.Contains(t, known, name, "a fault that the page does not name")
		}
	}
	for name := range known {
		require.Contains(t, happened, name, "a fault that the soak does not have")
	}
}

// isNamed reports whether a name is a text of the source, or two of them.
func isNamed(texts map[string]bool, name string) bool {
	if texts[name] {
		return true
	}
	for i := range name {
		if texts[name[:i]] && texts[name[i:]] {
			return true
		}
	}
	return false
}

// literals returns the texts in the source of a folder.
func literals(t *testing.T, folder string) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	each(t, folder, "*.go", func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				texts[text] = true
			}
			return true
		})
	})
	return texts
}

// testsOf returns the names of the test functions of a folder.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	each(t, folder, "*_test.go", func(file *ast.File) {
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && strings.HasPrefix(function.Name.Name, "Test") {
				names[function.Name.Name] = true
			}
		}
	})
	return names
}

func each(t *testing.T, folder, pattern string, do func(*ast.File)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		do(file)
	}
}
