package xz_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
	"github.com/xcache-go/xcache/codec/xz"
	"github.com/xcache-go/xcache/internal/race"
)

func TestCompressor(t *testing.T) {
	compressortest.Run(t, compressortest.Subject{Compressor: xz.Compressor, Checked: true, Levels: []string{"6"}, Slack: 64 << 10, WriteAllocations: 2000})
}

func FuzzDecompress(f *testing.F) { compressortest.Fuzz(f, xz.Compressor) }

func BenchmarkCompressor(b *testing.B) { compressortest.Bench(b, xz.Compressor) }

func TestLevelsSayHowFarBackAMatchMayBe(t *testing.T) {
	noise := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // it never fails
	text := bytes.Repeat(noise, 2)
	for _, level := range []int{0, 9} {
		c, err := xz.Compressor.WithLevel(level)
		require.NoError(t, err)
		stored, err := c.Append(nil, text)
		require.NoError(t, err, "level %d gives %d bytes", level, len(stored))
		require.Equal(t, level == 0, len(stored) > 350_000, "level %d gives %d bytes", level, len(stored))
	}
}

// pythonText and pythonNoise are those of testdata/python.py.
func pythonText() []byte {
	var text []byte
	for i := range 40 {
		text = fmt.Appendf(text, `{"id":%d,"name":"entry %d"},`, i, i*i%251)
	}
	return text
}

func pythonNoise() []byte {
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(i * i * 7 % 65537 * 31)
	}
	return noise
}

// pythonStreams returns what is in testdata/python.txt, by name.
func pythonStreams(t testing.TB) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "python.txt"))
	require.NoError(t, err)
	streams := map[string][]byte{}
	for line := range strings.Lines(string(content)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		streams[name], err = hex.DecodeString(digits)
		require.NoError(t, err)
	}
	return streams
}

func textOf(name string) []byte {
	switch name {
	case "empty":
		return nil
	case "byte":
		return []byte("x")
	case "noise":
		return pythonNoise()
	}
	return pythonText()
}

func TestWhatPythonWrites(t *testing.T) {
	streams := pythonStreams(t)
	require.Len(t, streams, 14)
	for name, stored := range streams {
		var text []byte
		var err error
		n := compressortest.Allocated(func() { text, err = xz.Compressor.Decompress(nil, stored, 10_000) })
		require.NoError(t, err, "%s: %.60q", name, text)
		require.Equal(t, string(textOf(name)), string(text))
		require.LessOrEqual(t, n, uint64(128<<10), "%s: %d bytes allocated to read %d", name, n, len(text))
	}
}

// Every bit of every stream of Python is flipped, and each is cut everywhere.
func TestDamageIsNoticed(t *testing.T) {
	for name, stored := range pythonStreams(t) {
		damaged := bytes.Clone(stored)
		silent := 0
		for bit := range 8 * len(stored) {
			damaged[bit/8] ^= 1 << (bit % 8)
			text, err := xz.Compressor.Decompress(nil, damaged, 1<<20)
			switch {
			case err == nil && !bytes.Equal(text, textOf(name)):
				silent++
				require.Equal(t, "none", name, "bit %d flipped gave another text", bit)
			case err != nil:
				require.ErrorIs(t, err, codec.ErrCorrupt, "%s: bit %d flipped", name, bit)
			}
			damaged[bit/8] ^= 1 << (bit % 8)
		}
		if silent > 0 {
			t.Logf("%s: %d of %d bits flipped gave another text", name, silent, 8*len(stored))
		}
		for n := range stored {
			_, err := xz.Compressor.Decompress(nil, stored[:n], 1<<20)
			require.ErrorIs(t, err, codec.ErrCorrupt, "%s cut at %d", name, n)
		}
		for what, tail := range map[string][]byte{"padding": make([]byte, 4), "another stream": stored, "a byte": {0}} {
			_, err := xz.Compressor.Decompress(nil, append(bytes.Clone(stored), tail...), 1<<20)
			require.ErrorIs(t, err, codec.ErrCorrupt, "%s with %s behind it", name, what)
		}
	}
}

