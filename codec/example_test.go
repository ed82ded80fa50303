package codec_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/codec"
)

func ExampleChain() {
	type user struct{ Name string }

	// Yesterday's values are gob. Today's are JSON, and both are read.
	yesterday, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Gob}})
	if err != nil {
		fmt.Println(err)
		return
	}
	today, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.JSON, codec.Gob}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, writer := range []*codec.Chain{yesterday, today} {
		stored, err := writer.Append(nil, user{"Ada"})
		if err != nil {
			fmt.Println(err)
			return
		}
		var u user
		read, err := today.Decode(stored, &u)
		fmt.Println(u.Name, read.Serializer, read.Fallback, err)
	}
	// Output:
	// Ada gob true <nil>
	// Ada json false <nil>
}

func ExampleConfig() {
	_, err := codec.New(codec.Config{
		Serializers: []codec.Serializer{codec.Raw},
		Compressors: []codec.Compressor{codec.Gzip},
	})
	fmt.Println(err)

	_, err = codec.New(codec.Config{
		Serializers: []codec.Serializer{codec.Raw},
		Compressors: []codec.Compressor{codec.Gzip},
		Format:      codec.Tagged,
	})
	fmt.Println(err)
	// Output:
	// xcache: codec: in the plain format raw accepts any bytes, so its values cannot be told from those of gzip; use format=tagged, or leave one of them out
	// <nil>
}

func ExampleParse() {
	serializers, compressors, err := codec.Parse("json,gob", "gzip:9")
	fmt.Println(len(serializers), len(compressors), err)

	_, _, err = codec.Parse("json", "zstd")
	fmt.Println(err)
	// Output:
	// 2 1 <nil>
	// xcache: codec: compressor zstd is not linked into this program; add import _ "github.com/xcache-go/xcache/codec/zstd"
}

func ExampleError() {
	chain, err := codec.New(codec.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var user struct{ Age int8 }
	_, err = chain.Decode([]byte(`{"Age": "a secret"}`), &user)
	fmt.Println(errors.Is(err, codec.ErrCorrupt))
	fmt.Println(err)
	// Output:
	// true
	// xcache: corrupt value: json: it cannot be read as struct { Age int8 }: string for int8 in field "Age"
}

func ExampleCompressor() {
	text := []byte(strings.Repeat("all work and no play ", 50))
	short, err := codec.Gzip.Append(nil, text)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := codec.Gzip.Decompress(nil, short, 2000)
	fmt.Println(len(short) < len(text), len(back), err)

	_, err = codec.Gzip.Decompress(nil, short, 1000)
	fmt.Println(err)
	// Output:
	// true 1050 <nil>
	// xcache: value too large: gzip: more than 1000 bytes
}

func ExampleSerializer() {
	stored, err := codec.JSON.Append(nil, map[string]int{"answer": 42})
	fmt.Println(string(stored), err)

	var back map[string]int
	err = codec.JSON.Unmarshal(stored, &back)
	fmt.Println(back["answer"], err)
	// Output:
	// {"answer":42} <nil>
	// 42 <nil>
}
