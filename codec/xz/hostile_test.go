package xz_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz/lzma"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
	"github.com/xcache-go/xcache/codec/xz"
)

// A forgery is a stream without a check whose checksums are right, whatever else
// it says.
type forgery struct {
	flags      byte
	lengths    []byte // behind the flags of the block
	filter     string // lzma2 with a dictionary of 4 KiB, unless given
	chunks     string
	size       uint64 // of the block, if not what it is
	length     uint64 // of the text
	count      uint64 // of blocks, if not one
	indexExtra string
	backward   uint32 // added to the length of the index
}

func withSum(part []byte) []byte {
	return binary.LittleEndian.AppendUint32(part, crc32.ChecksumIEEE(part))
}

func padded(part []byte) []byte { return append(part, make([]byte, -len(part)&3)...) }

func (f forgery) stream() []byte {
	if f.filter == "" {
		f.filter = "\x21\x01\x00"
	}
	header := padded(append(append([]byte{0, f.flags}, f.lengths...), f.filter...))
	header[0] = byte(len(header) / 4)
	block := append(withSum(header), f.chunks...)
	if f.size == 0 {
		f.size = uint64(len(block))
	}
	if f.count == 0 {
		f.count = 1
	}
	index := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint([]byte{0}, f.count), f.size), f.length)
	index = withSum(padded(append(index, f.indexExtra...)))
	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)+f.backward)
	footer = append(footer, 0, 0)
	stream := append([]byte("\xfd7zXZ\x00"), withSum([]byte{0, 0})...)
	stream = append(append(stream, padded(block)...), index...)
	return append(append(binary.LittleEndian.AppendUint32(stream, crc32.ChecksumIEEE(footer)), footer...), "YZ"...)
}

const hello = "\x01\x00\x04hello\x00" // as a plain chunk

func TestForgedStreams(t *testing.T) {
	const limit = 1 << 20
	for name, test := range map[string]struct {
		forgery
		want error
	}{
		"sound":                        {forgery{chunks: hello, length: 5}, nil},
		"dictionary of 4 GiB":          {forgery{chunks: hello, length: 5, filter: "\x21\x01\x28"}, nil},
		"dictionary beyond 4 GiB":      {forgery{chunks: hello, length: 5, filter: "\x21\x01\x29"}, codec.ErrCorrupt},
		"dictionary with a high bit":   {forgery{chunks: hello, length: 5, filter: "\x21\x01\x40"}, codec.ErrCorrupt},
		"another filter":               {forgery{chunks: hello, length: 5, filter: "\x03\x01\x00"}, codec.ErrCorrupt},
		"two filters":                  {forgery{chunks: hello, length: 5, flags: 1, filter: "\x03\x01\x00\x21\x01\x00"}, codec.ErrCorrupt},
		"reserved flags":               {forgery{chunks: hello, length: 5, flags: 4}, codec.ErrCorrupt},
		"lengths in the block":         {forgery{chunks: hello, length: 5, flags: 0xc0, lengths: []byte{9, 5}}, nil},
		"another compressed length":    {forgery{chunks: hello, length: 5, flags: 0xc0, lengths: []byte{8, 5}}, codec.ErrCorrupt},
		"another length":               {forgery{chunks: hello, length: 5, flags: 0xc0, lengths: []byte{9, 6}}, codec.ErrCorrupt},
		"a number in two ways":         {forgery{chunks: hello, length: 5, flags: 0x80, lengths: []byte{0x85, 0}}, codec.ErrCorrupt},
		"a number without end":         {forgery{chunks: hello, length: 5, flags: 0x80, lengths: bytes.Repeat([]byte{0xff}, 12)}, codec.ErrCorrupt},
		"a header that is not filled":  {forgery{chunks: hello, length: 5, filter: "\x21\x01\x00x"}, codec.ErrCorrupt},
		"a text that is too long":      {forgery{chunks: hello, length: limit + 1}, codec.ErrTooLarge},
		"a text without bounds":        {forgery{chunks: hello, length: math.MaxInt64}, codec.ErrTooLarge},
		"a text that is not there":     {forgery{chunks: hello, length: limit}, codec.ErrCorrupt},
		"a shorter text":               {forgery{chunks: hello, length: 4}, codec.ErrCorrupt},
		"no block":                     {forgery{chunks: hello, length: 5, size: 1}, codec.ErrCorrupt},
		"a larger block":               {forgery{chunks: hello, length: 5, size: 28}, codec.ErrCorrupt},
		"a block without bounds":       {forgery{chunks: hello, length: 5, size: math.MaxInt64}, codec.ErrCorrupt},
		"two blocks":                   {forgery{chunks: hello, length: 5, count: 2}, codec.ErrCorrupt},
		"blocks without bounds":        {forgery{chunks: hello, length: 5, count: math.MaxInt64}, codec.ErrCorrupt},
		"more in the index":            {forgery{chunks: hello, length: 5, indexExtra: "\x00\x00\x00\x00"}, codec.ErrCorrupt},
		"an index that is not filled":  {forgery{chunks: hello, length: 5, indexExtra: "x"}, codec.ErrCorrupt},
		"a longer index":               {forgery{chunks: hello, length: 5, backward: 1}, codec.ErrCorrupt},
		"an index without bounds":      {forgery{chunks: hello, length: 5, backward: 1<<32 - 10}, codec.ErrCorrupt},
		"no end":                       {forgery{chunks: hello[:8], length: 5}, codec.ErrCorrupt},
		"bytes behind the end":         {forgery{chunks: hello + "\x00", length: 5}, codec.ErrCorrupt},
		"nothing":                      {forgery{chunks: "\x00"}, nil},
		"no chunks":                    {forgery{chunks: ""}, codec.ErrCorrupt},
		"no dictionary":                {forgery{chunks: "\x02" + hello[1:], length: 5}, codec.ErrCorrupt},
		"no properties":                {forgery{chunks: hello[:8] + "\xa0\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00", length: 6}, codec.ErrCorrupt},
		"an unknown chunk":             {forgery{chunks: "\x03" + hello[1:], length: 5}, codec.ErrCorrupt},
		"a chunk that is cut":          {forgery{chunks: hello[:7], length: 5}, codec.ErrCorrupt},
		"too many bits of context":     {forgery{chunks: "\xe0\x00\x00\x00\x05\x2b\x00\x00\x00\x00\x00\x00\x00", length: 1}, codec.ErrCorrupt},
		"no such properties":           {forgery{chunks: "\xe0\x00\x00\x00\x05\xe1\x00\x00\x00\x00\x00\x00\x00", length: 1}, codec.ErrCorrupt},
		"a zero":                       {forgery{chunks: "\xe0\x00\x00\x00\x05\x5d\x00\x00\x00\x00\x00\x00\x00", length: 1}, nil},
		"a match of nothing":           {forgery{chunks: "\xe0\x00\x01\x00\x05\x5d\x00\xff\xff\xff\xfe\x00\x00", length: 2}, codec.ErrCorrupt},
		"more than a chunk can have":   {forgery{chunks: "\xff\xff\xff\x00\x00\x5d\x00\x00", length: 2 << 20}, codec.ErrTooLarge},
		"much more than it can have":   {forgery{chunks: "\xef\xff\xff\x00\x05\x5d\x00\x00\x00\x00\x00\x00\x00", length: 1 << 20}, codec.ErrCorrupt},
		"more LZMA than it takes":      {forgery{chunks: "\xe0\x00\x00\x00\x06\x5d\x00\x00\x00\x00\x00\x00\x00\x00", length: 1}, codec.ErrCorrupt},
		"less LZMA than it takes":      {forgery{chunks: "\xe0\x00\x00\x00\x03\x5d\x00\x00\x00\x00\x00", length: 1}, codec.ErrCorrupt},
		"LZMA that starts with a byte": {forgery{chunks: "\xe0\x00\x00\x00\x05\x5d\x01\x00\x00\x00\x00\x00\x00", length: 1}, codec.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			stored := test.stream()
			var text []byte
			var err error
			n := compressortest.Allocated(func() { text, err = xz.Compressor.Decompress(nil, stored, limit) })
			require.ErrorIs(t, err, test.want, "%x: %q", stored, text)
			require.LessOrEqual(t, n, uint64(128<<10), "%d bytes allocated", n)
		})
	}
}

