package shape_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		command    []string
		kinds, not string
	}{
		{[]string{"GET", "k"}, "$_", "+:*#("},
		{[]string{"SET", "k", "v"}, "+_", "$:*"},
		{[]string{"SET", "k", "v", "get"}, "$_", "+:*"},
		{[]string{"INCRBY", "k", "1"}, ":", "$_+(*"},
		{[]string{"LRANGE", "k", "0", "1"}, "*~", "$_+:%"},
		{[]string{"LPOP", "k"}, "$_*", "+:"},
		{[]string{"TYPE", "k"}, "+", "$_:"},
		{[]string{"ZSCORE", "k", "m"}, "$_,", "+:"},
		{[]string{driver.CmdIncr, "k", "1"}, ":$_", "+*"},
		{[]string{"MULTI"}, "+", "$_:"},
		{[]string{"NO.SUCH"}, "$_:+*%#(,", ""},
	} {
		var args []driver.Arg
		for _, word := range tt.command[1:] {
			args = append(args, driver.Literal(word))
		}
		s := shape.Of(tt.command[0], args)
		for _, kind := range []byte(tt.kinds) {
			require.True(t, s.Allows(kind, "OK"), "%v: %c", tt.command, kind)
		}
		for _, kind := range []byte(tt.not) {
			require.False(t, s.Allows(kind, "OK"), "%v: %c", tt.command, kind)
		}
		require.False(t, s.Allows('+', "QUEUED"), tt.command)
	}
	require.True(t, shape.Queued.Allows('+', "QUEUED"))
	require.False(t, shape.Queued.Allows('+', "OK"))
	require.False(t, shape.OK.Allows('+', "PONG"))
}