func TestABombIsRefusedAtOnce(t *testing.T) {
	bomb, err := os.ReadFile(filepath.Join("testdata", "zeros.xz"))
	require.NoError(t, err)
	n := compressortest.Allocated(func() { _, err = xz.Compressor.Decompress(nil, bomb, 64<<20) })
	require.ErrorIs(t, err, codec.ErrTooLarge, "%d bytes for 100 MB", len(bomb))
	require.LessOrEqual(t, n, uint64(16<<10), "%d bytes for 100 MB: %v, %d bytes allocated", len(bomb), err, n)
	if race.Enabled {
		return // it takes seconds, and twice the memory
	}
	var text []byte
	n = compressortest.Allocated(func() { text, err = xz.Compressor.Decompress(nil, bomb, 100_000_000) })
	require.NoError(t, err, "within the limit")
	require.Equal(t, 100_000_000, len(text), "within the limit")
	require.LessOrEqual(t, n, uint64(101_000_000), "within the limit: %d bytes, %v, %d allocated", len(text), err, n)
}

// run returns what a command makes of an input. The test is skipped if there is no
// such command.
func run(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("there is no %s", args[0])
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if strings.Contains(stderr.String(), "ModuleNotFoundError") {
		t.Skip("Python has no lzma")
	}
	require.NoError(t, err, "%q: %v\n%s", args, err, stderr.Bytes())
	return out
}

func python(expression string) []string {
	return []string{"python3", "-c", "import lzma, sys; sys.stdout.buffer.write(" + expression + ")"}
}

func TestOthersReadIt(t *testing.T) {
	texts, stored := compressortest.Texts(), map[string][]byte{}
	for name, text := range texts {
		var err error
		stored[name], err = xz.Compressor.Append(nil, text)
		require.NoError(t, err)
	}
	for reader, args := range map[string][]string{"xz": {"xz", "-dc"}, "Python": python("lzma.decompress(sys.stdin.buffer.read(), lzma.FORMAT_XZ)")} {
		t.Run(reader, func(t *testing.T) {
			for name, text := range texts {
				got := run(t, stored[name], args...)
				require.Equal(t, string(text), string(got), "%s: %d bytes of %d came back", name, len(got), len(text))
			}
		})
	}
}

func TestWhatOthersWriteIsRead(t *testing.T) {
	for writer, args := range map[string][]string{
		"Python": python("lzma.compress(sys.stdin.buffer.read())"), "fast": {"xz", "-c0"}, "default": {"xz", "-c"}, "extreme": {"xz", "-c9e", "--check=sha256"},
		"no check": {"xz", "-c", "--check=none"}, "blocks": {"xz", "-c", "--check=crc32", "--block-size=20000"}, "blocks with lengths": {"xz", "-c", "-T2", "--block-size=100000"},
		"positions": {"xz", "-c", "--lzma2=lc=1,lp=3,pb=4,dict=4096"}, "no positions": {"xz", "-c", "--lzma2=lc=0,lp=0,pb=0"},
	} {
		t.Run(writer, func(t *testing.T) {
			for name, text := range compressortest.Texts() {
				stored := run(t, text, args...)
				got, err := xz.Compressor.Decompress(nil, stored, 64<<20)
				require.NoError(t, err, "%s: %d bytes of %d came back", name, len(got), len(text))
				require.Equal(t, string(text), string(got), "%s: %d bytes of %d came back", name, len(got), len(text))
			}
		})
	}
	for what, args := range map[string][]string{
		"a filter of programs": {"xz", "-c", "--x86", "--lzma2"}, "differences": {"xz", "-c", "--delta", "--lzma2"},
		"the format of before": {"xz", "-c", "--format=lzma"}, "no format": {"xz", "-c", "--format=raw"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := xz.Compressor.Decompress(nil, run(t, pythonText(), args...), 64<<20)
			require.ErrorIs(t, err, codec.ErrCorrupt)
		})
	}
}

func Example() {
	// The blank import of this package is enough for a DSN; its Compressor is
	// for a chain that is made by hand.
	chain, err := codec.New(codec.Config{Compressors: []codec.Compressor{xz.Compressor}})
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
	// Output: true true xz <nil>
}
