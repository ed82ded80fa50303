package codec_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

func TestJSONReadsIntegersIntoAnAnyAsWhatTheyAre(t *testing.T) {
	large := bigInteger("1267650600228229401496703205376")
	for text, want := range map[string]any{
		"5": 5.0, "-9007199254740992": float64(-1 << 53), "9007199254740993": int64(1<<53 + 1), "-9223372036854775808": int64(math.MinInt64),
		"18446744073709551615": uint64(math.MaxUint64), large.String(): large, "-" + large.String(): new(big.Int).Neg(large),
		"1267650600228229401496703205376.0": 1267650600228229401496703205376.0, "1e30": 1e30, "0.1234567890123456789": 0.1234567890123456789,
		`"9007199254740993"`: "9007199254740993", longest: bigInteger(longest),
	} {
		for _, shape := range []struct {
			before, after string
			into          func() (v any, read func() any)
		}{
			{`{"n":`, `}`, func() (any, func() any) {
				v := new(any)
				return v, func() any { return (*v).(map[string]any)["n"] }
			}},
			{`[1, [`, `]]`, func() (any, func() any) {
				v := new([]any)
				return v, func() any { return (*v)[1].([]any)[0] }
			}},
			{`{"N": {"a": [`, `]}, "Exact":"123456789012345678"}`, func() (any, func() any) {
				v := new(struct {
					Exact string
					N     map[string][]any
				})
				return v, func() any { return v.N["a"][0] }
			}},
			{`{"N":`, `,"J":123456789012345678}`, func() (any, func() any) {
				v := new(struct {
					N *any
					J json.Number
				})
				return v, func() any {
					require.Equal(t, json.Number("123456789012345678"), v.J)
					return *v.N
				}
			}},
		} {
			into, read := shape.into()
			require.NoError(t, codec.JSON.Unmarshal([]byte(shape.before+text+shape.after), into), "%.40s", text)
			require.Equal(t, want, read(), "%.40s in %s%s", text, shape.before, shape.after)
		}
	}
	var v any
	require.ErrorIs(t, codec.JSON.Unmarshal([]byte("[9007199254740993] x"), &v), codec.ErrCorrupt)
	require.ErrorIs(t, codec.JSON.Unmarshal([]byte("[9007199254740993, 1e999]"), &v), codec.ErrCorrupt)
}

func TestJSONNumbersHaveAMostOfDigits(t *testing.T) {
	type rat struct{ R *big.Rat }
	most := longest
	over := "1" + longest
	for _, test := range []struct {
		text string
		into any
		ok   bool
	}{
		{most, new(big.Int), true}, {over, new(big.Int), false}, {"-" + most, new(*big.Int), true}, {"-" + over, new(*big.Int), false},
		{"[" + most + "]", new(any), true}, {"[" + over + "]", new(any), false}, {`{"a":` + over + `}`, new(map[string]any), false},
		{"0." + over, new(float64), false}, {"[1." + over + "e5]", new([]float64), false}, {over, new(json.Number), false},
		{`"` + over + `"`, new(string), true}, {`["` + over + `"]`, new(any), true},
		{`{"R":"1/` + most[:4000] + `"}`, new(rat), true}, {`{"R":"1/` + over + `"}`, new(rat), false}, {`{"R":"0x` + strings.Repeat("ab", 3000) + `"}`, new(rat), false},
		{strings.Repeat("9", 1_600_000), new(big.Int), false}, {`{"x":"` + strings.Repeat("x", 10_000) + `","a":[` + strings.Repeat("7", 100_000) + `]}`, new(any), false},
	} {
		err := codec.JSON.Unmarshal([]byte(test.text), test.into)
		if test.ok {
			require.NoError(t, err, "%.40s… of %d into a %T", test.text, len(test.text), test.into)
		} else {
			require.ErrorIs(t, err, codec.ErrTooLarge, "%.40s… of %d into a %T", test.text, len(test.text), test.into)
		}
	}
	huge := bigInteger(over)
	for _, value := range []any{[]*big.Int{huge}, map[string]any{"n": huge}, json.Number(over), rat{new(big.Rat).SetFrac(huge, big.NewInt(1<<20))}} {
		out, err := codec.JSON.Append([]byte("x"), value)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%T", value)
		require.Equal(t, "x", string(out))
	}
}

// The number is refused before it is read: a text of 1.6 million digits costs no
// more than one that is no number.
func TestHugeNumbersAreRefusedBeforeTheyAreRead(t *testing.T) {
	chain := mustChain(t, codec.Config{Compressors: gzipOnly, CompressMin: codec.CompressAlways})
	bomb, err := codec.Gzip.Append(nil, bytes.Repeat([]byte("7"), 1_600_000))
	require.NoError(t, err)
	for _, into := range []any{new(big.Int), new(*big.Int), new(any), new(json.Number), new([]any)} {
		_, err := chain.Decode(bomb, into)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%T", into)
	}
}
