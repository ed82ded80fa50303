package xcache_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// A program links only the modules that it names. The table has the outside modules of each
// package.
func TestAProgramLinksOnlyWhatItNames(t *testing.T) {
	const module = "github.com/xcache-go/xcache"
	for _, test := range []struct {
		pkg     string // below the module; "" is the core
		modules []string
	}{
		{"", nil},
		{"/codec", nil},
		{"/drivers/memory", nil},
		{"/drivers/redis", []string{"github.com/cespare/xxhash/v2", "github.com/redis/go-redis/v9", "go.uber.org/atomic", "golang.org/x/sys"}},
		{"/drivers/valkey", []string{"github.com/valkey-io/valkey-go", "golang.org/x/sys"}},
		{"/codec/msgpack", nil},
		{"/codec/pickle", nil},
		{"/codec/cbor", []string{"github.com/fxamacker/cbor/v2", "github.com/x448/float16"}},
		{"/codec/zstd", []string{"github.com/klauspost/compress"}},
		{"/codec/s2", []string{"github.com/klauspost/compress"}},
		{"/codec/lz4", []string{"github.com/pierrec/lz4/v4"}},
		{"/codec/brotli", []string{"github.com/andybalholm/brotli"}},
		{"/codec/xz", []string{"github.com/ulikunitz/xz"}},
	} {
		t.Run("xcache"+test.pkg, func(t *testing.T) {
			// A program with the core and one other package has the modules of both.
			packages := []string{"list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", module, module + test.pkg}
			out, err := exec.CommandContext(t.Context(), "go", packages...).CombinedOutput()
			require.NoError(t, err, out)
			var modules []string
			for line := range strings.Lines(string(out)) {
				path, outside, _ := strings.Cut(strings.TrimSpace(line), " ")
				if outside != "" && !slices.Contains(modules, outside) {
					modules = append(modules, outside)
				}
				for _, kind := range []string{"/drivers/", "/codec/"} {
					named := strings.HasPrefix(path, module+kind) && !strings.Contains(path, "/internal/")
					if named {
						require.Equal(t, module+test.pkg, path, "is linked")
					}
				}
			}
			slices.Sort(modules)
			require.Equal(t, test.modules, modules, "modules are linked")
		})
	}
}

// A View has the methods of its Cache, and the compiler makes each method again for each type of
// values. So a Cache has no methods but those that callers need, and gets none from a field.
func TestACacheHasExportedMethodsOnly(t *testing.T) {
	for field := range reflect.TypeFor[xcache.Cache]().Fields() {
		require.False(t, field.Anonymous, "%s is embedded", field.Name)
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	methods := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Recv == nil || strings.TrimPrefix(types.ExprString(method.Recv.List[0].Type), "*") != "Cache" {
				continue
			}
			methods++
			require.True(t, method.Name.IsExported(), "Cache.%s: make it a method of core", method.Name)
		}
	}
	require.Positive(t, methods)
}

func TestADSNThatNamesAnUnlinkedFormatSaysWhatToImport(t *testing.T) {
	for parameter, names := range map[string][]string{
		"serializer": {"msgpack", "cbor", "pickle"},
		"compressor": {"zstd", "lz4", "brotli", "s2", "xz"},
	} {
		for _, name := range names {
			_, err := xcache.OpenDSN("memory://?" + parameter + "=" + name)
			want := fmt.Sprintf("add import _ %q", "github.com/xcache-go/xcache/codec/"+name)
			require.ErrorContains(t, err, want, "%s=%s", parameter, name)
		}
	}
}

// touchy fails the test if any method but Name is called.
type touchy struct{ t *testing.T }

func (touchy) Name() string { return "touchy" }

func (f touchy) called(method string) error {
	assert.Fail(f.t, fmt.Sprintf("%s of a format that the cache does not name was called", method))
	return errors.New("called")
}

func (f touchy) Recognize([]byte) bool { return f.called("Recognize") == nil }

type touchySerializer struct{ touchy }

func (f touchySerializer) Append([]byte, any) ([]byte, error) { return nil, f.called("Append") }
func (f touchySerializer) Unmarshal([]byte, any) error        { return f.called("Unmarshal") }
func (touchySerializer) TagID() byte                          { return 200 }

type touchyCompressor struct{ touchy }

func (f touchyCompressor) Append(_, _ []byte) ([]byte, error) { return nil, f.called("Append") }
func (touchyCompressor) TagID() byte                          { return 201 }
func (f touchyCompressor) Decompress(_, _ []byte, _ int) ([]byte, error) {
	return nil, f.called("Decompress")
}

// A format that is linked into the program, but not named by the cache, is never tried, for
// any bytes.
func TestAFormatThatTheCacheDoesNotNameIsNeverTried(t *testing.T) {
	codec.Register(touchySerializer{touchy{t}})
	codec.RegisterCompressor(touchyCompressor{touchy{t}})
	ctx := t.Context()
	for _, dsn := range []string{"memory://?serializer=json", "memory://?serializer=json&compressor=gzip", "memory://?serializer=json&format=tagged"} {
		c, err := xcache.OpenDSN(dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		raw := xcache.For[[]byte](c.With(xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}}))))
		for _, stored := range []string{
			"\x81\xa1a\x01", "\x93\x01\x02\x03", "\xd9\xd9\xf7\x01", "\x80\x04N.", "\xff\xff", "",
			"\xfe\xc1\x01\xc8\x00\x05\x00\x00\x00\x00hello", "\xfe\xc1\x01\x01\xc9\x05\x00\x00\x00\x00hello",
			"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", `{"a":1}`,
		} {
			require.NoError(t, raw.Set(ctx, "k", []byte(stored)))
			value, err := xcache.For[any](c).Get(ctx, "k")
			if stored[:min(1, len(stored))] != "{" {
				require.ErrorIs(t, err, xcache.ErrCorrupt, "%s reads as %v", dsn, value)
			}
		}
	}
}
