package clustered

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// Each node of the cluster has one key. c has a second key, which moves during a scan.
func TestScanFindsWhatMovesMeanwhile(t *testing.T) {
	const moving = "key4"
	slot := keyslot.Of(moving)
	require.GreaterOrEqual(t, int(slot), 2*slots/3, "the first owner of the slot is c")
	without := fmt.Sprintf("%d-%d %d-%d", 2*slots/3, slot-1, slot+1, slots-1)
	// A step is the state of the cluster from the scan of a node on.
	type step struct {
		at      string // the node
		holder  string // the node of the key that moves
		a, c, d string // the epochs and slots that these nodes report
		last    string // the owner of the last third in the topology; c if empty
	}
	all := fmt.Sprintf("%d-%d", 2*slots/3, slots-1)
	before := step{holder: "c", a: "1 connected", c: "3 connected " + all}
	given := step{holder: "a", a: fmt.Sprint("4 connected ", slot), c: "3 connected " + without}
	for name, steps := range map[string][]step{
		"no move": {},
		"given away": {
			{at: "b", holder: given.holder, a: given.a, c: given.c},
		},
		"given away, and the source has not heard of that": {
			{at: "b", holder: given.holder, a: given.a, c: before.c},
			{at: "a", holder: given.holder, a: given.a, c: given.c},
		},
		"given away and taken back": {
			{at: "b", holder: given.holder, a: given.a, c: given.c},
			{at: "c end", holder: "c", a: "4 connected", c: "5 connected " + all},
		},
		"of a primary that is a replica now, whose successor nobody names yet": {
			{at: "c", holder: "d", a: before.a, c: "3 connected", last: "none"},
			{at: "topology", holder: "d", a: before.a, c: "3 connected", last: "none"},
			{at: "topology", holder: "d", a: before.a, c: "3 connected", last: "none"},
			{at: "topology", holder: "d", a: before.a, c: "3 connected", d: "7 connected " + all, last: "d"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now, next := before, steps
				var mu sync.Mutex // topologies are loaded in the background
				reach := func(at string) {
					if len(next) > 0 && next[0].at == at {
						now, next = next[0], next[1:]
					}
				}
				s := openFake(t, func(n *fakeNode) {
					name, _, _ := strings.Cut(n.addr, ":")
					n.slots = func() driver.Reply {
						mu.Lock()
						defer mu.Unlock()
						reach("topology")
						switch ranges := thirds().Items; now.last {
						case "":
							return driver.ArrayReply(ranges...)
						case "none":
							return driver.ArrayReply(ranges[:2]...)
						default:
							ranges[2].Items[2] = nodeReply(text(now.last), 1)
							return driver.ArrayReply(ranges...)
						}
					}
					n.nodes = func() string {
						mu.Lock()
						defer mu.Unlock()
						own := map[string]string{
							"a": fmt.Sprintf("%s 0-%d", now.a, slots/3-1),
							"b": fmt.Sprintf("2 connected %d-%d", slots/3, 2*slots/3-1),
							"c": now.c,
							"d": now.d,
						}
						return "id " + n.addr + " myself,master - 0 0 " + own[name] + "\n"
					}
					n.scan = func() []string {
						mu.Lock()
						defer mu.Unlock()
						reach(name)
						keys := []string{"of " + name}
						if now.holder == name {
							keys = append(keys, moving)
						}
						reach(name + " end")
						return keys
					}
				})
				var found []string
				for key, err := range s.Scan(t.Context(), "*") {
					require.NoError(t, err)
					found = append(found, key)
				}
				require.Empty(t, next, "steps that the scan did not reach")
				for _, key := range []string{moving, "of a", "of b", "of c"} {
					require.Contains(t, found, key)
				}
			})
		})
	}
}
