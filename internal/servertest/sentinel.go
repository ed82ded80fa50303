package servertest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

const (
	sentinels        = 3
	sentinelReplicas = 2
)

// SentinelServers is a primary and two replicas, watched by three sentinels.
// When the primary fails, the sentinels make a replica the primary. Sentinels
// take a primary for failed after a minute, so a failover needs Failover,
// AwaitFailover or NoticeFailures.
type SentinelServers struct {
	*group
	// MasterName is the name of the primary at the sentinels.
	MasterName string
	// Servers hold data; the first is the primary at the start.
	Servers   []*Server
	Sentinels []*Server
}

// Sentinel starts servers and sentinels, and waits until all know each other and
// the replicas are online. Every server that holds data gets the options. The
// sentinels get TLS, Release and Announce of them; the option [Sentinels] has
// further options for the sentinels only. The end of the test stops all servers
// and sentinels, and shows their logs if the test failed.
func Sentinel(t testing.TB, opts ...Option) *SentinelServers {
	t.Helper()
	s, err := openSentinel(opts)
	if err != nil {
		unavailable(t, err)
	}
	stopAtEnd(t, s.group)
	return s
}

// Sentinels is an option of [Sentinel] with options for the sentinels only:
// their own Password, User and Config. Redis 6.0 has no users of sentinels.
func Sentinels(opts ...Option) Option {
	return func(s *settings) { s.sentinels = append(s.sentinels, opts...) }
}

// Addrs returns the addresses of the sentinels for clients.
func (s *SentinelServers) Addrs() []string { return addrs(s.Sentinels) }

// Primary returns the server that the first running sentinel names as primary.
func (s *SentinelServers) Primary(t testing.TB) *Server {
	t.Helper()
	up, err := running(s.Sentinels)
	check(t, err)
	primary, err := s.primaryOf(up[0])
	check(t, err)
	return primary
}

// Replicas returns all servers but the primary.
func (s *SentinelServers) Replicas(t testing.TB) []*Server {
	t.Helper()
	return s.others(s.Primary(t))
}

// AwaitReplicas waits until every running server but the primary is an online
// replica of the primary and has all that the primary had when AwaitReplicas was
// called. On a busy machine the sentinels may name another primary meanwhile. Then
// AwaitReplicas waits until the replicas have all that the new primary had when the
// sentinels first named it.
func (s *SentinelServers) AwaitReplicas(t testing.TB) {
	t.Helper()
	var primary *Server
	var offset int64
	check(t, await(func() error {
		up, err := running(s.Sentinels)
		if err != nil {
			return err
		}
		named, err := s.primaryOf(up[0])
		if err != nil {
			return err
		}
		if named != primary {
			if offset, err = named.replicationOffset(); err != nil {
				return err
			}
			primary = named
		}
		for _, replica := range s.others(primary) {
			if !replica.running() {
				continue
			}
			if err := replica.follows(primary, offset); err != nil {
				return err
			}
		}
		return nil
	}))
}

// AwaitOK waits until all running sentinels agree that no failover is under way,
// and that every running server but the primary is an online replica of the
// primary. A test that wants a second failover soon after the first calls
// AwaitOK between the two.
//
// Redis 6.0 takes twenty seconds more than other releases to make an old primary a
// replica. From then on the primary is taken for failed after a minute.
func (s *SentinelServers) AwaitOK(t testing.TB) {
	t.Helper()
	check(t, s.awaitOK())
	check(t, s.setFailureTimeout(failureTimeout))
}

// NoticeFailures makes the running sentinels take a server for failed that is silent for
// a second, until the next AwaitOK or AwaitFailover is over, or the next Failover begins. A test needs
// NoticeFailures, before it kills or freezes a server, only if the failure is to be noticed
// before AwaitFailover: AwaitFailover itself makes the sentinels notice.
func (s *SentinelServers) NoticeFailures(t testing.TB) {
	t.Helper()
	check(t, s.setFailureTimeout(shortFailureTimeout))
}

// Failover makes the sentinels replace the primary (SENTINEL FAILOVER), and
// returns the new primary when all running sentinels name that server.
func (s *SentinelServers) Failover(t testing.TB) *Server {
	t.Helper()
	s.AwaitOK(t) // with the short time-out, the sentinels could replace the new primary, too
	old := s.Primary(t)
	return s.awaitSuccessor(t, old, func() error {
		if primary, err := s.named(old); err == nil {
			// A sentinel that had not heard of the failover has made the new primary a replica again.
			// With these time-outs the sentinel waits for less than a second.
			_, err = primary.Try("REPLICAOF", "NO", "ONE")
			return err
		}
		return s.demandFailover(old)
	})
}

