package memory

import (
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var leaseCommands = map[string]command{
	driver.CmdLease:        {run: takeLease, min: 3, max: 3},
	driver.CmdLeaseElect:   {run: electLease, min: 3, max: 3},
	driver.CmdLeaseFill:    {run: fillLeased, min: 4, max: 5},
	driver.CmdLeaseReplace: {run: replaceLease, min: 4, max: 4},
	driver.CmdLeaseRevoke:  {run: revokeLeases, min: 1, max: arguments.Unlimited},
}

// A lease is the knowledge of a shard about the loads of a key. Leases are no entries:
// leases count in no bound but maxLeases, so that loads push no value out. A lease
// without a token is a marker.
type lease struct {
	token string
	until int64
}

// maxLeases is how many leases a shard keeps. The loss of a lease costs no more than a
// value that is not stored.
const maxLeases = 4096

// takeLease is key, token, duration.
func takeLease(c *call) (driver.Reply, error) {
	token, duration, err := c.leaseArgs()
	if err != nil {
		return driver.Reply{}, err
	}
	s := c.db.shardOf(c.db.hash(c.Key(0)))
	l, held := s.leaseOf(c.Key(0), c.now)
	if held && l.token == "" {
		return textReply(""), nil
	}
	if !held {
		l.token = token
	}
	l.until = max(l.until, c.now+int64(duration))
	s.putLease(c.Key(0), l, c.now)
	return textReply(l.token), nil
}

// electLease is key, token, duration.
func electLease(c *call) (driver.Reply, error) {
	token, duration, err := c.leaseArgs()
	if err != nil {
		return driver.Reply{}, err
	}
	s := c.db.shardOf(c.db.hash(c.Key(0)))
	if l, held := s.leaseOf(c.Key(0), c.now); held && l.token != token {
		return textReply(l.token), nil
	}
	s.putLease(c.Key(0), lease{token, c.now + int64(duration)}, c.now)
	return textReply(token), nil
}

// leaseArgs returns the arguments token and duration.
func (c *call) leaseArgs() (token string, duration time.Duration, err error) {
	if token, err = c.leaseToken(); err == nil {
		duration, err = c.lease(2)
	}
	return token, duration, err
}

// leaseToken returns the argument token.
func (c *call) leaseToken() (string, error) {
	token := c.Text(1)
	if token == "" {
		return "", c.Fail("the token of a lease is empty")
	}
	return token, nil
}

// fillLeased is key, token, value, ttl [, old].
func fillLeased(c *call) (driver.Reply, error) {
	key := c.Key(0)
	token, err := c.leaseToken()
	if err != nil {
		return driver.Reply{}, err
	}
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
	if l, held := s.leaseOf(key, c.now); !held || l.token != token {
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

// replaceLease is key, token, next, duration.
func replaceLease(c *call) (driver.Reply, error) {
	token, err := c.leaseToken()
	if err != nil {
		return driver.Reply{}, err
	}
	ms, err := c.Int(3)
	if err == nil && (ms < 0 || ms >= longestLease.Milliseconds()) {
		err = c.Fail("the duration of a lease must be a positive number of milliseconds, or 0")
	}
	if err != nil {
		return driver.Reply{}, err
	}
	key := c.Key(0)
	s := c.db.shardOf(c.db.hash(key))
	if l, held := s.leaseOf(key, c.now); !held || l.token != token {
		return driver.IntReply(0), nil
	}
	if s.revoke(key); ms > 0 {
		s.putLease(key, lease{c.Text(2), c.now + ms*int64(time.Millisecond)}, c.now)
	}
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

// leaseOf returns the lease of a key, if the lease is in force.
func (s *shard) leaseOf(key string, now int64) (l lease, held bool) {
	l, held = s.leases[key]
	if l.until <= now {
		return lease{}, false
	}
	return l, held
}

// putLease keeps a lease. If there is no room, some leases go: expired leases, or else a
// marker, or else any lease. The loss of a marker costs a load. The loss of another lease
// costs a value that is not stored.
func (s *shard) putLease(key string, l lease, now int64) {
	if s.leases == nil {
		s.leases = make(map[string]lease)
	}
	if _, known := s.leases[key]; !known && len(s.leases) >= maxLeases {
		s.dropLeases(now)
	}
	s.leases[strings.Clone(key)] = l
}

// dropLeases makes room for a lease. dropLeases looks at a few leases only, because a
// shard must not be locked for long. A map yields its elements in a random order.
func (s *shard) dropLeases(now int64) {
	const looks = 64
	looked, victim, marker := 0, "", false
	for key, l := range s.leases {
		switch {
		case l.until <= now:
			delete(s.leases, key)
		case victim == "" || l.token == "" && !marker:
			victim, marker = key, l.token == ""
		}
		if looked++; looked == looks {
			break
		}
	}
	if len(s.leases) >= maxLeases {
		delete(s.leases, victim)
	}
}

// revoke takes away the lease of a key, if there is a lease.
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