// Whatever the chunks cost, it is little for each byte of them.
func TestChunksThatCostMost(t *testing.T) {
	const size = 1 << 20
	for name, chunk := range map[string]string{
		"new properties": "\xc0\x00\x00\x00\x05\x5e\x00\x00\x00\x00\x00\x00", // lc=4
		"new state":      "\xa0\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00",
		"plain":          "\x02\x00\x00x",
	} {
		n := size / len(chunk)
		first := "\xe0\x00\x00\x00\x05\x5e\x00\x00\x00\x00\x00\x00"
		stored := forgery{chunks: first + strings.Repeat(chunk, n) + "\x00", length: uint64(n + 1)}.stream()
		var text []byte
		var err error
		start := time.Now()
		allocated := compressortest.Allocated(func() { text, err = xz.Compressor.Decompress(nil, stored, size) })
		t.Logf("%s: %d bytes of chunks take %v, %d bytes allocated", name, len(stored), time.Since(start), allocated)
		require.NoError(t, err, name)
		require.Equal(t, n+1, len(text), name)
		require.LessOrEqual(t, allocated, uint64(size+128<<10), "%s: %d bytes, %v, %d bytes allocated", name, len(text), err, allocated)
	}
}

// FuzzChunks feeds the decoder chunks behind sound checksums. What it reads, the
// library reads too.
func FuzzChunks(f *testing.F) {
	f.Add([]byte(hello), uint64(5))
	for name, stored := range pythonStreams(f) {
		if name != "empty" {
			end := bytes.LastIndex(stored, []byte("\x00\x01")) // where the index begins
			f.Add(stored[24:end], uint64(len(textOf(name))))
		}
	}
	for _, text := range []string{strings.Repeat("a", 5000), "hello, hello, hello"} {
		var chunks bytes.Buffer
		w, err := lzma.Writer2Config{DictCap: lzma.MinDictCap}.NewWriter2(&chunks)
		require.NoError(f, err)
		for range 3 {
			_, _ = w.Write([]byte(text)) // to memory
			_ = w.Flush()
		}
		_ = w.Close()
		f.Add(chunks.Bytes(), uint64(3*len(text)))
	}
	f.Fuzz(func(t *testing.T, chunks []byte, length uint64) {
		const limit = 1 << 20
		text, err := xz.Compressor.Decompress(nil, forgery{chunks: string(chunks), length: length}.stream(), limit)
		if err != nil {
			require.True(t, errors.Is(err, codec.ErrCorrupt) || errors.Is(err, codec.ErrTooLarge), "%v matches no sentinel", err)
			return
		}
		require.EqualValues(t, length, len(text), "bytes")
		require.LessOrEqual(t, len(text), limit, "bytes")
		r, err := lzma.Reader2Config{DictCap: max(len(text), lzma.MinDictCap)}.NewReader2(bytes.NewReader(chunks))
		require.NoError(t, err)
		other, err := io.ReadAll(r)
		require.NoError(t, err, "read as %.60x, by the library as %.60x", text, other)
		require.Equal(t, string(text), string(other), "read as")
	})
}
