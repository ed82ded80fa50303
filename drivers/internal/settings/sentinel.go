package settings

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Sentinel is what a DSN says about a primary that sentinels watch, and about
// these.
type Sentinel struct {
	// Master is the name that the sentinels know the primary by.
	Master string
	// Addrs are the sentinels that the DSN names. There is at least one.
	Addrs []string
	// Reads says where reads go.
	Reads Reads
	// Period is how often the sentinels are asked while all is well. A DSN cannot
	// change it.
	Period time.Duration

	sentinel, server *Settings
}

// ReadSentinel is Read for drivers that ask sentinels who the primary is. The
// hosts of dsn are the sentinels; its user, password and database are those of
// the servers.
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

// ofSentinels returns the settings of sentinels, with credentials of their own.
// They are asked for little, and no longer than connecting may take.
func (s *Settings) ofSentinels(login *credentials) *Settings {
	sentinel := *s
	sentinel.credentials = login
	sentinel.DB = 0
	sentinel.PoolSize = 1
	sentinel.ExclusiveSize = 1 // to listen
	sentinel.OpTimeout = s.DialTimeout
	return &sentinel
}

// Shared returns what the settings of all servers that hold data have in common.
func (s *Sentinel) Shared() *Settings { return s.server }

// ServerAt returns the settings for a server that holds data.
func (s *Sentinel) ServerAt(addr string) *Settings { return s.server.at(addr) }

// SentinelAt returns the settings for a sentinel.
func (s *Sentinel) SentinelAt(addr string) *Settings { return s.sentinel.at(addr) }
