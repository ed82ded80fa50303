// Package docs holds the guides. Its tests keep them true.
package docs

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
)

// root is the folder of the module.
const root = ".."

// pages are the guides, relative to root.
func pages(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md", "CHANGELOG.md"}
	for _, pattern := range []string{"*.md", "conformance/*.md", "examples/*/*.md"} {
		guides, err := filepath.Glob(pattern)
		require.NoError(t, err, "no guides found")
		require.NotEmpty(t, guides, "no guides found")
		for _, guide := range guides {
			all = append(all, "docs/"+filepath.ToSlash(guide))
		}
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

var (
	codeBlock = regexp.MustCompile("(?m)(?:^<!-- (\\S+) -->\n)?^```(go|text)\n((?s:.*?))^```$")
	inCode    = regexp.MustCompile("`[^`\n]+`")
	link      = regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	marks     = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every piece of Go in the guides is part of a file that is compiled and
// tested, which the comment above it names.
func TestCodeIsThatOfTheExamples(t *testing.T) {
	checked := 0
	for _, page := range pages(t) {
		for _, block := range codeBlock.FindAllStringSubmatch(read(t, page), -1) {
			file, language, code := block[1], block[2], block[3]
			switch {
			case file != "":
				require.Contains(t, unindented(read(t, file)), unindented(code), "%s: this is not, word for word, in %s", page, file)
				checked++
			case language == "go":
				require.Fail(t, "the comment above this code does not name the file it is from", "%s:\n%s", page, code)
			}
		}
	}
	require.GreaterOrEqual(t, checked, 10, "only %d pieces of code were found", checked)
}

// unindented returns code without what its lines start with, so that the body
// of a function can be shown on its own.
func unindented(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
	}
	return strings.Join(lines, "\n")
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text := inCode.ReplaceAllString(codeBlock.ReplaceAllString(read(t, page), ""), "")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor := match[1], match[2]
			if strings.Contains(target, "://") {
				continue
			}
			file := filepath.Join(filepath.Dir(page), target)
			if target == "" {
				file = page
			}
			_, err := os.Stat(filepath.Join(root, file))
			require.NoError(t, err, "%s links to %s", page, target)
			if anchor != "" {
				require.Contains(t, anchors(read(t, file)), anchor, "%s links to %s", page, target+anchor)
			}
		}
	}
}

// anchors returns those of the headings of a page, as GitHub makes them.
func anchors(text string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		words := marks.ReplaceAllString(strings.ToLower(match[1]), "")
		all = append(all, "#"+strings.ReplaceAll(words, " ", "-"))
	}
	return all
}

// dsns open a cache of each driver.
var dsns = map[string]string{"memory": "memory://", "redis": "redis://localhost", "valkey": "valkey://localhost"}

// A row of a table of parameters.
type row struct{ name, example string }

var parameterRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| `([^`]+)` \\|")

func TestConfigurationListsTheParametersOfTheCode(t *testing.T) {
	sections := strings.Split(read(t, "docs/configuration.md"), "\n### Of ")[1:]
	documented := make(map[string][]row)
	for _, section := range sections {
		names, text, _ := strings.Cut(section, "\n")
		for _, match := range parameterRow.FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(names, " and ") {
				documented[name] = append(documented[name], row{match[1], match[2]})
			}
		}
	}
	every := maps.Clone(dsns)
	for _, name := range []string{"redis", "valkey"} {
		sentinel := name + "+sentinel"
		every[sentinel] = sentinel + "://localhost"
		documented[sentinel] = append(documented[sentinel], documented[name]...)
	}
	core := documented["every driver"]
	for name, dsn := range every {
		var names []string
		for _, row := range slices.Concat(core, documented[name]) {
			names = append(names, row.name)
		}
		slices.Sort(names)
		require.Equal(t, knownParameters(t, dsn), names, "parameters of %s:\ndocumented", name)
		for _, row := range slices.Concat(core, documented[name]) {
			acceptsExample(t, dsn, row)
		}
	}
}

// knownParameters returns the names that the code reads, sorted, which an
// error about an unknown one lists.
func knownParameters(t *testing.T, dsn string) []string {
	t.Helper()
	text := dsn + "?zzzzzzzzzzzzzzzzzzzzzzzzzzzz=1"
	if strings.Contains(dsn, "+sentinel") {
		text += "&master=m"
	}
	_, err := xcache.OpenDSN(text)
	require.Error(t, err, "%s took an unknown parameter", dsn)
	_, list, ok := strings.Cut(err.Error(), "known are ")
	require.True(t, ok, "the error for an unknown parameter lists none: %v", err)
	return strings.Split(list, ", ")
}

// acceptsExample opens a cache with the example of a parameter, and with what
// goes with it.
func acceptsExample(t *testing.T, dsn string, row row) {
	t.Helper()
	value := row.example
	with := ""
	switch row.name {
	case "breaker_failures", "breaker_cooldown", "breaker_max_cooldown":
		with = "&breaker=on"
	case "compress_min":
		with = "&compressor=gzip"
	case "addr":
		dsn = strings.TrimSuffix(dsn, "localhost")
	case "tls_server_name":
		end := strings.IndexAny(dsn, "+:")
		dsn = dsn[:end] + "s" + dsn[end:]
	case "sentinel_user":
		with = "&sentinel_password=secret"
	case "encryption_keys":
		value = filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(value, []byte("MDEyMzQ1Njc4OWFiY2RlZg==\n"), 0o600))
	case "password_file", "sentinel_password_file":
		value = filepath.Join(t.TempDir(), "password")
		require.NoError(t, os.WriteFile(value, []byte("secret\n"), 0o600))
	case "tls_ca", "tls_cert", "tls_key":
		return // the tests of the driver make certificates
	}
	if strings.Contains(dsn, "+sentinel") && row.name != "master" {
		with += "&master=m"
	}
	cache, err := xcache.OpenDSN(dsn + "?" + row.name + "=" + value + with)
	require.NoError(t, err, "the example of %s is refused", row.name)
	require.NoError(t, cache.Close(), "the example of %s", row.name)
}

func TestReadmeNamesTheSameParameters(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## DSN\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, match := range regexp.MustCompile("`([a-z_]+)`[ ,.(]").FindAllStringSubmatch(section, -1) {
		named = append(named, match[1])
	}
	for name, dsn := range dsns {
		for _, parameter := range knownParameters(t, dsn) {
			require.Contains(t, named, parameter, "README.md does not name %s of %s", parameter, name)
		}
	}
}

// The readme's table of errors is that of the package.
func TestReadmeListsTheErrors(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "errors.go"), nil, 0)
	require.NoError(t, err)
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
			want = append(want, spec.Names[0].Name)
		}
		return true
	})
	slices.Sort(want)
	var got []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(Err[A-Za-z]+)` \\|").FindAllStringSubmatch(read(t, "README.md"), -1) {
		got = append(got, match[1])
	}
	slices.Sort(got)
	require.Equal(t, want, got, "README.md lists")
	require.NotEmpty(t, want, "README.md lists\n%v\nthe package has\n%v", got, want)
}

// recorder is an Observer that collects the names of operations.
type recorder struct{ names []string }

func (r *recorder) Start(ctx context.Context, op *xcache.Operation) context.Context {
	if !slices.Contains(r.names, op.Name) {
		r.names = append(r.names, op.Name)
	}
	return ctx
}

func (r *recorder) End(context.Context, *xcache.Operation) {}

func TestObservingListsTheOperations(t *testing.T) {
	var seen recorder
	cache, err := xcache.OpenDSN("memory://", xcache.WithObserver(&seen))
	require.NoError(t, err)
	defer cache.Close()
	require.NoError(t, everyOperation(t.Context(), cache))
	slices.Sort(seen.names)
	want := strings.Join(seen.names, ", ")
	_, block, _ := strings.Cut(read(t, "docs/observing.md"), "```text\n")
	block, _, _ = strings.Cut(block, "\n```")
	require.Equal(t, want, strings.ReplaceAll(block, "\n", " "), "docs/observing.md lists")
}

// beginOperations are the functions of the core that begin an operation with a name.
var beginOperations = []string{"start", "startInSteps", "startUntimed", "doAs", "deleteOld", "newOp", "move", "setExpiry", "clear", "store"}

