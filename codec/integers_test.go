package codec_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// A state is an integer with methods of its own, which do not count.
type state uint8

func (state) MarshalText() ([]byte, error)    { return []byte("a state"), nil }
func (s *state) UnmarshalText(b []byte) error { *s = 99; return nil }

func TestIntegersAreDecimalTextInEveryChain(t *testing.T) {
	tests := []struct {
		value any
		text  string
	}{
		{0, "0"}, {-1, "-1"}, {42, "42"},
		{int8(-128), "-128"}, {int16(32767), "32767"}, {int32(-5), "-5"},
		{int64(math.MinInt64), "-9223372036854775808"}, {int64(math.MaxInt64), "9223372036854775807"},
		{uint(7), "7"}, {uint8(255), "255"}, {uint16(1), "1"}, {uint32(2), "2"}, {uintptr(3), "3"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{1500 * time.Millisecond, "1500000000"}, {time.March, "3"}, {level(-3), "-3"}, {state(2), "2"}, {'x', "120"},
	}
	for name, chain := range everyChain(t) {
		for _, test := range tests {
			stored, err := chain.Append(nil, test.value)
			require.NoError(t, err, "%s: %T(%v) is stored as", name, test.value, test.value)
			require.Equal(t, test.text, string(stored), "%s: %T(%v) is stored as", name, test.value, test.value)
			into := reflect.New(reflect.TypeOf(test.value))
			read, err := chain.Decode(stored, into.Interface())
			require.NoError(t, err, "%s of %q", name, stored)
			require.Equal(t, test.value, into.Elem().Interface(), "%s of %q", name, stored)
			require.Equal(t, (codec.Read{Serializer: codec.Decimal}), read, "%s: %q was read by", name, stored)
		}
	}
}

func TestOnlyCanonicalIntegersThatFitAreRead(t *testing.T) {
	var (
		i8   int8
		u8   uint8
		i64  int64
		u64  uint64
		wait time.Duration
	)
	tests := []struct {
		text string
		into any
	}{
		{"300", &i8}, {"128", &i8}, {"-129", &i8}, {"256", &u8}, {"-1", &u8}, {"-1", &u64},
		{"9223372036854775808", &i64}, {"-9223372036854775809", &i64}, {"18446744073709551616", &u64},
		{"99999999999999999999999", &i64}, {"99999999999999999999999", &u64},
		{"", &i64}, {"-", &i64}, {"+5", &i64}, {" 5", &i64}, {"5 ", &i64}, {"5\n", &i64}, {"05", &i64}, {"00", &i64},
		{"-0", &i64}, {"-05", &i64}, {"5.0", &i64}, {"5e0", &i64}, {"0x5", &i64}, {"1_000", &i64}, {"٥", &i64},
		{"null", &i64}, {`"5"`, &i64}, {"true", &i64}, {"[5]", &i64}, {"{}", &i64}, {"1s", &wait}, {"null", &wait},
	}
	for name, chain := range everyChain(t) {
		for _, test := range tests {
			_, err := chain.Decode([]byte(test.text), test.into)
			require.Error(t, err, "%s: %q was read into a %T as %v", name, test.text, test.into, reflect.ValueOf(test.into).Elem())
			require.False(t, !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrUnsupportedValue), "%s: %q into a %T: %v, want ErrCorrupt", name, test.text, test.into, err)
		}
	}
}

func TestIntegersAreReadAsOtherNumbersOnlyByJSON(t *testing.T) {
	var f float64
	var s string
	json := mustChain(t, codec.Config{})
	_, err := json.Decode([]byte("12345"), &f)
	require.NoError(t, err, "12345 as float64")
	require.EqualValues(t, 12345, f, "12345 as float64")
	_, err = json.Decode([]byte("12345"), &s)
	require.ErrorIs(t, err, codec.ErrCorrupt, "12345 as string: %q", s)
	raw := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	_, err = raw.Decode([]byte("12345"), &s)
	require.NoError(t, err, "12345 as string by raw")
	require.Equal(t, "12345", s, "12345 as string by raw")
}

func TestAnIntegerThatAnotherMemberWroteIsRead(t *testing.T) {
	gob, err := codec.Gob.Append(nil, 77)
	require.NoError(t, err)
	chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.JSON, codec.Gob}})
	var n int
	read, err := chain.Decode(gob, &n)
	require.NoError(t, err)
	require.Equal(t, 77, n)
	require.Equal(t, (codec.Read{Serializer: "gob", Fallback: true}), read)
}

func TestErrorsOfIntegersDoNotShowThem(t *testing.T) {
	var i8 int8
	_, err := mustChain(t, codec.Config{}).Decode([]byte("48151623"), &i8)
	require.Error(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "48151623")
}

func bigInteger(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		panic("no integer: " + text)
	}
	return n
}

// longest is the largest integer that is stored.
var longest = strings.Repeat("9", codec.MaxIntegerDigits)

