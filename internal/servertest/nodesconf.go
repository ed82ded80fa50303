package servertest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
)

// shardID finds the shard of a node in a line of nodes.conf.
var shardID = regexp.MustCompile(`shard-id=([0-9a-f]+)`)

// reconcileShards gives each replica in the nodes.conf of a killed node the shard of its
// primary. A node hears of the replica's shard and of the primary's shard in two
// messages. A node that was killed between the two messages has stored two different
// shards. Valkey before 8.1 does not start with such a file ("corrupted cluster config
// file").
func (s *Server) reconcileShards() error {
	path := filepath.Join(s.Dir, "nodes.conf")
	config, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	reconciled := withShardsOfPrimaries(config)
	if bytes.Equal(reconciled, config) {
		return nil
	}
	return os.WriteFile(path, reconciled, 0o600)
}

// withShardsOfPrimaries works on lines with these fields: id, address with the shard,
// flags, id of the primary or "-", and more.
func withShardsOfPrimaries(config []byte) []byte {
	shards := make(map[string][]byte) // by the ids of nodes
	lines := bytes.SplitAfter(config, []byte("\n"))
	for _, line := range lines {
		if fields, shard := bytes.Fields(line), shardID.FindSubmatch(line); len(fields) > 3 && shard != nil {
			shards[string(fields[0])] = shard[1]
		}
	}
	for i, line := range lines {
		fields := bytes.Fields(line)
		if len(fields) <= 3 {
			continue
		}
		if shard, ok := shards[string(fields[3])]; ok {
			lines[i] = shardID.ReplaceAll(line, append([]byte("shard-id="), shard...))
		}
	}
	return bytes.Join(lines, nil)
}
