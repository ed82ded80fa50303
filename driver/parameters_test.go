package driver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func parse(t testing.TB, text string) *driver.DSN {
	t.Helper()
	d, err := driver.ParseDSN(text)
	require.NoError(t, err)
	return d
}

func TestParameters(t *testing.T) {
	const def = "the default"
	text := func(d *driver.DSN) any { return d.Text("p", def) }
	word := func(d *driver.DSN) any { return d.Word("p", "one", "one", "two") }
	truth := func(d *driver.DSN) any { return d.Bool("p", true) }
	number := func(d *driver.DSN) any { return d.Int("p", 0, 1, 10) } // 0 cannot be given
	fraction := func(d *driver.DSN) any { return d.Float("p", 0.5, 0.1, 1) }
	duration := func(d *driver.DSN) any { return d.Duration("p", 0) }
	ttl := func(d *driver.DSN) any { return d.TTL("p", time.Minute) }
	size := func(d *driver.DSN) any { return d.Size("p", 7) }
	list := func(d *driver.DSN) any { return d.List("p") }
	secret := func(d *driver.DSN) any { return d.Secret("p").Reveal() }

	tests := []struct {
		name  string
		get   func(*driver.DSN) any
		query string
		want  any    // the value
		err   string // or what the error says
	}{
		{"Text", text, "", def, ""},
		{"Text", text, "p=a%20b+c%26", "a b+c&", ""},
		{"Text", text, "p=", "", ""},
		{"Text", text, "p=a&p=b", def, "parameter p was given 2 times"},
		{"Word", word, "", "one", ""},
		{"Word", word, "p=two", "two", ""},
		{"Word", word, "p=three", "one", "parameter p must be one of one, two"},
		{"Word", word, "p=two&p=two", "one", "given 2 times"},
		{"Bool", truth, "", true, ""},
		{"Bool", truth, "p=off", false, ""}, {"Bool", truth, "p=false", false, ""}, {"Bool", truth, "p=0", false, ""}, {"Bool", truth, "p=no", false, ""},
		{"Bool", truth, "p=on", true, ""}, {"Bool", truth, "p=true", true, ""}, {"Bool", truth, "p=1", true, ""}, {"Bool", truth, "p=yes", true, ""},
		{"Bool", truth, "p=maybe", true, "must be on or off"},
		{"Bool", truth, "p=", true, "must be on or off"},
		{"Bool", truth, "p=off&p=off", true, "given 2 times"},
		{"Int", number, "", 0, ""},
		{"Int", number, "p=1", 1, ""}, {"Int", number, "p=10", 10, ""},
		{"Int", number, "p=0", 0, "a whole number from 1 to 10"}, {"Int", number, "p=11", 0, "from 1 to 10"}, {"Int", number, "p=1.5", 0, "from 1 to 10"}, {"Int", number, "p=x", 0, "from 1 to 10"},
		{"Int", number, "p=1&p=1", 0, "given 2 times"},
		{"Float", fraction, "", 0.5, ""},
		{"Float", fraction, "p=0.25", 0.25, ""}, {"Float", fraction, "p=1", 1.0, ""},
		{"Float", fraction, "p=NaN", 0.5, "a number from 0.1 to 1"}, {"Float", fraction, "p=1.1", 0.5, "from 0.1 to 1"}, {"Float", fraction, "p=", 0.5, "from 0.1 to 1"},
		{"Float", fraction, "p=1&p=1", 0.5, "given 2 times"},
		{"Duration", duration, "", time.Duration(0), ""},
		{"Duration", duration, "p=1.5h", 90 * time.Minute, ""}, {"Duration", duration, "p=20ms", 20 * time.Millisecond, ""},
		{"Duration", duration, "p=300", time.Duration(0), "with its unit"}, {"Duration", duration, "p=0s", time.Duration(0), "positive"}, {"Duration", duration, "p=-1s", time.Duration(0), "positive"}, {"Duration", duration, "p=none", time.Duration(0), "positive"},
		{"Duration", duration, "p=1s&p=1s", time.Duration(0), "given 2 times"},
		{"TTL", ttl, "", time.Minute, ""},
		{"TTL", ttl, "p=none", driver.NoExpiry, ""}, {"TTL", ttl, "p=5s", 5 * time.Second, ""},
		{"TTL", ttl, "p=never", time.Minute, "positive duration"},
		{"TTL", ttl, "p=none&p=none", time.Minute, "given 2 times"},
		{"Size", size, "", int64(7), ""},
		{"Size", size, "p=0", int64(0), ""}, {"Size", size, "p=4096", int64(4096), ""}, {"Size", size, "p=2KiB", int64(2048), ""}, {"Size", size, "p=3MiB", int64(3 << 20), ""}, {"Size", size, "p=1GiB", int64(1 << 30), ""},
		{"Size", size, "p=-1", int64(7), "number of bytes"}, {"Size", size, "p=1KB", int64(7), "number of bytes"}, {"Size", size, "p=KiB", int64(7), "number of bytes"}, {"Size", size, "p=9999999999GiB", int64(7), "number of bytes"},
		{"Size", size, "p=1&p=1", int64(7), "given 2 times"},
		{"List", list, "", []string(nil), ""},
		{"List", list, "p=b&q=x&p=a", []string{"b", "a"}, ""},
		{"Secret", secret, "", "", ""},
		{"Secret", secret, "p=s%40", "s@", ""},
		{"Secret", secret, "p=s&p=s", "", "given 2 times"},
	}
	for _, test := range tests {
		d := parse(t, "memory://?"+test.query)
		require.Equal(t, test.want, test.get(d), "%s of %q", test.name, test.query)
		test.get(d) // once more: the error is not said twice
		err := d.Err()
		require.False(t, test.err == "" && err != nil, "%s of %q: %v", test.name, test.query, err)
		require.False(t, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err) || strings.Count(err.Error(), "xcache: bad DSN: parameter p ") != 1), "%s of %q: %v, want one error that says %q", test.name, test.query, err, test.err)
	}
}

func TestErrNamesEveryBadParameter(t *testing.T) {
	d := parse(t, "memory://?a=x&b=x&c=1")
	d.Int("a", 1, 1, 9)
	d.Bool("b", false)
	d.Int("c", 1, 1, 9)
	d.Refuse("c", "needs d as well")
	err := d.Err()
	for _, want := range []string{"parameter a must", "parameter b must", "parameter c needs d as well"} {
		require.ErrorContains(t, err, want)
	}
}

func TestListIsACopy(t *testing.T) {
	d := parse(t, "memory://?p=a")
	d.List("p")[0] = "changed"
	require.Equal(t, "a", d.List("p")[0])
}

func TestUnreadNamesWhatNobodyKnows(t *testing.T) {
	d := parse(t, "memory://?ttl=1s&max_entires=3&prefx=a&completely_different=1")
	require.True(t, d.Has("ttl"), "Has is wrong")
	require.False(t, d.Has("prefix"), "Has is wrong")
	require.False(t, d.Has("max_entries"), "Has is wrong")
	err := d.Unread()
	require.Error(t, err, "no error")
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"xcache: bad DSN: unknown parameter completely_different; known are max_entries, prefix, ttl",
		"xcache: bad DSN: unknown parameter max_entires; did you mean max_entries?",
		"xcache: bad DSN: unknown parameter prefx; did you mean prefix?",
	}
	require.Equal(t, want, lines, "got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	d = parse(t, "memory://?ttl=1s")
	d.TTL("ttl", 0)
	require.NoError(t, d.Unread(), "all were read")
}
