package clustered

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func text(s string) driver.Reply { return driver.DataReply([]byte(s)) }

func nodeReply(host driver.Reply, port int64, more ...driver.Reply) driver.Reply {
	return driver.ArrayReply(append([]driver.Reply{host, driver.IntReply(port), text("name")}, more...)...)
}

func TestParseSlots(t *testing.T) {
	var none driver.Reply
	rangeOf := func(first, last int64, nodes ...driver.Reply) driver.Reply {
		return driver.ArrayReply(append([]driver.Reply{driver.IntReply(first), driver.IntReply(last)}, nodes...)...)
	}
	for _, tt := range []struct {
		name  string
		reply driver.Reply
		want  view
		bad   bool
	}{
		{
			name: "primary and replicas",
			reply: driver.ArrayReply(
				rangeOf(0, 100, nodeReply(text("10.0.0.1"), 6379), nodeReply(text("10.0.0.3"), 6380), nodeReply(text("10.0.0.2"), 6380)),
				rangeOf(101, 16383, nodeReply(text("10.0.0.2"), 6379))),
			want: view{
				{0, 100, "10.0.0.1:6379", []string{"10.0.0.2:6380", "10.0.0.3:6380"}},
				{101, 16383, "10.0.0.2:6379", nil},
			},
		},
		{
			name:  "the node that was asked, by an empty name or none",
			reply: driver.ArrayReply(rangeOf(0, 0, nodeReply(text(""), 6379)), rangeOf(1, 1, nodeReply(none, 6380))),
			want:  view{{0, 0, "asked.example:6379", nil}, {1, 1, "asked.example:6380", nil}},
		},
		{
			name:  "names and IPv6",
			reply: driver.ArrayReply(rangeOf(0, 1, nodeReply(text("cache-1.example"), 6379), nodeReply(text("2001:db8::1"), 6379))),
			want:  view{{0, 1, "cache-1.example:6379", []string{"[2001:db8::1]:6379"}}},
		},
		{
			name: "a name that is not known",
			reply: driver.ArrayReply(
				rangeOf(0, 1, nodeReply(text("?"), 6379, driver.ArrayReply(text("ip"), text("10.0.0.1"))), nodeReply(text("?"), 6379)),
				rangeOf(2, 3, nodeReply(text("?"), 6379, driver.ArrayReply()))),
			want: view{{0, 1, "10.0.0.1:6379", nil}},
		},
		{name: "nothing", reply: driver.ArrayReply()},
		{name: "no list", reply: text("OK"), bad: true},
		{name: "a range without nodes", reply: driver.ArrayReply(rangeOf(0, 1)), bad: true},
		{name: "a slot that there is not", reply: driver.ArrayReply(rangeOf(0, 16384, nodeReply(text("a"), 1))), bad: true},
		{name: "a range backwards", reply: driver.ArrayReply(rangeOf(2, 1, nodeReply(text("a"), 1))), bad: true},
		{name: "a node without port", reply: driver.ArrayReply(rangeOf(0, 1, driver.ArrayReply(text("a")))), bad: true},
		{name: "a port that there is not", reply: driver.ArrayReply(rangeOf(0, 1, nodeReply(text("a"), 65536))), bad: true},
	} {
		got, err := parseSlots(&tt.reply, "asked.example:7000")
		require.Equal(t, tt.bad, err != nil, "%s: got %v, %v; want %v", tt.name, got, err, tt.want)
		require.False(t, !tt.bad && !reflect.DeepEqual(got, tt.want), "%s: got %v, %v; want %v", tt.name, got, err, tt.want)
	}
}
