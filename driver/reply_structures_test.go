package driver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func data(text string) driver.Reply { return driver.DataReply([]byte(text)) }

// replies are the forms of one answer in both versions of RESP.
func TestPairsInBothProtocols(t *testing.T) {
	list := driver.ArrayReply
	for name, reply := range map[string]driver.Reply{
		"flat list, or a map": list(data("a"), data("1"), data("b"), driver.Reply{}),
		"nested pairs":        list(list(data("a"), data("1")), list(data("b"), driver.Reply{})),
	} {
		pairs, err := reply.AsPairs()
		require.NoError(t, err, name)
		require.Len(t, pairs, 2, name)
		require.Equal(t, "a", string(pairs[0].Name), name)
		require.Equal(t, "1", string(pairs[0].Value.Data), name)
		require.True(t, pairs[1].Value.IsNil(), name)
	}
	for _, none := range []driver.Reply{{}, list()} {
		pairs, err := none.AsPairs()
		require.NoError(t, err)
		require.Empty(t, pairs)
	}
	for name, bad := range map[string]driver.Reply{
		"odd":             list(data("a"), data("1"), data("b")),
		"a list of three": list(list(data("a"), data("1"), data("b"))),
		"mixed":           list(list(data("a"), data("1")), data("b")),
		"a nil name":      list(driver.Reply{}, data("1")),
		"a list as name":  list(data("x"), data("1"), list(), data("1")),
		"a number":        driver.IntReply(1),
	} {
		_, err := bad.AsPairs()
		require.ErrorIs(t, err, driver.ErrUnavailable, name)
	}
}

func TestScoredMembersInBothProtocols(t *testing.T) {
	list := driver.ArrayReply
	want := []driver.ScoredMember{{Member: []byte("a"), Score: 1.5}, {Member: []byte("b"), Score: 2}}
	for name, reply := range map[string]driver.Reply{
		"text":          list(data("a"), data("1.5"), data("b"), data("2")),
		"nested floats": list(list(data("a"), driver.FloatReply(1.5)), list(data("b"), driver.FloatReply(2))),
		"flat floats":   list(data("a"), driver.FloatReply(1.5), data("b"), driver.FloatReply(2)),
	} {
		members, err := reply.AsScoredMembers()
		require.NoError(t, err, name)
		require.Equal(t, want, members, name)
	}
	bad := list(data("a"), data("no number"))
	_, err := bad.AsScoredMembers()
	require.ErrorIs(t, err, driver.ErrUnavailable)
}

func TestStreamEntriesInBothProtocols(t *testing.T) {
	list := driver.ArrayReply
	reply := list(
		list(data("1-0"), list(data("f"), data("v"), data("g"), data("w"))),
		driver.Reply{},                                      // deleted, as XCLAIM of Redis 6 has it
		list(data("2-0"), driver.Reply{}),                   // deleted, as XREADGROUP has it
		list(data("3-0"), list(list(data("f"), data("v")))), // pairs
	)
	entries, err := reply.AsStreamEntries()
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, "1-0", entries[0].ID)
	require.Equal(t, "g", string(entries[0].Fields[1].Name))
	require.Nil(t, entries[1].Fields)
	require.Equal(t, "v", string(entries[2].Fields[0].Value.Data))

	byStream := list(data("s"), reply) // XREAD: a map, or a list of pairs
	for _, form := range []driver.Reply{byStream, list(list(data("s"), reply))} {
		streams, err := form.AsPairs()
		require.NoError(t, err)
		entries, err := streams[0].Value.AsStreamEntries()
		require.NoError(t, err)
		require.Len(t, entries, 3)
	}
	for _, bad := range []driver.Reply{driver.IntReply(1), list(data("1-0")), list(list(data("1-0"))), list(list(driver.IntReply(1), list()))} {
		_, err := bad.AsStreamEntries()
		require.ErrorIs(t, err, driver.ErrUnavailable)
	}
}
