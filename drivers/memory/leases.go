package memory

import (
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var leaseCommands = map[string]command{
	driver.CmdLease:       {run: takeLease, min: 3, max: 3},
	driver.CmdLeaseFill:   {run: fillLeased, min: 4, max: 5},
	driver.CmdLeaseRevoke: {run: revokeLeases, min: 1, max: arguments.Unlimited},
}

// A lease is what a shard knows of the loads of a key. Leases are no entries: they count in no
// bound but maxLeases, so that loads push no value out.
type lease struct {
	token string
	until int64
}

// maxLeases is how many leases a shard keeps. One that is given up costs no more than a value
// that is not stored.
const maxLeases = 4096

// takeLease is key, token, duration.
func takeLease(c *call) (driver.Reply, error) {
	duration, err := c.lease(2)
	if err != nil {
		return driver.Reply{}, err
	}
	s := c.db.shardOf(c.db.hash(c.Key(0)))
	l, held := s.leaseOf(c.Key(0), c.now)
	if !held {
		l.token = c.Text(1)
	}
	l.until = max(l.until, c.now+int64(duration))
	s.putLease(c.Key(0), l, c.now)
	return textReply(l.token), nil
}

// fillLeased is key, token, value, ttl [, old].
func fillLeased(c *call) (driver.Reply, error) {
	key := c.Key(0)
	ttl, err := c.TTL(3)
	if err != nil {
		return driver.Reply{}, err
	}
	old := time.Duration(-1)
	if c.Count() == 5 {
		if old, err = c.lease(4); err != nil {
			return driver.Reply{}, err
		}
	}
	if e := c.peek(key); e != nil && c.remaining(e) > old {
		return driver.IntReply(0), nil
	}
	s := c.db.shardOf(c.db.hash(key))
	if l, held := s.leaseOf(key, c.now); !held || l.token != c.Text(1) {
		return driver.IntReply(-1), nil
	}
	value := c.value(2)
	if err := c.db.fits(stringSize(key, value)); err != nil {
		return driver.Reply{}, err
	}
	if err := c.set(key, value, ttl, driver.Always); err != nil {
		return driver.Reply{}, err
	}
	s.revoke(key)
	return driver.IntReply(1), nil
}

// revokeLeases is key….
func revokeLeases(c *call) (driver.Reply, error) {
	keys, err := c.Keys(0, c.Count())
	var revoked int64
	for _, key := range keys {
		s := c.db.shardOf(c.db.hash(key))
		if _, held := s.leaseOf(key, c.now); held {
			revoked++
		}
		s.revoke(key)
	}
	return driver.IntReply(revoked), err
}

// leaseOf returns the lease of a key that is in force.
func (s *shard) leaseOf(key string, now int64) (l lease, held bool) {
	l, held = s.leases[key]
	if l.until <= now {
		return lease{}, false
	}
	return l, held
}

// putLease keeps a lease. When there is no room, those that have run out go, or else any.
func (s *shard) putLease(key string, l lease, now int64) {
	if s.leases == nil {
		s.leases = make(map[string]lease)
	}
	if _, known := s.leases[key]; !known && len(s.leases) >= maxLeases {
		for other, old := range s.leases {
			if old.until <= now {
				delete(s.leases, other)
			}
		}
		for other := range s.leases {
			if len(s.leases) < maxLeases {
				break
			}
			delete(s.leases, other)
		}
	}
	s.leases[strings.Clone(key)] = l
}

// revoke takes away the lease of a key, if it has one.
func (s *shard) revoke(key string) {
	if len(s.leases) > 0 {
		delete(s.leases, key)
	}
}

// leaseNames appends the names of the leases that are in force.
func (s *shard) leaseNames(names []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.db.now()
	for key, l := range s.leases {
		if l.until > now {
			names = append(names, driver.LeaseName(key))
		}
	}
	return names
}
