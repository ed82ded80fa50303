package codec_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
)

var update = flag.Bool("update", false, "write the golden files that are missing")

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

// Every version reads what the first one wrote.
func TestGoldenFilesAreRead(t *testing.T) {
	for name, chain := range everyChain(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "golden", strings.NewReplacer("+", "-", "/", "-").Replace(name))
			raw := strings.HasPrefix(name, "raw")
			var value any = goldenValue
			if raw {
				value = goldenValue.Long
			}
			stored, err := os.ReadFile(file)
			if os.IsNotExist(err) && *update {
				if stored, err = chain.Append(nil, value); err == nil {
					err = os.WriteFile(file, stored, 0o644)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			var read codec.Read
			if raw {
				var got string
				if read, err = chain.Decode(stored, &got); got != goldenValue.Long {
					t.Errorf("read %.30q, %v", got, err)
				}
			} else {
				var got golden
				if read, err = chain.Decode(stored, &got); !equal(got, goldenValue) {
					t.Errorf("read %+v, %v", got, err)
				}
			}
			if read.Fallback || read.Tagged != strings.HasSuffix(name, "tagged") || (read.Compressor == "") != strings.Contains(name, "none") {
				t.Errorf("read by %+v", read)
			}
			// What is not compressed is written the same today.
			if strings.Contains(name, "none") && !strings.HasPrefix(name, "gob") {
				if now, err := chain.Append(nil, value); err != nil || !bytes.Equal(now, stored) {
					t.Errorf("written today: %.60x, %v, then: %.60x", now, err, stored)
				}
			}
		})
	}
}

// A tagged value, byte by byte.
func TestTheTaggedFormat(t *testing.T) {
	chain := mustChain(t, codec.Config{Format: codec.Tagged})
	stored, err := chain.Append(nil, "hi")
	const want = "\xFE\xC1" + // magic
		"\x01" + // version
		"\x01" + // json
		"\x00" + // not compressed
		"\x04" + // four bytes
		"\x3a\x78\xca\xa9" + // CRC-32C
		`"hi"`
	if err != nil || string(stored) != want {
		t.Errorf("got %q, %v, want %q", stored, err, want)
	}
}
