package xcache_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The compiler makes generic code again for each type of values, in each package that uses the
// type. What does not depend on the type is therefore outside of generic functions.
func TestGenericCodeIsShort(t *testing.T) {
	const most, mostOfOne = 300, 25
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	all := 0
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && isGeneric(f) {
					n := statements(f)
					require.LessOrEqual(t, n, mostOfOne, "statements of %s in %s", f.Name.Name, name)
					all += n
				}
			}
		}
	}
	require.LessOrEqual(t, all, most, "statements of all generic functions")
}

// isGeneric reports whether a function has type parameters, its receiver's included.
func isGeneric(f *ast.FuncDecl) bool {
	if f.Type.TypeParams != nil {
		return true
	}
	generic := false
	if f.Recv != nil {
		ast.Inspect(f.Recv, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.IndexExpr, *ast.IndexListExpr:
				generic = true
			}
			return true
		})
	}
	return generic
}

func statements(f *ast.FuncDecl) (n int) {
	ast.Inspect(f.Body, func(node ast.Node) bool {
		switch node.(type) {
		case *ast.BlockStmt:
		case ast.Stmt:
			n++
		}
		return true
	})
	return n
}
