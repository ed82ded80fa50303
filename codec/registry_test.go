package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// A fake is a serializer and a compressor that only has a name.
type fake struct{ name string }

func (f fake) Name() string                                { return f.name }
func (fake) Unmarshal([]byte, any) error                   { panic("canary") }
func (fake) Decompress(_, _ []byte, _ int) ([]byte, error) { panic("canary") }

type fakeSerializer struct{ fake }

func (fakeSerializer) Append(dst []byte, v any) ([]byte, error) { return append(dst, 0xff), nil }

type fakeCompressor struct{ fake }

func (fakeCompressor) Append(dst, src []byte) ([]byte, error) { return append(dst, 0xfe), nil }

// A taggedFake has an id of its own.
type taggedFake struct {
	fakeSerializer
	id byte
}

func (f taggedFake) TagID() byte { return f.id }

func TestFormatsAreFoundByName(t *testing.T) {
	for _, name := range []string{"json", "gob", "raw"} {
		s, err := codec.LookupSerializer(name)
		require.NoError(t, err, "LookupSerializer(%q): %v, %v", name, s, err)
		require.Equal(t, name, s.Name(), "LookupSerializer(%q): %v, %v", name, s, err)
		require.Contains(t, codec.Serializers(), name)
	}
	for _, name := range []string{"gzip", "zlib"} {
		c, err := codec.LookupCompressor(name)
		require.NoError(t, err, "LookupCompressor(%q): %v, %v", name, c, err)
		require.Equal(t, name, c.Name(), "LookupCompressor(%q): %v, %v", name, c, err)
		require.Contains(t, codec.Compressors(), name, "Compressors() lacks it")
	}
}

func TestListsOfNames(t *testing.T) {
	tests := []struct {
		serializers, compressors string
		want                     string // the names, or what the error says
	}{
		{"", "", ""},
		{"json", "", "json"},
		{"json,gob", "zlib,gzip", "json gob zlib gzip"},
		{"raw", "gzip:9,zlib:1", "raw gzip zlib"},
		{"msgpack", "", `error: add import _ "github.com/xcache-go/xcache/codec/msgpack"`},
		{"json,cbor", "", `error: codec/cbor`},
		{"pickle", "", `error: codec/pickle`},
		{"", "zstd", `error: codec/zstd`},
		{"", "zstd:3", `error: codec/zstd`},
		{"", "lz4", `error: codec/lz4`},
		{"", "brotli", `error: codec/brotli`},
		{"", "xz", `error: codec/xz`},
		{"", "s2", `error: codec/s2`},
		{"jsno", "", "error: unknown serializer jsno; known are cbor, gob, json, msgpack, pickle, raw"},
		{"", "gunzip", "error: unknown compressor gunzip; known are brotli, gzip, lz4, "},
		{"json", "none", "json none"},
		{"json", "none,gzip:9", "json none gzip"},
		{"", "none:1", "error: compressor none has no levels"},
		{"", "nome", "error: known are brotli, gzip, lz4, none, "},
		{"none", "", "error: unknown serializer none"},
		{"gzip", "", "error: unknown serializer gzip"},
		{"json, gob", "", "error: unreadable name"},
		{"json,", "", "error: unreadable name"},
		{"JSON", "", "error: unreadable name"},
		{"", "gzip:", "error: whole number"},
		{"", "gzip:best", "error: whole number"},
		{"", "gzip:0", "error: from 1"},
		{"", "gzip:10", "error: from 1"},
		{"", "gzip:-1", "error: from 1"},
	}
	for _, test := range tests {
		serializers, compressors, err := codec.Parse(test.serializers, test.compressors)
		if want, isError := strings.CutPrefix(test.want, "error: "); isError {
			require.ErrorContains(t, err, want, "Parse(%q, %q)", test.serializers, test.compressors)
			require.True(t, strings.HasPrefix(err.Error(), "xcache: "), "Parse(%q, %q): %v, want an error that says %q", test.serializers, test.compressors, err, want)
			continue
		}
		var names []string
		for _, s := range serializers {
			names = append(names, s.Name())
		}
		for _, c := range compressors {
			names = append(names, c.Name())
		}
		require.NoError(t, err, "Parse(%q, %q)", test.serializers, test.compressors)
		require.Equal(t, test.want, strings.Join(names, " "), "Parse(%q, %q)", test.serializers, test.compressors)
	}
}

