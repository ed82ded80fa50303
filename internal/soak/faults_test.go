package soak

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

// A fault happens to servers, to the network, or to callers. The function inject makes
// sure that the fault has happened, and ends the fault.
type fault struct {
	name   string
	inject func(d *deployment)
}

// faults returns the faults that a deployment can have.
func (d *deployment) faults() []fault {
	all := []fault{
		{"script flush", (*deployment).flushScripts},
		{"out of memory", (*deployment).fillMemory},
		{"eviction", (*deployment).evict},
		{"flush", (*deployment).flush},
		{"password rotated", (*deployment).rotatePassword},
		{"connections killed", (*deployment).killConnections},
		{"callers leave", (*deployment).cancelCallers},
	}
	switch {
	case d.cluster != nil:
		return slices.Concat(all, replicatedFaults, []fault{{"slots move", (*deployment).moveSlots}})
	case d.sentinel != nil:
		return slices.Concat(all, replicatedFaults)
	}
	return slices.Concat(all, networkFaults, []fault{
		{"killed and restarted", (*deployment).restart},
		{"frozen", (*deployment).freeze},
		{"too many clients", (*deployment).refuseClients},
	})
}

// someTime returns a random time, for the length of a fault.
func (d *deployment) someTime(least, most time.Duration) time.Duration {
	return least + time.Duration(d.random.Int64N(int64(most-least)))
}

// eventually waits until a fault has had its effect.
func (d *deployment) eventually(what string, happened func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(recoveryLimit); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.tell("the fault had no effect: %s", what)
			return
		}
	}
}

// sum returns the sum of a field over servers. A field of errorstats is the count of the error.
func (d *deployment) sum(servers []*servertest.Server, section, field string) (sum int) {
	d.t.Helper()
	for _, server := range servers {
		info, err := infoOf(server, section)
		require.NoError(d.t, err)
		n, _ := strconv.Atoi(strings.TrimPrefix(info[field], "count=")) // INFO lacks errors with a count of 0
		sum += n
	}
	return sum
}

func (d *deployment) onAll(servers []*servertest.Server, command ...string) {
	d.t.Helper()
	for _, server := range servers {
		server.Do(d.t, command...)
	}
}

func (d *deployment) restart() {
	server := d.data[0]
	before, err := infoOf(server, "server")
	require.NoError(d.t, err)
	server.Kill(d.t)
	time.Sleep(d.someTime(0, time.Second))
	server.Start(d.t)
	after, err := infoOf(server, "server")
	require.NoError(d.t, err)
	require.NotEqual(d.t, before["run_id"], after["run_id"])
}

// freeze makes a server stand still, for a longer or a shorter time than calls wait.
func (d *deployment) freeze() {
	server := d.data[0]
	server.Freeze(d.t)
	d.isSilent(server)
	time.Sleep(d.someTime(0, 2*opTimeout))
	server.Thaw(d.t)
}

