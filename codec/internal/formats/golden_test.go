package formats_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

var update = flag.Bool("update", false, "write the golden files that are missing; none that is there is changed")

// golden is what the golden files hold. It is stored in caches: it, and the
// files, may never change.
type golden struct {
	ID    int64
	Name  string
	Ratio float64
	Tags  []string
	Photo []byte
	Long  string
}

var goldenValue = golden{ID: 1 << 53, Name: "Ada \U0001F980 <&>", Ratio: 0.1, Tags: []string{"a", ""}, Photo: []byte{0, 127, 255},
	Long: strings.Repeat("all work and no play makes jack a dull boy. ", 20)}

// goldenFile returns what is in a file. If it is missing, and asked for, it is
// written first.
func goldenFile(t *testing.T, name string, write func() ([]byte, error)) []byte {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) && *update {
		if content, err = write(); err == nil {
			err = os.WriteFile(file, content, 0o644)
		}
	}
	require.NoError(t, err)
	return content
}

// Every version reads what the first one wrote, with every serializer and
// compressor.
func TestGoldenFilesAreRead(t *testing.T) {
	for _, single := range formats.Singles(0) {
		t.Run(single.Name, func(t *testing.T) {
			var value any = goldenValue
			if single.Serializer == codec.Raw {
				value = goldenValue.Long
			}
			stored := goldenFile(t, strings.NewReplacer("+", "-", "/", "-").Replace(single.Name),
				func() ([]byte, error) { return single.Chain.Append(nil, value) })
			got, read, err := readAs(single.Chain, stored, value)
			want := codec.Read{Serializer: single.Serializer.Name(), Tagged: single.Config.Format == codec.Tagged}
			if single.Compressor != nil {
				want.Compressor = single.Compressor.Name()
			}
			require.NoError(t, err, "read %.60q by %+v, %v, want it by %+v", fmt.Sprint(got), read, err, want)
			require.True(t, equal(got, value), "read %.60q by %+v, %v, want it by %+v", fmt.Sprint(got), read, err, want)
			require.Equal(t, want, read, "read %.60q by %+v, %v, want it by %+v", fmt.Sprint(got), read, err, want)
			// What is not compressed is written the same today.
			if single.Compressor == nil && single.Serializer != codec.Gob {
				now, err := single.Chain.Append(nil, value)
				require.NoError(t, err, "written today: %.60x, %v, then: %.60x", now, err, stored)
				require.Equal(t, string(stored), string(now), "written today")
			}
		})
	}
}

// And values of every class of types, with every serializer.
func TestGoldenClassesAreRead(t *testing.T) {
	const longest = 2000 // of what is kept
	for _, s := range formats.Serializers() {
		chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{s}})
		content := goldenFile(t, s.Name()+"-classes.txt", func() ([]byte, error) {
			var b bytes.Buffer
			for _, class := range formats.Classes() {
				if stored, err := chain.Append(nil, class.Value); err == nil && len(stored) < longest {
					fmt.Fprintf(&b, "%s: %x\n", class.Name, stored)
				}
			}
			return b.Bytes(), nil
		})
		classes := map[string]formats.Class{}
		for _, class := range formats.Classes() {
			classes[class.Name] = class
		}
		for line := range strings.Lines(string(content)) {
			name, digits, _ := strings.Cut(strings.TrimSpace(line), ":")
			class, ok := classes[name]
			stored, err := hex.DecodeString(strings.TrimSpace(digits))
			require.True(t, ok, "%s: the line of %q is of no class: %v", s.Name(), name, err)
			require.NoError(t, err, "%s: the line of %q is of no class", s.Name(), name)
			want, _ := class.Stored(s.Name())
			got, read, err := readAs(chain, stored, class.Value)
			require.NoError(t, err, "%s: %s, written as %.60x, is read as %#v by %+v, %v", s.Name(), name, stored, got, read, err)
			require.True(t, equal(got, want), "%s: %s, written as %.60x, is read as %#v by %+v, %v", s.Name(), name, stored, got, read, err)
		}
	}
}