func TestNamesThatAreNoNamesAreNotRepeated(t *testing.T) {
	for _, name := range []string{"p@ssw0rd", "Canary", "a/b", strings.Repeat("a", 33)} {
		_, err := codec.LookupSerializer(name)
		_, err2 := codec.LookupCompressor(name)
		require.Error(t, err, "%q: %v, %v", name, err, err2)
		require.Error(t, err2, "%q: %v, %v", name, err, err2)
		require.NotContains(t, err.Error()+err2.Error(), name)
	}
}

func TestLevelsChangeTheOutput(t *testing.T) {
	text, err := codec.JSON.Append(nil, newRecord(16<<10))
	require.NoError(t, err)
	for _, name := range []string{"gzip", "zlib"} {
		length := func(spec string) int {
			c, err := codec.LookupCompressor(spec)
			require.NoError(t, err)
			out, err := c.Append(nil, text)
			require.NoError(t, err)
			back, err := c.Decompress(nil, out, len(text))
			require.NoError(t, err, spec)
			require.Equal(t, string(text), string(back), spec)
			return len(out)
		}
		fast, small := length(name+":1"), length(name+":9")
		require.Greater(t, fast, small, "%s:1 gives %d bytes, %s:9 %d", name, fast, name, small)
	}
}

func TestRegistering(t *testing.T) {
	codec.Register(fakeSerializer{fake{"registered"}})
	codec.RegisterCompressor(fakeCompressor{fake{"registered"}})
	s, c, err := codec.Parse("registered", "registered")
	require.NoError(t, err, "Parse: %v, %v", s, c)
	require.Equal(t, "registered", s[0].Name(), "Parse: %v, %v", s, c)
	require.Equal(t, "registered", c[0].Name(), "Parse: %v, %v", s, c)
	_, err = codec.LookupCompressor("registered:3")
	require.ErrorContains(t, err, "no levels", "a level of a compressor without")
	panics := map[string]func(){
		"nil serializer":   func() { codec.Register(nil) },
		"nil compressor":   func() { codec.RegisterCompressor(nil) },
		"taken serializer": func() { codec.Register(codec.JSON) },
		"taken compressor": func() { codec.RegisterCompressor(codec.Gzip) },
		"empty serializer": func() { codec.Register(fakeSerializer{}) },
		"empty compressor": func() { codec.RegisterCompressor(fakeCompressor{}) },
		"none":             func() { codec.RegisterCompressor(fakeCompressor{fake{"none"}}) },
		"strange name":     func() { codec.Register(fakeSerializer{fake{"A:B"}}) },
	}
	for name, register := range panics {
		func() {
			defer func() {
				p, ok := recover().(string)
				require.True(t, ok, "%s: want a panic that says why, got %v", name, p)
				require.True(t, strings.HasPrefix(p, "xcache: "), "%s: want a panic that says why, got %v", name, p)
			}()
			register()
		}()
	}
}