// AwaitFailover waits until all running sentinels name the same server as
// primary, another than the old primary, and that server is a primary.
// AwaitFailover returns that server. The old primary may be down or frozen, for a few
// seconds at most: replicas without a primary for more than ten seconds do not count as
// good enough.
func (s *SentinelServers) AwaitFailover(t testing.TB, old *Server) *Server {
	t.Helper()
	check(t, s.setFailureTimeout(shortFailureTimeout))
	primary := s.awaitSuccessor(t, old, func() error { return nil })
	check(t, s.setFailureTimeout(failureTimeout))
	return primary
}

// awaitSuccessor calls ask until all running sentinels name the same server as primary,
// another than the old primary, and that server is a primary.
func (s *SentinelServers) awaitSuccessor(t testing.TB, old *Server, ask func() error) *Server {
	t.Helper()
	var primary *Server
	check(t, await(func() (err error) {
		if primary, err = s.successor(old); err != nil {
			err = errors.Join(err, ask())
		}
		return err
	}))
	return primary
}

// successor returns the primary that all running sentinels name.
func (s *SentinelServers) successor(old *Server) (*Server, error) {
	primary, err := s.named(old)
	if err != nil {
		return nil, err
	}
	info, err := primary.info("INFO", "replication")
	if err == nil && info["role"] != "master" {
		err = fmt.Errorf("server at %s is no primary yet", primary.Addr)
	}
	return primary, err
}

// named returns the server that all running sentinels name as primary, and which is not the old one.
func (s *SentinelServers) named(old *Server) (*Server, error) {
	up, err := running(s.Sentinels)
	if err != nil {
		return nil, err
	}
	var primary *Server
	for i, sentinel := range up {
		named, err := s.primaryOf(sentinel)
		if err != nil {
			return nil, err
		}
		if named == old || i > 0 && named != primary {
			return nil, fmt.Errorf("sentinel at %s names %s", sentinel.Addr, named.Addr)
		}
		primary = named
	}
	return primary, nil
}

// demandFailover asks a sentinel to replace the old primary, unless the sentinel already
// does. A sentinel refuses while no replica seems good enough, and gives a failover up that
// takes too long.
func (s *SentinelServers) demandFailover(old *Server) error {
	up, err := running(s.Sentinels)
	if err != nil {
		return err
	}
	reply, err := up[0].Try("SENTINEL", "MASTER", s.MasterName)
	if err != nil {
		return err
	}
	master := pairs(reply)
	address := net.JoinHostPort(master["ip"], master["port"])
	if address == old.Announced && !strings.Contains(master["flags"], "failover_in_progress") {
		_, err = up[0].Try("SENTINEL", "FAILOVER", s.MasterName)
	}
	return err
}

// setFailureTimeout sets for how long a primary may be silent until the running sentinels
// replace the primary.
func (s *SentinelServers) setFailureTimeout(milliseconds string) error {
	return tell(s.Sentinels, "SENTINEL", "SET", s.MasterName, "down-after-milliseconds", milliseconds)
}