// The page also names the operations that only a feature has.
func TestObservingNamesTheOperationsOfTheCore(t *testing.T) {
	page := read(t, "docs/observing.md")
	_, block, _ := strings.Cut(page, "```text\n")
	block, _, _ = strings.Cut(block, "\n```")
	named := strings.Split(strings.ReplaceAll(strings.ReplaceAll(block, "\n", " "), ", ", "\n"), "\n")
	for _, match := range inCode.FindAllString(page, -1) {
		named = append(named, strings.Trim(match, "`"))
	}
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	require.NoError(t, err)
	found := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			var function string
			switch called := call.Fun.(type) {
			case *ast.SelectorExpr:
				function = called.Sel.Name
			case *ast.Ident:
				function = called.Name
			}
			if !slices.Contains(beginOperations, function) {
				return true
			}
			for _, arg := range call.Args {
				if literal, ok := arg.(*ast.BasicLit); ok && literal.Kind == token.STRING && len(literal.Value) > 2 {
					found++
					require.Contains(t, named, strings.Trim(literal.Value, `"`), "docs/observing.md does not name an operation of %s", filepath.Base(path))
					break
				}
			}
			return true
		})
	}
	require.Greater(t, found, 30, "operations were found")
}

func everyOperation(ctx context.Context, c *xcache.Cache) error {
	v := xcache.For[int](c)
	var errs []error
	add := func(err error) {
		if !errors.Is(err, xcache.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	add(v.Set(ctx, "a", 1))
	add(v.SetMany(ctx, map[string]int{"b": 2}))
	for _, op := range []func() (any, error){
		func() (any, error) { return v.Get(ctx, "a") },
		func() (any, error) { return v.GetOr(ctx, "a", 1) },
		func() (any, error) { return v.GetMany(ctx, []string{"a"}) },
		func() (any, error) { return v.GetOrSet(ctx, "c", func(context.Context) (int, error) { return 3, nil }) },
		func() (any, error) { return v.Add(ctx, "a", 1) },
		func() (any, error) { return v.Replace(ctx, "a", 1) },
		func() (any, error) { return v.Swap(ctx, "a", 1) },
		func() (any, error) { return v.CompareAndSwap(ctx, "a", 1, 2) },
		func() (any, error) { return v.CompareAndDelete(ctx, "a", 1) },
		func() (any, error) { return c.Incr(ctx, "a", 1) },
		func() (any, error) { return c.Decr(ctx, "a", 1) },
		func() (any, error) { return c.IncrInit(ctx, "a", 1, 0) },
		func() (any, error) { return c.Has(ctx, "a") },
		func() (any, error) { return c.TTL(ctx, "a") },
		func() (any, error) { return c.TTLMany(ctx, []string{"a"}) },
		func() (any, error) { return c.Touch(ctx, "a") },
		func() (any, error) { return c.Expire(ctx, "a", time.Minute) },
		func() (any, error) { return c.ExpireAt(ctx, "a", time.Now().Add(time.Minute)) },
		func() (any, error) { return c.Persist(ctx, "a") },
		func() (any, error) { return c.Type(ctx, "a") },
		func() (any, error) { return c.RenameNX(ctx, "a", "b") },
		func() (any, error) { return c.IncrVersion(ctx, "a", 1) },
		func() (any, error) { return c.DecrVersion(ctx, "b", 1) },
		func() (any, error) { return c.Delete(ctx, "a") },
		func() (any, error) { return c.DeletePattern(ctx, "a*") },
		func() (any, error) { return c.Clear(ctx) },
		func() (any, error) { return c.ClearAllVersions(ctx) },
	} {
		_, err := op()
		add(err)
	}
	add(c.Rename(ctx, "a", "b"))
	add(c.Ping(ctx))
	add(c.Pipeline().Exec(ctx))
	for _, err := range c.Keys(ctx, "*") {
		add(err)
	}
	add(c.FlushDB(ctx))
	return errors.Join(errs...)
}

// The guide on drivers names the optional interfaces there are.
func TestDriverGuideNamesTheInterfaces(t *testing.T) {
	text := read(t, "docs/writing-a-driver.md")
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "driver", "capabilities.go"), nil, 0)
	require.NoError(t, err)
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if _, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.Name != "Limiter" && spec.Name.Name != "Capable" {
			found++
			require.Contains(t, text, "`"+spec.Name.Name+"`", "docs/writing-a-driver.md does not name %s", spec.Name.Name)
		}
		return false
	})
	require.NotZero(t, found, "no interfaces found")
}
