package driver_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestArgumentsThatAreNumbers(t *testing.T) {
	for _, test := range []struct {
		arg     driver.Arg
		wire    string
		integer bool
		number  float64
	}{
		{driver.Int(0), "0", true, 0},
		{driver.Int(-5), "-5", true, -5},
		{driver.Int(math.MaxInt64), "9223372036854775807", true, math.MaxInt64},
		{driver.Int(math.MinInt64), "-9223372036854775808", true, math.MinInt64},
		{driver.Duration(1500 * time.Microsecond), "2", true, 2},
		{driver.Duration(time.Hour), "3600000", true, 3600000},
		{driver.Float(1.5), "1.5", false, 1.5},
		{driver.Float(3), "3", false, 3},
		{driver.Float(1e300), "1e+300", false, 1e300},
		{driver.Float(0.1), "0.1", false, 0.1},
		{driver.Float(math.Inf(1)), "inf", false, math.Inf(1)},
		{driver.Float(math.Inf(-1)), "-inf", false, math.Inf(-1)},
	} {
		require.Equal(t, test.wire, test.arg.String())
		require.Equal(t, ">"+test.wire, string(test.arg.Append([]byte(">"))))
		require.Equal(t, driver.RoleLiteral, test.arg.Role)
		n, ok := test.arg.Integer()
		require.Equal(t, test.integer, ok, test.wire)
		if ok {
			require.Equal(t, test.wire, driver.Int(n).String())
		}
		f, ok := test.arg.Number()
		require.True(t, ok)
		require.Equal(t, test.number, f)
	}
	nan := driver.Float(math.NaN())
	require.Equal(t, "nan", nan.String())
	for _, arg := range []driver.Arg{driver.Literal("5"), driver.Key("5"), driver.Field("5"), driver.Val([]byte("5"))} {
		_, isInt := arg.Integer()
		_, isNumber := arg.Number()
		require.False(t, isInt || isNumber)
		require.Equal(t, "5", string(arg.Append(nil)))
	}
}

// A number that is on its way to a driver in the process is not formatted.
func TestNumbersCostNoAllocation(t *testing.T) {
	var args [2]driver.Arg
	require.Zero(t, testing.AllocsPerRun(100, func() {
		args[0], args[1] = driver.Int(math.MaxInt64), driver.Float(1.5)
	}))
	buffer := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() { buffer = args[1].Append(args[0].Append(buffer[:0])) }))
}
