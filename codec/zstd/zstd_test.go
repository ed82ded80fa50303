package zstd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
	"github.com/xcache-go/xcache/codec/zstd"
)

func TestCompressor(t *testing.T) {
	compressortest.Run(t, compressortest.Subject{Compressor: zstd.Compressor, Checked: true, Levels: []string{"1", "10"}, Slack: 256 << 10})
}

func FuzzDecompress(f *testing.F) { compressortest.Fuzz(f, zstd.Compressor) }

func BenchmarkCompressor(b *testing.B) { compressortest.Bench(b, zstd.Compressor) }

func Example() {
	// The blank import of this package is enough for a DSN; its Compressor is
	// for a chain that is made by hand.
	chain, err := codec.New(codec.Config{Compressors: []codec.Compressor{zstd.Compressor}})
	if err != nil {
		fmt.Println(err)
		return
	}
	value := strings.Repeat("all work and no play ", 50)
	stored, err := chain.Append(nil, value)
	if err != nil {
		fmt.Println(err)
		return
	}
	var back string
	read, err := chain.Decode(stored, &back)
	fmt.Println(len(stored) < len(value)/5, back == value, read.Compressor, err)
	// Output: true true zstd <nil>
}
