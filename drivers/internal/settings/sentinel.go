package settings

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Sentinel holds the settings of a primary that sentinels watch, and the settings
// of the sentinels.
type Sentinel struct {
	// Master is the name of the primary at the sentinels.
	Master string
	// Addrs are the sentinels in the DSN. There is at least one.
	Addrs []string
	// Reads tells which servers serve reads.
	Reads Reads
	// Period is the time between two questions to a sentinel in normal operation. A DSN
	// cannot change Period.
	Period time.Duration

	sentinel, server *Settings
}

// ReadSentinel is Read for drivers with sentinels. The hosts of dsn are the sentinels.
// The user, the password and the database of dsn are for the servers, and not for the
// sentinels.
func ReadSentinel(dsn *driver.DSN) (*Sentinel, error) {
	s := &Sentinel{
		Master: dsn.Text("master", ""),
		Period: time.Second,
		Reads:  Reads(dsn.Word("read", string(Primary), string(Primary), string(Replica), string(PreferReplica))),
	}
	if s.Master == "" {
		dsn.Refuse("master", "is needed: the name by which the sentinels know the primary, as in SENTINEL MASTERS")
	}
	user, password := dsn.Text("sentinel_user", ""), dsn.Secret("sentinel_password")
	login, passwordErr := readPassword(dsn, user, "sentinel_password_file", password)
	sentinel := &Settings{credentials: login}
	if passwordErr == nil && user != "" && !sentinel.HasPassword() {
		dsn.Refuse("sentinel_user", "needs sentinel_password or sentinel_password_file; for a user without a password (nopass) give any")
	}
	server, addrs, err := read(dsn, driver.Sentinel)
	if err := errors.Join(err, passwordErr); err != nil {
		return nil, err
	}
	s.Addrs, s.server, s.sentinel = addrs, server, server.ofSentinels(login)
	return s, nil
}

// ofSentinels returns the settings of the sentinels, with credentials of their own. A
// question to a sentinel takes no longer than dial_timeout.
func (s *Settings) ofSentinels(login *credentials) *Settings {
	sentinel := *s
	sentinel.credentials = login
	sentinel.DB = 0
	sentinel.PoolSize = 1
	sentinel.ExclusiveSize = 1 // for the subscription to events
	sentinel.OpTimeout = s.DialTimeout
	return &sentinel
}

// Shared returns the settings that all servers with data have in common.
func (s *Sentinel) Shared() *Settings { return s.server }

// ServerAt returns the settings of a server with data.
func (s *Sentinel) ServerAt(addr string) *Settings { return s.server.at(addr) }

// SentinelAt returns the settings of a sentinel.
func (s *Sentinel) SentinelAt(addr string) *Settings { return s.sentinel.at(addr) }
