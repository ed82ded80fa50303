package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// errorMakers are the functions that make an error of a text, by their last name, with what
// they put in front of the text.
var errorMakers = map[string]string{
	"errors.New":   "",
	"fmt.Errorf":   "",
	"dsnError":     "xcache: bad DSN: ",
	"configError":  "xcache: codec: ",
	"syntaxError":  "",
	"timeoutError": "",
	"refusal":      "",
	"Fail":         "", // of the arguments of a command
	"Refuse":       "xcache: bad DSN: parameter … ",
	"fail":         "xcache: bad DSN: parameter … ",
}

// otherPrefixes are those of makers whose name means something else elsewhere.
var otherPrefixes = map[string]map[string]string{
	"internal/keylayout": {"refuse": "xcache: the key layout (WithKeyFunc) "},
	".":                  {"encrypted": "xcache: an encrypted value cannot be ", "unsupported": "xcache: the driver has no "},
}

// Folders that are no part of the library.
var notTheLibrary = regexp.MustCompile(`^(docs|xcachetest|codec/internal|drivers/internal/(drivertest|matrix)` +
	`|internal/(bench|busy|configuration|conformance|coordination|djangotest|fakeserver|linearizability|race|redaction|reliability|servertest|soak|stopwatch|tools|twins))(/|$)`)

// Folders whose errors stand behind one of another folder, which has the entry: they say what
// is wrong with the bytes of a value, the text of a script or of a reply.
var detailsOnly = regexp.MustCompile(`^(codec/.+|drivers/memory/lua|drivers/internal/resp)(/|$)`)

// sourceTexts returns the texts of the errors that the library makes, as they are printed,
// with … for what is filled in, and the folder of each.
func sourceTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "testdata" || strings.HasPrefix(name, ".") && name != root {
				return fs.SkipDir
			}
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if folder = filepath.ToSlash(folder); notTheLibrary.MatchString(folder) {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, text := range textsOf(file, folder) {
			texts[text] = folder
		}
		return nil
	})
	require.NoError(t, err)
	return texts
}

// textsOf returns the texts of one file: those of makers, those of Error methods, and every
// literal that begins as a text of the library does.
func textsOf(file *ast.File, folder string) (texts []string) {
	add := func(prefix, format string) {
		text := prefix + filledIn(format)
		if frame.ReplaceAllString(text, "") != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	done := make(map[ast.Node]bool) // expressions that are part of a text already
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv != nil && n.Name.Name == "Error" && !detailsOnly.MatchString(folder) {
				for _, format := range sentences(n) {
					add("", format)
				}
			}
		case *ast.CallExpr:
			prefix, maker := makerOf(n, folder)
			if !maker || detailsOnly.MatchString(folder) {
				return true
			}
			for _, argument := range n.Args {
				if format, ok := literal(argument); ok && strings.Contains(format, " ") {
					done[argument] = true
					add(prefix, format)
					break
				}
			}
		case ast.Expr:
			if done[n] {
				return false
			}
			if format, ok := literal(n); ok && strings.HasPrefix(format, "xcache: ") {
				add("", format)
				return false
			}
		}
		return true
	})
	return texts
}

// sentences returns the literals of a function that are more than a word.
func sentences(function *ast.FuncDecl) (formats []string) {
	ast.Inspect(function, func(n ast.Node) bool {
		e, isExpr := n.(ast.Expr)
		if !isExpr {
			return true
		}
		format, ok := literal(e)
		if ok && strings.Contains(strings.TrimSpace(format), " ") {
			formats = append(formats, format)
		}
		return !ok
	})
	return formats
}

func makerOf(call *ast.CallExpr, folder string) (prefix string, ok bool) {
	name := ""
	switch function := call.Fun.(type) {
	case *ast.Ident:
		name = function.Name
	case *ast.SelectorExpr:
		name = function.Sel.Name
		if of, isIdent := function.X.(*ast.Ident); isIdent && (of.Name == "errors" || of.Name == "fmt") {
			name = of.Name + "." + name
		}
	}
	if prefix, ok = otherPrefixes[folder][name]; ok {
		return prefix, true
	}
	prefix, ok = errorMakers[name]
	return prefix, ok
}

// literal returns the text of a string, with %v for the parts that are none.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return text, true
		}
	case *ast.BinaryExpr:
		left, leftOK := literal(e.X)
		right, rightOK := literal(e.Y)
		if !leftOK {
			left = "%v"
		}
		if !rightOK {
			right = "%v"
		}
		return left + right, e.Op == token.ADD && (leftOK || rightOK)
	}
	return "", false
}

// frame is what stands around another text, and says nothing of its own.
var frame = regexp.MustCompile(`^(xcache:|codec:|bad DSN:|parameter|host|[ …:,;])*$`)

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z%]`)

// filledIn returns a format as it is printed, with … for every verb.
func filledIn(format string) string {
	text := verb.ReplaceAllStringFunc(format, func(v string) string {
		if v == "%%" {
			return "%"
		}
		return "…"
	})
	return strings.TrimSpace(strings.SplitN(text, "\n", 2)[0])
}

var entryText = regexp.MustCompile("(?m)^\\* `(.*)`$")

// Whoever sees an error finds the page by its text: every text of the library is there, and
// no other. Each group of texts says what they mean, and what to do.
func TestTroubleshootingHasEveryError(t *testing.T) {
	page := read(t, "docs/troubleshooting.md")
	texts := sourceTexts(t)
	require.Greater(t, len(texts), 200, "texts found in the source")
	listed := make(map[string]bool)
	for _, match := range entryText.FindAllStringSubmatch(page, -1) {
		require.False(t, listed[match[1]], "docs/troubleshooting.md lists %q twice", match[1])
		listed[match[1]] = true
	}
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		if !listed[text] {
			t.Errorf("docs/troubleshooting.md has no entry for an error of %s:\n* `%s`", texts[text], text)
		}
	}
	for text := range listed {
		if texts[text] == "" {
			t.Errorf("docs/troubleshooting.md has an entry for an error that nothing makes: %s", text)
		}
	}
	for _, group := range strings.Split(page, "\n### ")[1:] {
		title, body, _ := strings.Cut(group, "\n")
		if entryText.MatchString(body) {
			require.Contains(t, body, "\n**Means:** ", title)
			require.Contains(t, body, "\n**Do:** ", title)
		}
	}
}
