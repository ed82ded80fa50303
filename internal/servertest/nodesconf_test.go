package servertest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

func TestAKilledNodeStartsWithTwoShardsForOneGroup(t *testing.T) {
	servers := servertest.Cluster(t, servertest.Release("valkey-8.0"))
	primary := servers.Primaries(t)[0]
	replica := servers.Partner(primary)
	replica.Kill(t)
	path := filepath.Join(replica.Dir, "nodes.conf")
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	shard := regexp.MustCompile("shard-id=[0-9a-f]+")
	var changed []string
	for line := range strings.Lines(string(config)) {
		if strings.Contains(line, "myself,slave") {
			line = shard.ReplaceAllString(line, "shard-id="+strings.Repeat("0", 40))
		}
		changed = append(changed, line)
	}
	require.NotEqual(t, string(config), strings.Join(changed, ""), "the file names no shards")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(changed, "")), 0o600))
	replica.Start(t)
	servers.AwaitOK(t)
}
