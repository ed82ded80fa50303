package mixins_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each type with an exported name has an example.
func TestEveryTypeHasAnExample(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var types []string
	examples := make(map[string]bool)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				examples[d.Name.Name] = d.Recv == nil && strings.HasSuffix(name, "_test.go")
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.IsExported() && !strings.HasSuffix(name, "_test.go") {
						types = append(types, spec.Name.Name)
					}
				}
			}
		}
	}
	require.NotEmpty(t, types)
	for _, name := range types {
		require.True(t, examples["Example"+name], "package mixins has no example of %s", name)
	}
}
