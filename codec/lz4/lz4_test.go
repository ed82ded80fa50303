package lz4_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
	"github.com/xcache-go/xcache/codec/lz4"
)

func TestCompressor(t *testing.T) {
	compressortest.Run(t, compressortest.Subject{Compressor: lz4.Compressor, Checked: true, Levels: []string{"1", "9"}, Slack: 64 << 10})
}

func FuzzDecompress(f *testing.F) { compressortest.Fuzz(f, lz4.Compressor) }

func BenchmarkCompressor(b *testing.B) { compressortest.Bench(b, lz4.Compressor) }

func Example() {
	// The blank import of this package is enough for a DSN; its Compressor is
	// for a chain that is made by hand.
	chain, err := codec.New(codec.Config{Compressors: []codec.Compressor{lz4.Compressor}})
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
	// Output: true true lz4 <nil>
}
