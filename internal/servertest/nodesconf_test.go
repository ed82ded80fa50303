package servertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAKilledNodeStartsWithTwoShardsForOneGroup(t *testing.T) {
	servers := Cluster(t, Release("valkey-8.0"))
	primary := servers.Primaries(t)[0]
	replica := servers.Partner(primary)
	replica.Kill(t)
	path := filepath.Join(replica.Dir, "nodes.conf")
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	var changed []string
	for line := range strings.Lines(string(config)) {
		if strings.Contains(line, "myself,slave") {
			line = shardID.ReplaceAllString(line, "shard-id="+strings.Repeat("0", 40))
		}
		changed = append(changed, line)
	}
	require.NotEqual(t, string(config), strings.Join(changed, ""), "the file names no shards")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(changed, "")), 0o600))
	replica.Start(t)
	servers.AwaitOK(t)
}
