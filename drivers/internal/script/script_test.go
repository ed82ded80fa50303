package script_test

import (
	"crypto/sha1" //nolint:gosec // the tested function
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/script"
)

func TestEveryExtensionCommandHasAScript(t *testing.T) {
	for _, c := range driver.Commands() {
		s, ok := script.Lookup(c.Name)
		require.Equal(t, c.Extension && c.Name != driver.CmdLeaseRevoke, ok, "%s: has a script", c.Name) // which is UNLINK
		if !ok {
			continue
		}
		sum := sha1.Sum([]byte(s.Source)) //nolint:gosec // see above
		require.Equal(t, hex.EncodeToString(sum[:]), s.SHA1, "%s: SHA-1", c.Name)
		if c.Keys == driver.ManyKeys {
			require.Contains(t, s.Source, "whole(ARGV[1]) ~= #KEYS", "%s: the script compares the number of keys with its first argument", c.Name)
			continue
		}
		require.Equal(t, driver.OneKey, c.Keys, "%s: scripts take one key", c.Name)
	}
}