func openSentinel(opts []Option) (*SentinelServers, error) {
	r, err := openReplicated(sentinelReplicas, opts)
	if err != nil {
		return nil, err
	}
	s := &SentinelServers{
		group:      r.group,
		MasterName: "cache",
		Servers:    r.servers,
	}
	// The sentinels start after the replicas: a sentinel that finds no replicas at first
	// looks again late.
	if err := s.watch(r.Primary, opts); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// watch starts the sentinels, and waits until the sentinels know all servers.
func (s *SentinelServers) watch(primary *Server, opts []Option) error {
	ip, port, err := net.SplitHostPort(primary.Announced)
	if err != nil {
		return err
	}
	quorum := strconv.Itoa(sentinels/2 + 1)
	name := s.MasterName
	all := newSettings(opts)
	common := []Option{
		asSentinel(all),
		Config("sentinel", "monitor", name, ip, port, quorum),
		Config("sentinel", "auth-user", name, inspector),
		Config("sentinel", "auth-pass", name, "any"),
		Config("sentinel", "down-after-milliseconds", name, failureTimeout),
		Config("sentinel", "failover-timeout", name, "2000"),
		Config("sentinel", "parallel-syncs", name, strconv.Itoa(sentinelReplicas)),
	}
	if primary.hasSentinelUsers() {
		common = append(common,
			Config("sentinel", "sentinel-user", inspector),
			Config("sentinel", "sentinel-pass", "any"),
		)
	}
	if newSettings(all.sentinels).users != nil && !primary.hasSentinelUsers() {
		return fmt.Errorf("sentinels of %s have no users", primary.Release.Name)
	}
	s.Sentinels, err = s.start(sentinels, slices.Concat(common, all.sentinels)...)
	if err != nil {
		return err
	}
	return s.awaitOK()
}

// asSentinel makes a server a sentinel, with the settings that the sentinel
// has in common with the servers under its watch.
func asSentinel(watched settings) Option {
	return func(s *settings) {
		s.sentinel = true
		s.release, s.tls, s.announce = watched.release, watched.tls, watched.announce
	}
}

// shortenTimeouts makes a sentinel exchange news more often than every few seconds. No
// line of the configuration can do that, and nothing can before Redis 7.0. During a
// failover the sentinel asks replicas once a second, and trusts answers up to three info
// periods old: an info period must be longer than a third of a second. When the primary
// is down, the sentinel trusts answers up to five ping periods old. Five ping periods
// must be well over a second: otherwise the sentinel finds no replica good enough, and
// tries again seconds later. A ping period must also be well under the second after which
// a silent primary counts as down. Otherwise the sentinel replaces a new primary at once:
// the silence counts from the failover on, and the first PING follows a period later.
//
// A sentinel that stood still for two seconds does nothing for a tilt period, which is half
// a minute by default.
func (s *Server) shortenTimeouts() error {
	if !s.settings.sentinel {
		return nil
	}
	_, err := s.Try("SENTINEL", "DEBUG", "info-period", "400", "publish-period", "200", "ping-period", "400", "tilt-period", "1000")
	if refused, ok := errors.AsType[ServerError](err); ok && strings.Contains(strings.ToLower(string(refused)), "unknown") {
		return nil
	}
	return err
}

// hasSentinelUsers says whether a sentinel knows users. Users of sentinels came with
// Redis 6.2.
func (s *Server) hasSentinelUsers() bool { return s.Release.Version != release.Redis60.Version }

func (s *SentinelServers) awaitOK() error {
	return await(func() error {
		up, err := running(s.Sentinels)
		if err != nil {
			return err
		}
		primary, err := s.primaryOf(up[0])
		if err != nil {
			return err
		}
		for _, sentinel := range up {
			if err := s.seesWell(sentinel, primary); err != nil {
				return fmt.Errorf("sentinel at %s: %w", sentinel.Addr, err)
			}
		}
		return nil
	})
}

// seesWell returns an error unless the sentinel knows that the primary is well
// and that all other running servers follow the primary.
func (s *SentinelServers) seesWell(sentinel, primary *Server) error {
	reply, err := sentinel.Try("SENTINEL", "MASTER", s.MasterName)
	if err != nil {
		return err
	}
	master := pairs(reply)
	for _, field := range []struct{ name, want string }{
		{"flags", "master"}, // without flags of failures or of a failover
		{"num-slaves", strconv.Itoa(len(s.Servers) - 1)},
		{"num-other-sentinels", strconv.Itoa(len(s.Sentinels) - 1)},
	} {
		if got := master[field.name]; got != field.want {
			return fmt.Errorf("%s is %s, want %s", field.name, got, field.want)
		}
	}
	if address := net.JoinHostPort(master["ip"], master["port"]); address != primary.Announced {
		return fmt.Errorf("primary is %s, not %s", address, primary.Announced)
	}
	if reply, err = sentinel.Try("SENTINEL", "REPLICAS", s.MasterName); err != nil {
		return err
	}
	for _, entry := range reply.([]any) {
		replica := pairs(entry)
		server, err := s.announcedAs(replica["ip"], replica["port"])
		if err != nil {
			return err
		}
		if !server.running() {
			continue
		}
		follows := net.JoinHostPort(replica["master-host"], replica["master-port"])
		if replica["flags"] != "slave" || replica["master-link-status"] != "ok" || follows != primary.Announced {
			return fmt.Errorf("replica %s has flags %s, follows %s with link %s",
				server.Addr, replica["flags"], follows, replica["master-link-status"])
		}
	}
	_, err = sentinel.Try("SENTINEL", "CKQUORUM", s.MasterName)
	return err
}

// primaryOf returns the server that a sentinel names as primary.
func (s *SentinelServers) primaryOf(sentinel *Server) (*Server, error) {
	reply, err := sentinel.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName)
	if err != nil {
		return nil, fmt.Errorf("sentinel at %s: %w", sentinel.Addr, err)
	}
	address := reply.([]any)
	return s.announcedAs(address[0].(string), address[1].(string))
}

func (s *SentinelServers) announcedAs(ip, port string) (*Server, error) {
	address := net.JoinHostPort(ip, port)
	i := slices.IndexFunc(s.Servers, func(server *Server) bool { return server.Announced == address })
	if i < 0 {
		return nil, fmt.Errorf("a sentinel names %s, which is none of the servers", address)
	}
	return s.Servers[i], nil
}

// others returns all servers but one.
func (s *SentinelServers) others(primary *Server) []*Server {
	return slices.DeleteFunc(slices.Clone(s.Servers), func(server *Server) bool { return server == primary })
}

// pairs returns a reply that is a list of names and values.
func pairs(reply any) map[string]string {
	list := reply.([]any)
	fields := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		fields[list[i].(string)], _ = list[i+1].(string)
	}
	return fields
}
