package configuration

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// optionTables returns a table for each type of options of package xcache. The rows are
// the exported functions that return an option of the type.
func optionTables(root string) (map[string]string, error) {
	packages, err := parsePackage(root)
	if err != nil {
		return nil, err
	}
	rows := make(map[string]string)
	unused := maps.Clone(remarks)
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		for i, declaration := range packages[name].Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || optionType(function) == "" {
				continue
			}
			row, err := optionRow(function, parametersBelow(packages[name].Decls[i+1:]))
			if err != nil {
				return nil, err
			}
			delete(unused, function.Name.Name)
			rows[optionType(function)] += row
		}
	}
	if len(unused) > 0 {
		return nil, fmt.Errorf("internal/configuration/texts.go has remarks on %q, which are no options", slices.Sorted(maps.Keys(unused)))
	}
	tables := make(map[string]string)
	for name, table := range rows {
		tables["options of type "+name] = "| option | parameter | what it does |\n|---|---|---|\n" + table
	}
	return tables, nil
}

// parsePackage returns the files of a package without the tests, by name.
func parsePackage(folder string) (map[string]*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	files := make(map[string]*ast.File)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// optionType returns the type of the option that a function returns, or "".
func optionType(function *ast.FuncDecl) string {
	results := function.Type.Results
	if function.Recv != nil || !function.Name.IsExported() || results == nil || len(results.List) != 1 {
		return ""
	}
	if name, ok := results.List[0].Type.(*ast.Ident); ok && strings.HasSuffix(name.Name, "Option") {
		return name.Name
	}
	return ""
}

func optionRow(function *ast.FuncDecl, parameters []string) (string, error) {
	name := function.Name.Name
	var arguments []string
	for _, field := range function.Type.Params.List {
		for _, argument := range field.Names {
			text := argument.Name
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				text += "..."
			}
			arguments = append(arguments, text)
		}
	}
	does, ok := strings.CutPrefix(strings.Join(strings.Fields(function.Doc.Text()), " "), name+" ")
	if !ok {
		return "", fmt.Errorf("the documentation of %s does not begin with its name", name)
	}
	if first, _, more := strings.Cut(does, ". "); more {
		does = first + "."
	}
	if remarks[name] != "" {
		does += " " + remarks[name]
	}
	for i, parameter := range parameters {
		parameters[i] = "`" + parameter + "`"
	}
	return fmt.Sprintf("| `%s(%s)` | %s | %s |\n", name, strings.Join(arguments, ", "), strings.Join(parameters, ", "), does), nil
}

// parametersBelow returns the names of the parameters that have the meaning of an option.
// The functions below the option read these parameters, up to the next exported
// declaration.
func parametersBelow(declarations []ast.Decl) (names []string) {
	for _, declaration := range declarations {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Name.IsExported() {
			return names
		}
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name := parameterRead(call); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
			return true
		})
	}
	return names
}

// parameterRead returns the name of the parameter that a call reads from a DSN, or "".
// Such a call is a method of dsn, or a function with dsn and the name as arguments.
func parameterRead(call *ast.CallExpr) string {
	arguments := call.Args
	if method, ok := call.Fun.(*ast.SelectorExpr); ok {
		if receiver, ok := method.X.(*ast.Ident); !ok || receiver.Name != "dsn" || method.Sel.Name == "Refuse" {
			return ""
		}
	} else if len(arguments) > 1 {
		if first, ok := arguments[0].(*ast.Ident); !ok || first.Name != "dsn" {
			return ""
		}
		arguments = arguments[1:]
	}
	if len(arguments) == 0 {
		return ""
	}
	literal, ok := arguments[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	name, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return name
}
