package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

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
	require.NoError(t, err)
	require.Equal(t, want, string(stored))
}
