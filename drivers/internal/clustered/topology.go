package clustered

import (
	"errors"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/address"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// slots is the number of slots of a cluster.
const slots = keyslot.Count

// A topology tells which servers have which slots. A topology never changes: each view
// that differs makes a new one.
type topology struct {
	// shards are the primaries with their replicas. The first shard has no primary, and
	// the slots that no server has.
	shards []*shard
	// slots has the index of the shard of each slot.
	slots [slots]uint16
}

// A shard is a primary and its replicas, which have the same slots.
type shard struct {
	primary  *server           // nil in the first shard of a topology
	replicas []string          // sorted addresses
	reader   *replicated.Store // nil in a store that reads from primaries
}

// primary returns the primary of a slot, or nil.
func (t *topology) primary(slot uint16) *server { return t.shards[t.slots[slot]].primary }

// primaries returns the servers with slots.
func (t *topology) primaries() []*server {
	var found []*server
	used := make([]bool, len(t.shards))
	for _, i := range t.slots {
		if !used[i] && t.shards[i].primary != nil {
			found = append(found, t.shards[i].primary)
		}
		used[i] = true
	}
	return found
}

// A view is the cluster from the view of one node.
type view []slotRange

// A slotRange is a range of slots and the addresses of their servers.
type slotRange struct {
	first, last uint16
	primary     string
	replicas    []string
}

// errSlots is the error of a reply to CLUSTER SLOTS that has another form.
var errSlots = errors.New("unexpected reply to CLUSTER SLOTS")

// parseSlots reads a reply to CLUSTER SLOTS. asked is the address of the server that
// replied. Ranges of a primary without an address are left out.
func parseSlots(reply *driver.Reply, asked string) (view, error) {
	if reply.Kind != driver.ReplyArray {
		return nil, errSlots
	}
	var v view
	for i := range reply.Items {
		items := reply.Items[i].Items
		if len(items) < 3 {
			return nil, errSlots
		}
		first, firstErr := items[0].AsInt()
		last, lastErr := items[1].AsInt()
		if firstErr != nil || lastErr != nil || first < 0 || last < first || last >= slots {
			return nil, errSlots
		}
		r := slotRange{first: uint16(first), last: uint16(last)}
		for j := range items[2:] {
			addr, err := parseNode(items[2+j].Items, asked)
			switch {
			case err != nil:
				return nil, err
			case j == 0:
				r.primary = addr
			case addr != "":
				r.replicas = append(r.replicas, addr)
			}
		}
		slices.Sort(r.replicas)
		if r.primary != "" {
			v = append(v, r)
		}
	}
	return v, nil
}

// parseNode returns the address of a node. The items are its host, its port, its ID and,
// since Redis 7, a list of pairs with other addresses. The result is empty if the server
// that replied does not know the address.
func parseNode(items []driver.Reply, asked string) (string, error) {
	if len(items) < 2 {
		return "", errSlots
	}
	port, err := items[1].AsInt()
	if err != nil || port < 0 || port > 65535 {
		return "", errSlots
	}
	host := string(items[0].Data)
	if host == "?" {
		if host = metadata(items, "ip"); host == "" {
			return "", nil
		}
	}
	return address.Of(host, strconv.FormatInt(port, 10), asked), nil
}

// metadata returns the value of a pair in the last item of a node, or "".
func metadata(items []driver.Reply, name string) string {
	if len(items) < 4 {
		return ""
	}
	pairs := items[3].Items
	for i := 0; i+1 < len(pairs); i += 2 {
		if string(pairs[i].Data) == name {
			return string(pairs[i+1].Data)
		}
	}
	return ""
}