// isSilent makes sure that a server does not answer. The server's system still takes
// connections.
func (d *deployment) isSilent(server *servertest.Server) {
	d.t.Helper()
	conn, err := net.Dial("tcp", server.Addr)
	require.NoError(d.t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("PING\r\n"))
	require.NoError(d.t, err)
	require.NoError(d.t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	var timeout net.Error
	require.True(d.t, errors.As(err, &timeout) && timeout.Timeout(), "the server is not frozen: %v", err)
}

func (d *deployment) flushScripts() {
	servers := d.theirs()
	before := d.sum(servers, "errorstats", "errorstat_NOSCRIPT")
	d.onAll(servers, "SCRIPT", "FLUSH")
	d.eventually("nobody missed the scripts", func() bool {
		return d.sum(d.theirs(), "errorstats", "errorstat_NOSCRIPT") > before
	})
}

func (d *deployment) fillMemory() {
	servers := d.theirs()
	d.memory.begin()
	before := d.sum(servers, "errorstats", "errorstat_OOM")
	d.onAll(servers, "CONFIG", "SET", "maxmemory", "1")
	d.eventually("no write was refused", func() bool {
		return d.sum(servers, "errorstats", "errorstat_OOM") > before
	})
	time.Sleep(d.someTime(0, time.Second))
	d.onAll(servers, "CONFIG", "SET", "maxmemory", "0")
	d.memory.end()
}

// evict makes the servers evict some of the keys.
func (d *deployment) evict() {
	servers := d.theirs()
	d.memory.begin() // writes fail if there is nothing left to evict
	end := d.losses.fault()
	before := d.sum(servers, "stats", "evicted_keys")
	d.onAll(servers, "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	d.eventually("no key was evicted", func() bool {
		for _, server := range servers { // again each time, because keys may have expired meanwhile
			used := d.sum([]*servertest.Server{server}, "memory", "used_memory")
			server.Do(d.t, "CONFIG", "SET", "maxmemory", strconv.Itoa(used-1000))
		}
		return d.sum(servers, "stats", "evicted_keys") > before
	})
	time.Sleep(d.someTime(0, time.Second))
	d.onAll(servers, "CONFIG", "SET", "maxmemory", "0")
	d.onAll(servers, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	end()
	d.memory.end()
}

func (d *deployment) flush() {
	end := d.losses.fault()
	const flush = "local keys = redis.call('DBSIZE') redis.call('FLUSHALL') return keys"
	for _, server := range d.theirs() {
		require.Positive(d.t, server.Do(d.t, "EVAL", flush, "0"), "keys that are lost")
	}
	end()
}

// rotatePassword gives the user another password, and closes all connections with the old
// password. Then rotatePassword does the same for the first password, because restarted
// servers have that password.
func (d *deployment) rotatePassword() {
	d.auth.begin()
	defer d.auth.end()
	next := strconv.FormatUint(d.random.Uint64(), 36)
	for _, change := range [][2]string{{passwordAtStart, next}, {next, passwordAtStart}} {
		old, next := change[0], change[1]
		d.onAll(d.data, "ACL", "SETUSER", user, ">"+next)
		d.setPassword(next)
		d.onAll(d.data, "ACL", "SETUSER", user, "<"+old)
		for _, server := range d.data {
			_, err := server.Try("AUTH", user, old)
			require.ErrorContains(d.t, err, "WRONGPASS")
		}
		require.Positive(d.t, d.hangUp(d.theirs()))
		d.awaitProgress()
	}
}

func (d *deployment) killConnections() {
	require.Positive(d.t, d.hangUp(d.data))
}

// hangUp ends the connections of the user, and returns how many there were. If the
// servers have none at the moment, hangUp tries again.
func (d *deployment) hangUp(servers []*servertest.Server) (n int64) {
	d.t.Helper()
	d.eventually("nobody is connected", func() bool {
		for _, server := range servers {
			n += server.Do(d.t, "CLIENT", "KILL", "USER", user).(int64)
		}
		return n > 0
	})
	return n
}

func (d *deployment) cancelCallers() {
	before := d.cancelled.Load()
	d.cancelling.Store(true)
	time.Sleep(d.someTime(500*time.Millisecond, 1500*time.Millisecond))
	d.eventually("no call was left", func() bool { return d.cancelled.Load() > before })
	d.cancelling.Store(false)
}

// refuseClients makes a server refuse new connections, and closes the present
// connections.
func (d *deployment) refuseClients() {
	server, scope := d.data[0], &scope{TB: d.t}
	defer scope.end()
	conn := server.Dial(scope)
	rejected := func() int {
		reply, err := conn.Try("INFO", "stats")
		require.NoError(d.t, err)
		_, rest, _ := strings.Cut(reply.(string), "rejected_connections:")
		n, err := strconv.Atoi(rest[:strings.IndexByte(rest, '\r')])
		require.NoError(d.t, err)
		return n
	}
	before := rejected()
	conn.Do(d.t, "CONFIG", "SET", "maxclients", "1")
	conn.Do(d.t, "CLIENT", "KILL", "USER", user)
	d.eventually("no connection was refused", func() bool { return rejected() > before })
	time.Sleep(d.someTime(0, time.Second))
	conn.Do(d.t, "CONFIG", "SET", "maxclients", "10000")
}

// A scope is a test whose cleanups are done when the scope ends. There are thousands of
// faults: without a scope, their connections would be kept until the end of the test.
type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) end() {
	for _, f := range s.cleanups {
		f()
	}
}
