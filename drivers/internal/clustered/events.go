package clustered

import (
	"fmt"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// notify reports the changes from the topology before. The server from has told t.
func (t *topology) notify(before *topology, from *server) {
	from.status.Notify(driver.TopologyChanged, nil)
	now := t.primaries()
	reported := make(map[*shard]bool)
	for slot, i := range before.slots {
		old := before.shards[i]
		if old.primary == nil || reported[old] {
			continue
		}
		reported[old] = true
		// A primary whose slots have moved elsewhere was not replaced.
		successor := t.shards[t.slots[slot]].primary
		if successor != nil && !slices.Contains(now, old.primary) && slices.Contains(old.replicas, successor.addr) {
			successor.status.Notify(driver.PrimaryChanged, fmt.Errorf("%s was the primary before", old.primary.addr))
		}
	}
}
