package servertest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
)

// ReplicatedServers is a primary and its replicas. There are no sentinels:
// the servers keep their roles until a test sends REPLICAOF.
type ReplicatedServers struct {
	*group
	Primary  *Server
	Replicas []*Server
}

// Replicated starts a primary with replicas, and waits until the replicas are
// online. Every server gets the options. The end of the test stops all servers,
// and shows their logs if the test failed.
func Replicated(t testing.TB, replicas int, opts ...Option) *ReplicatedServers {
	t.Helper()
	r, err := openReplicated(replicas, opts)
	if err != nil {
		unavailable(t, err)
	}
	stopAtEnd(t, r.group)
	return r
}

// Addrs returns the addresses for clients, the primary's first.
func (r *ReplicatedServers) Addrs() []string { return addrs(r.servers) }

// AwaitReplicas waits until every running replica is online and has all that
// the primary had when AwaitReplicas was called.
func (r *ReplicatedServers) AwaitReplicas(t testing.TB) {
	t.Helper()
	check(t, awaitReplicas(r.Primary, r.Replicas))
}

// PauseReplication cuts the link of a replica to its primary, so that the replica
// falls behind. The replica still answers clients: with its old data or, if
// replica-serve-stale-data is no, with MASTERDOWN. The group counts the replica
// as before. The pause lasts until ResumeReplication, whatever the server's role
// becomes.
func (s *Server) PauseReplication(t testing.TB) {
	t.Helper()
	s.Do(t, "CONFIG", "SET", "masterauth", "none while replication is paused")
	s.Do(t, "CLIENT", "KILL", "TYPE", "master")
	check(t, await(func() error {
		info, err := s.info("INFO", "replication")
		if err == nil && info["master_link_status"] != "down" {
			err = fmt.Errorf("server at %s is no replica or still connected to its primary", s.Addr)
		}
		return err
	}))
}

// ResumeReplication lets the replica connect again. The replica tries to connect
// every second.
func (s *Server) ResumeReplication(t testing.TB) {
	t.Helper()
	s.Do(t, "CONFIG", "SET", "masterauth", replicatorPassword)
}

// replicator is the user with which replicas log in to their primary.
const (
	replicator         = "servertest-replica"
	replicatorPassword = "replica"
)

// replication lets every server be a primary and a replica, and makes
// replicas connect and synchronize quickly.
var replication = [][]string{
	{"user", replicator, "on", ">" + replicatorPassword, "+psync", "+replconf", "+ping"},
	{"masteruser", replicator},
	{"masterauth", replicatorPassword},
	{"repl-diskless-sync", "yes"},
	{"repl-diskless-sync-delay", "0"},
	{"repl-ping-replica-period", "1"},
}

func openReplicated(replicas int, opts []Option) (*ReplicatedServers, error) {
	g, err := newGroup(opts)
	if err != nil {
		return nil, err
	}
	r := &ReplicatedServers{group: g}
	if err := r.form(replicas, opts); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return r, nil
}

func (r *ReplicatedServers) form(replicas int, opts []Option) error {
	primary, err := r.start(1, opts...)
	if err != nil {
		return err
	}
	r.Primary = primary[0]
	ip, port, _ := net.SplitHostPort(r.Primary.Announced)
	// With a line of the configuration, a replica is a replica again after a
	// restart.
	r.Replicas, err = r.start(replicas, slices.Concat([]Option{Config("replicaof", ip, port)}, opts)...)
	if err != nil {
		return err
	}
	return awaitReplicas(r.Primary, r.Replicas)
}

// awaitReplicas waits until all running replicas are online and have all that
// the primary has now.
func awaitReplicas(primary *Server, replicas []*Server) error {
	offset, err := primary.replicationOffset()
	if err != nil {
		return err
	}
	for _, replica := range replicas {
		if !replica.running() {
			continue
		}
		if err := await(func() error { return replica.follows(primary, offset) }); err != nil {
			return err
		}
	}
	return nil
}

// replicationOffset returns how much a primary has written for its replicas.
func (s *Server) replicationOffset() (int64, error) {
	info, err := s.info("INFO", "replication")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(info["master_repl_offset"], 10, 64)
}

// follows returns an error unless the server is an online replica of the primary
// and has all data up to the offset.
func (s *Server) follows(primary *Server, offset int64) error {
	info, err := s.info("INFO", "replication")
	if err != nil {
		return err
	}
	source := net.JoinHostPort(info["master_host"], info["master_port"])
	if info["role"] != "slave" || source != primary.Announced {
		return fmt.Errorf("server at %s is no replica of %s: role %s of %s", s.Addr, primary.Announced, info["role"], source)
	}
	if info["master_link_status"] != "up" {
		return fmt.Errorf("replica at %s is not connected", s.Addr)
	}
	has, err := strconv.ParseInt(info["slave_repl_offset"], 10, 64)
	if err != nil {
		return err
	}
	if has < offset {
		return fmt.Errorf("replica at %s has %d of %d bytes", s.Addr, has, offset)
	}
	return primary.servesReplicaAt(s.Announced)
}

// servesReplicaAt returns an error unless the primary counts the replica with
// the announced address as online. The primary counts the replica as online
// some time after the replica itself does, and sentinels ask the primary.
func (s *Server) servesReplicaAt(announced string) error {
	reply, err := s.Try("ROLE")
	if err != nil {
		return err
	}
	role := reply.([]any) // master, its offset, replicas
	if role[0] != "master" {
		return fmt.Errorf("server at %s is not a primary", s.Addr)
	}
	for _, replica := range role[2].([]any) {
		fields := replica.([]any) // address, port, offset
		if net.JoinHostPort(fields[0].(string), fields[1].(string)) == announced {
			return nil
		}
	}
	return fmt.Errorf("primary at %s does not list the replica %s as online", s.Addr, announced)
}