func TestChainsThatNewRefuses(t *testing.T) {
	mark := fakeSerializer{fake{"unmarked"}}
	press := fakeCompressor{fake{"press"}}
	serializers := func(s ...codec.Serializer) []codec.Serializer { return s }
	compressors := func(c ...codec.Compressor) []codec.Compressor { return c }
	tests := []struct {
		name   string
		config codec.Config
		want   string // what the error says; "" if the chain is fine
	}{
		{"nothing", codec.Config{}, ""},
		{"json and gob", codec.Config{Serializers: jsonGob, Compressors: gzipZlib}, ""},
		{"raw alone", codec.Config{Serializers: rawOnly}, ""},
		{"one without a mark", codec.Config{Serializers: serializers(codec.JSON, mark, codec.Gob), Compressors: gzipZlib}, ""},
		{"a compressor without a mark", codec.Config{Serializers: jsonGob, Compressors: compressors(press, codec.Gzip)}, ""},
		{"raw and gzip", codec.Config{Serializers: rawOnly, Compressors: gzipOnly}, "raw accepts any bytes, so its values cannot be told from those of gzip; use format=tagged"},
		{"raw and json", codec.Config{Serializers: serializers(codec.Raw, codec.JSON)}, "those of json"},
		{"json and raw", codec.Config{Serializers: serializers(codec.JSON, codec.Raw)}, "raw accepts any bytes"},
		{"raw and one without a mark", codec.Config{Serializers: serializers(mark, codec.Raw)}, "raw accepts any bytes"},
		{"two without a mark", codec.Config{Serializers: serializers(mark), Compressors: compressors(press)}, "the values of unmarked and press cannot be told apart"},
		{"raw and gzip, tagged", codec.Config{Serializers: rawOnly, Compressors: gzipOnly, Format: codec.Tagged}, ""},
		{"raw, json and gob, tagged", codec.Config{Serializers: serializers(codec.Raw, codec.JSON, codec.Gob), Format: codec.Tagged}, ""},
		{"no id, tagged", codec.Config{Serializers: serializers(mark), Format: codec.Tagged}, "unmarked has no id"},
		{"an id, tagged", codec.Config{Serializers: serializers(taggedFake{mark, 200}), Format: codec.Tagged}, ""},
		{"an id of the library's", codec.Config{Serializers: serializers(taggedFake{mark, 100}), Format: codec.Tagged}, "from 128"},
		{"the same id twice", codec.Config{Serializers: serializers(taggedFake{mark, 200}, taggedFake{fakeSerializer{fake{"other"}}, 200}), Format: codec.Tagged}, "same id"},
		{"twice the same", codec.Config{Serializers: serializers(codec.JSON, codec.JSON)}, "serializer json is named twice"},
		{"twice the same compressor", codec.Config{Compressors: compressors(codec.Gzip, codec.Gzip)}, "compressor gzip is named twice"},
		{"none alone", codec.Config{Compressors: compressors(codec.None)}, ""},
		{"none in front", codec.Config{Compressors: compressors(codec.None, codec.Gzip), Format: codec.Tagged}, ""},
		{"none behind", codec.Config{Compressors: compressors(codec.Gzip, codec.None)}, "none says that nothing is written compressed, so it must come first"},
		{"none twice", codec.Config{Compressors: compressors(codec.None, codec.None)}, "must come first, and only once"},
		{"raw, none and gzip", codec.Config{Serializers: rawOnly, Compressors: compressors(codec.None, codec.Gzip)}, "those of gzip; use format=tagged"},
		{"raw and none", codec.Config{Serializers: rawOnly, Compressors: compressors(codec.None)}, ""},
		{"nil serializer", codec.Config{Serializers: serializers(nil)}, "nil"},
		{"nil compressor", codec.Config{Compressors: compressors(nil)}, "nil"},
		{"no name", codec.Config{Serializers: serializers(fakeSerializer{})}, "no name"},
		{"negative minimum", codec.Config{CompressMin: -2}, "CompressMin"},
		{"negative limit", codec.Config{MaxValue: -1}, "MaxValue"},
		{"unknown format", codec.Config{Format: 2}, "Format"},
	}
	for _, test := range tests {
		_, err := codec.New(test.config)
		require.False(t, test.want == "" && err != nil, "%s: %v", test.name, err)
		require.False(t, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)), "%s: %v, want an error that says %q", test.name, err, test.want)
		require.False(t, err != nil && strings.Count(err.Error(), "xcache: ") != 1, "%s: want one prefix: %v", test.name, err)
	}
}

func TestAChainDoesNotShareItsConfig(t *testing.T) {
	members := []codec.Serializer{codec.JSON}
	chain := mustChain(t, codec.Config{Serializers: members})
	members[0] = codec.Gob
	out, err := chain.Append(nil, "x")
	require.NoError(t, err)
	require.Equal(t, `"x"`, string(out))
}