func TestBigIntegersAreDecimalTextInEveryChain(t *testing.T) {
	for name, chain := range everyChain(t) {
		if strings.HasPrefix(name, "raw") {
			continue
		}
		for _, text := range []string{
			"0", "5", "-1", "9223372036854775808", "18446744073709551616", "1267650600228229401496703205376",
			"-1267650600228229401496703205376", longest, "-" + longest,
		} {
			n := bigInteger(text)
			for _, value := range []any{n, *n} {
				stored, err := chain.Append([]byte("before"), value)
				require.NoError(t, err, "%s: %.40s", name, text)
				require.Equal(t, "before"+text, string(stored), name)
			}
			var value big.Int
			read, err := chain.Decode([]byte(text), &value)
			require.NoError(t, err, "%s: %.40s", name, text)
			require.Zero(t, n.Cmp(&value), "%s: %.40s is read as %v", name, text, &value)
			require.Equal(t, codec.Read{Serializer: codec.Decimal}, read, name)
			var pointer *big.Int
			_, err = chain.Decode([]byte(text), &pointer)
			require.NoError(t, err, "%s: %.40s", name, text)
			require.Zero(t, n.Cmp(pointer), "%s: %.40s is read as %v", name, text, pointer)
			var v any
			_, err = chain.Decode([]byte(text), &v)
			require.NoError(t, err, "%s: %.40s", name, text)
			switch {
			case n.IsInt64():
				require.Equal(t, n.Int64(), v, name)
			case n.IsUint64():
				require.Equal(t, n.Uint64(), v, name)
			default:
				require.IsType(t, n, v, name)
				require.Zero(t, n.Cmp(v.(*big.Int)), "%s: %.40s is read as %v", name, text, v)
			}
		}
	}
}

func TestIntegersHaveAMostOfDigits(t *testing.T) {
	for name, chain := range everyChain(t) {
		if strings.HasPrefix(name, "raw") {
			continue
		}
		for _, text := range []string{"1" + strings.Repeat("0", codec.MaxIntegerDigits), "-9" + longest, strings.Repeat("9", 1<<20)} {
			for _, into := range []any{new(big.Int), new(*big.Int), new(any)} {
				_, err := chain.Decode([]byte(text), into)
				require.ErrorIs(t, err, codec.ErrTooLarge, "%s: %d digits into a %T", name, len(text), into)
			}
		}
		n := bigInteger(longest)
		stored, err := chain.Append([]byte("x"), n.Add(n, big.NewInt(1)))
		require.ErrorIs(t, err, codec.ErrTooLarge, name)
		require.Equal(t, "x", string(stored))
		_, err = chain.Append(nil, n.Lsh(n, 1<<20))
		require.ErrorIs(t, err, codec.ErrTooLarge, name)
	}
	small := mustChain(t, codec.Config{MaxValue: 5})
	_, err := small.Append(nil, big.NewInt(123456))
	require.ErrorIs(t, err, codec.ErrTooLarge, "longer than max_value")
}

func TestRawHasNoFormForABigInteger(t *testing.T) {
	raw := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	_, err := raw.Append(nil, big.NewInt(5))
	require.ErrorIs(t, err, codec.ErrUnsupportedValue)
}

// A number is read into what holds exactly that number, where no serializer of
// the chain says something else of it.
func TestIntegersThatNoSerializerClaimsAreReadIntoWhatHoldsThem(t *testing.T) {
	for _, test := range []struct {
		text string
		into any
		want any // nil: ErrCorrupt
	}{
		{"12345", new(float64), 12345.0}, {"-7", new(float32), float32(-7)}, {"9007199254740992", new(float64), float64(1 << 53)},
		{"9007199254740993", new(float64), nil}, {"16777217", new(float32), nil}, {longest, new(float64), nil},
		{"5", new(*int), new(5)}, {"5", new(**int8), new(new(int8(5)))}, {"300", new(*int8), nil}, {"-1", new(*uint), nil},
		{"5", new(string), nil}, {"5", new(bool), nil}, {"5", new([]int), nil}, {"05", new(*int), nil}, {"5.0", new(float64), nil},
	} {
		chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Gob}})
		read, err := chain.Decode([]byte(test.text), test.into)
		if test.want == nil {
			require.ErrorIs(t, err, codec.ErrCorrupt, "%.30s into a %T", test.text, test.into)
			continue
		}
		require.NoError(t, err, "%.30s into a %T", test.text, test.into)
		require.Equal(t, test.want, reflect.ValueOf(test.into).Elem().Interface(), "%.30s", test.text)
		require.Equal(t, codec.Read{Serializer: codec.Decimal}, read)
	}
	// What JSON refuses stays refused.
	_, err := mustChain(t, codec.Config{}).Decode([]byte("7"), new(*picky))
	require.ErrorIs(t, err, codec.ErrCorrupt)
}

// A picky integer reads no 7.
type picky int

func (p *picky) UnmarshalJSON(b []byte) error {
	if string(b) == "7" {
		return errors.New("no 7")
	}
	return nil
}
