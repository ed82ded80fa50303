package keyslot_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/keyslot"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestSlotIsTheServers(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("cluster-enabled", "yes"))
	for _, key := range []string{
		"", "a", "foo", "123456789", "{}", "{}foo", "foo{}", "{a}", "{a}foo", "foo{a}bar", "foo{a}{b}", "foo{{a}}bar", "foo{a", "foo}a{b}",
		"{", "}", "}{", "{{}", ":1:{user:42}:name", "prefix:1:k", "\x00\xff", "{\x00}x", "schlüssel", strings.Repeat("long", 1000),
	} {
		want := server.Do(t, "CLUSTER", "KEYSLOT", key).(int64)
		require.Equal(t, want, int64(keyslot.Of(key)), "Of(%q)", key)
	}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { keyslot.Of("prefix:1:{user:42}:name") }), 0.0, "allocations")
}

func TestBesideIsInTheSameSlot(t *testing.T) {
	for i := range 100_000 { // all slots, with a probability that leaves no doubt
		key := "prefix:1:user:" + strconv.Itoa(i)
		require.Equal(t, keyslot.Of(key), keyslot.Of(keyslot.Beside(key, ":mark:")), "Beside(%q)", key)
	}
	for _, key := range []string{
		"", "a", "{}", "{}foo", "foo{}", "{a}", "{a}foo", "foo{a}{b}", "foo{{a}}bar", "foo{a", "foo}a{b}", "{", "}", "}{", "{{}", "a{}b}", "\x00\xff", "{\x00}x", "schlüssel",
	} {
		name := keyslot.Beside(key, ":mark:")
		require.Equal(t, keyslot.Of(key), keyslot.Of(name), "Beside(%q)", key)
		require.Regexp(t, ":mark:[a-z]{4}$", name)
	}
}

func BenchmarkBeside(b *testing.B) {
	for b.Loop() {
		keyslot.Beside(":1:user:123456789:name", ":mark:")
	}
}

func BenchmarkSlot(b *testing.B) {
	for b.Loop() {
		keyslot.Of(":1:user:123456789:name")
	}
}
