package xcache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// needsByName says how to see that a store can do what a word names.
var needsByName = map[string]func(*driver.Caps) bool{
	"ttl":      func(c *driver.Caps) bool { return c.Expirer != nil },
	"counters": func(c *driver.Caps) bool { return c.Counter != nil },
	"swap":     func(c *driver.Caps) bool { return c.Swapper != nil },
	"rename":   func(c *driver.Caps) bool { return c.Mover != nil },
	"scan":     func(c *driver.Caps) bool { return c.Scanner != nil },
	"flush":    func(c *driver.Caps) bool { return c.Flusher != nil },
	"ping":     func(c *driver.Caps) bool { return c.Pinger != nil },
	"pipelines": func(c *driver.Caps) bool {
		return c.Commander != nil && runsGroup(c, driver.GroupStrings) && runsGroup(c, driver.GroupKeys)
	},
	"pubsub":     func(c *driver.Caps) bool { return c.Subscriber != nil },
	"tracking":   func(c *driver.Caps) bool { return c.Tracker != nil },
	"lists":      needsGroup(driver.GroupLists),
	"sets":       needsGroup(driver.GroupSets),
	"hashes":     needsGroup(driver.GroupHashes),
	"sortedsets": needsGroup(driver.GroupSortedSets),
	"streams":    needsGroup(driver.GroupStreams),
	"scripts":    needsGroup(driver.GroupScripts),
}

func needsGroup(group driver.Group) func(*driver.Caps) bool {
	return func(c *driver.Caps) bool { return runsGroup(c, group) }
}

// runsGroup reports whether a store runs every command of a group.
func runsGroup(c *driver.Caps, group driver.Group) bool {
	if c.Commander == nil {
		return false
	}
	set, found := c.Commander.Commands(), false
	for _, command := range driver.Commands() {
		if command.Group == group {
			if found = true; !set.Has(command.Name) {
				return false
			}
		}
	}
	return found
}

func knownNeeds() string { return strings.Join(slices.Sorted(maps.Keys(needsByName)), ", ") }

// Require returns an error that matches errors.ErrUnsupported, and names the
// registered drivers that would do, unless the driver can do all of needs:
// ttl, counters, swap, rename, scan, flush, ping, pipelines, pubsub, tracking,
// lists, sets, hashes, sortedsets, streams, scripts. It does no I/O: call it
// at start-up, so that a service does not find out at night.
func (c *Cache) Require(needs ...string) error {
	if c.err != nil {
		return c.err
	}
	return c.require(needs)
}

func (c *Cache) require(needs []string) error {
	var missing []string
	for _, need := range needs {
		can, ok := needsByName[need]
		if !ok {
			return fmt.Errorf("xcache: Require does not know %q; it knows %s", need, knownNeeds())
		}
		if !can(&c.target.caps) {
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return c.opError("require", "", fmt.Errorf("the driver cannot do %s (%s): %w",
		strings.Join(missing, ", "), c.shared.registry.whoCan(needs), errors.ErrUnsupported))
}

// whoCan says which registered drivers can do all of needs. It asks stores
// that it opens for the purpose: opening does no I/O.
func (r *Registry) whoCan(needs []string) string {
	var able []string
	for _, name := range r.Drivers() {
		if r.can(name, needs) {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		return "no registered driver can"
	}
	return "registered drivers that can: " + strings.Join(able, ", ")
}

func (r *Registry) can(name string, needs []string) bool {
	for _, text := range []string{name + "://", name + "://localhost"} {
		dsn, err := driver.ParseDSN(text)
		if err != nil {
			return false
		}
		store, err := r.driver(name).Open(dsn)
		if err != nil {
			continue
		}
		caps := driver.CapsOf(store)
		able := !slices.ContainsFunc(needs, func(need string) bool { return !needsByName[need](&caps) })
		return store.Close() == nil && able
	}
	return false
}
