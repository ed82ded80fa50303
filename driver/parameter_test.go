package driver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestParametersAreWhatWasAskedFor(t *testing.T) {
	dsn, err := driver.ParseDSN("any://?text=a&unknown=b")
	require.NoError(t, err)
	require.Empty(t, dsn.Parameters())
	dsn.Has("looked")
	dsn.Text("text", "a")
	dsn.List("list")
	dsn.Secret("secret")
	dsn.Word("word", "a", "a", "b")
	dsn.Bool("bool", true)
	dsn.Int("int", 0, 1, 9)
	dsn.Float("float", 0.5, 0, 1)
	dsn.Duration("duration", 90*time.Minute)
	dsn.Duration("nothing", 0)
	dsn.TTL("ttl", driver.NoExpiry)
	dsn.Size("size", 64<<20)
	dsn.Text("size", "and as text")
	require.Equal(t, []driver.Parameter{
		{Name: "bool", Kind: driver.BoolParameter, Default: "on"},
		{Name: "duration", Kind: driver.DurationParameter, Default: "1h30m"},
		{Name: "float", Kind: driver.FloatParameter, Default: "0.5", Low: "0", High: "1"},
		{Name: "int", Kind: driver.IntParameter, Default: "0", Low: "1", High: "9"},
		{Name: "list", Kind: driver.ListParameter},
		{Name: "looked", Kind: driver.TextParameter},
		{Name: "nothing", Kind: driver.DurationParameter},
		{Name: "secret", Kind: driver.SecretParameter},
		{Name: "size", Kind: driver.SizeParameter, Default: "64MiB"},
		{Name: "text", Kind: driver.TextParameter, Default: "a"},
		{Name: "ttl", Kind: driver.TTLParameter, Default: "none"},
		{Name: "word", Kind: driver.WordParameter, Default: "a", Words: []string{"a", "b"}},
	}, dsn.Parameters())
}
