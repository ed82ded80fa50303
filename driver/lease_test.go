package driver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestLeaseNamesLeadBackToTheirKeys(t *testing.T) {
	for _, key := range []string{"", "k", ":1:user:42", "{tag}k", "a}b{", "{}", "\x00\xff", driver.LeaseName("k")} {
		name := driver.LeaseName(key)
		require.True(t, strings.HasPrefix(name, key), "a permission for the key is one for %q", name)
		require.Equal(t, "before "+name, string(driver.AppendLeaseName([]byte("before "), key)))
		got, ok := driver.LeasedKey(name)
		require.True(t, ok, "LeasedKey(%q)", name)
		require.Equal(t, key, got)
	}
	name := driver.LeaseName("k")
	for _, other := range []string{"", "k", name + "x", name[:len(name)-1], "j" + name[1:], ":xcache.lease:abcd"} {
		_, ok := driver.LeasedKey(other)
		require.False(t, ok, "LeasedKey(%q)", other)
	}
}

func TestPatternsOfLeases(t *testing.T) {
	const mark = ":xcache.lease:????"
	for pattern, want := range map[string]string{
		"*": "*" + mark, ":1:user:*": ":1:user:*" + mark, ":1:k": ":1:k" + mark, "k?": "k?" + mark, "[ab]": "[ab]" + mark, `\[k`: `\[k` + mark, `\*`: `\*` + mark, `k\\`: `k\\` + mark,
		"k[ab": "k*" + mark, "k[a*": "k*" + mark, `k[a\]`: "k*" + mark, `k[a\`: "k*" + mark, `k\`: "k*" + mark, `[a]k\`: "[a]k*" + mark, "[^a]]": "[^a]]" + mark,
	} {
		require.Equal(t, want, driver.LeasePattern(pattern), "LeasePattern(%q)", pattern)
		require.True(t, driver.IsLeasePattern(driver.LeasePattern(pattern)))
	}
	require.False(t, driver.IsLeasePattern("*"))
}
