// Package formats links every format of the library, and has values of every class of
// types, for tests and benchmarks of all formats.
package formats

import (
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/brotli"
	"github.com/xcache-go/xcache/codec/cbor"
	"github.com/xcache-go/xcache/codec/lz4"
	"github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/codec/s2"
	"github.com/xcache-go/xcache/codec/xz"
	"github.com/xcache-go/xcache/codec/zstd"
)

// Serializers returns every serializer.
func Serializers() []codec.Serializer {
	return []codec.Serializer{codec.JSON, codec.Gob, codec.Raw, msgpack.Serializer, cbor.Serializer, pickle.Serializer}
}

// Compressors returns every compressor, at the default level of DSNs.
func Compressors() []codec.Compressor {
	return []codec.Compressor{codec.Gzip, codec.Zlib, zstd.Compressor, lz4.Compressor, s2.Compressor, brotli.Compressor, xz.Compressor}
}

// A Single is a chain of one serializer and at most one compressor.
type Single struct {
	// Name is a name such as "json+none/plain".
	Name       string
	Serializer codec.Serializer
	Compressor codec.Compressor // nil for none
	Config     codec.Config
	Chain      *codec.Chain
}

// Singles returns the chains that codec.New accepts of one serializer and at most one
// compressor, in both formats. compressMin is their CompressMin.
func Singles(compressMin int) []Single {
	var all []Single
	for _, s := range Serializers() {
		for _, m := range append([]codec.Compressor{nil}, Compressors()...) {
			for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
				config := codec.Config{Serializers: []codec.Serializer{s}, CompressMin: compressMin, Format: format}
				name := s.Name() + "+none"
				if m != nil {
					config.Compressors = []codec.Compressor{m}
					name = s.Name() + "+" + m.Name()
				}
				if chain, err := codec.New(config); err == nil {
					all = append(all, Single{name + "/" + format.String(), s, m, config, chain})
				}
			}
		}
	}
	return all
}
