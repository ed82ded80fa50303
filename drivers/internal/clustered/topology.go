package clustered

import (
	"errors"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/address"
	"github.com/xcache-go/xcache/drivers/internal/keyslot"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
)

// slots is how many parts the keys of a cluster are divided into.
const slots = keyslot.Count

// A topology says which servers have which slots. It does not change: what is
// learnt makes a new one.
type topology struct {
	shards []*shard // the first is nobody's
	slots  [slots]uint16
}

// A shard is a primary and its replicas, which have the same slots.
type shard struct {
	primary  *server           // nil of the slots that nobody has
	replicas []string          // their addresses, sorted
	reader   *replicated.Store // nil if nothing is read from replicas
}

// primary returns who has a slot, or nil.
func (t *topology) primary(slot uint16) *server { return t.shards[t.slots[slot]].primary }

// primaries returns the servers that have slots.
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

// A view is what a node says about the cluster.
type view []slotRange

// A slotRange is consecutive slots and who has them.
type slotRange struct {
	first, last uint16
	primary     string   // its address
	replicas    []string // theirs
}

// errSlots is an answer to CLUSTER SLOTS that cannot be read.
var errSlots = errors.New("unexpected reply to CLUSTER SLOTS")

// parseSlots reads the answer to CLUSTER SLOTS of the server at an address.
// Ranges whose primary is not known are left out.
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

// parseNode returns the address of a node: host and port, the node's name, and
// then, since Redis 7, more about where it is. It is empty if the node does not
// know.
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

// metadata returns what a node says about another one under a name.
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
