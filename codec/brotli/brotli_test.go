package brotli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/brotli"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
)

func TestCompressor(t *testing.T) {
	compressortest.Run(t, compressortest.Subject{Compressor: brotli.Compressor, Checked: false, Levels: []string{"0", "9"}, Slack: 256 << 10, Allocations: 8})
}

func FuzzDecompress(f *testing.F) { compressortest.Fuzz(f, brotli.Compressor) }

func BenchmarkCompressor(b *testing.B) { compressortest.Bench(b, brotli.Compressor) }

func Example() {
	// The blank import of this package is enough for a DSN; its Compressor is
	// for a chain that is made by hand.
	chain, err := codec.New(codec.Config{Compressors: []codec.Compressor{brotli.Compressor}})
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
	// Output: true true brotli <nil>
}
