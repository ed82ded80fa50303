// Package valkey is the xcache driver for Valkey servers, on valkey-go. It is
// registered under the name valkey when it is imported:
//
//	import _ "github.com/xcache-go/xcache/drivers/valkey"
//
//	c, err := xcache.OpenDSN("valkey://user:password@cache.example:6379/0?client_name=shop")
//
// It needs Valkey, Redis 6.0 or newer, or a server that behaves like one.
//
// # DSN
//
//	valkey://[[user]:password@]host[:port][/db][?parameter=value…]    in the clear
//	valkey://[[user]:password@]primary,replica,replica…               likewise
//	valkey+cluster://[[user]:password@]node,node…                     some of a cluster's nodes
//	valkey+sentinel://[[user]:password@]host,host…?master=name        what sentinels watch
//	valkeys://…                                                       through TLS
//	valkey+unix://[[user]:password@]/path/to/socket[?parameter=value…]
//
// The port is 6379 and the host localhost unless they are given. These are the
// parameters, next to those that every driver takes:
//
//	addr             host or host:port, in place of the hosts in front; may be
//	                 repeated
//	read             with replicas: primary, replica, or the primary when no
//	                 replica answers (prefer-replica)
//	db               number of the database; on a unix socket the only way to
//	                 give it (0)
//	password_file    file that holds the password; read for each connection, so
//	                 that it may change
//	tls_ca           file with the certificates to trust, in PEM form (the
//	                 system's)
//	tls_cert tls_key files with the client's certificate and key, in PEM form
//	tls_server_name  name that the server's certificate must have (the host)
//	dial_timeout     bound for connecting, TLS and logging in included (1s)
//	read_timeout     how long replies may be due on a connection without any
//	                 coming; then it is closed, and the calls on it fail (none)
//	write_timeout    bound for one write to a connection (none)
//	pool_size        how many connections there are at most (as many as CPUs,
//	                 up to 4)
//	exclusive_size   how many connections to each server there are at most that belong
//	                 to one caller each: for blocking commands, WATCH and
//	                 subscriptions (64)
//	client_name      name that CLIENT LIST shows (none)
//	protocol         2 or 3, the version of RESP (2: nothing here needs what 3
//	                 adds)
//	hello            on, or off for proxies that hang up on HELLO (on)
//
// # Replicas
//
// Of several hosts the first is the primary. What writes goes there, and so do
// scans and pings; what only reads goes to a random replica that answers, and may
// miss what was written a moment ago: see xcache.ReadPrimary. A replica has half
// of a call's time, so that some is left to ask another server.
//
// # Connections
//
// valkey-go sends what many callers want at the same time over one connection,
// in their order. So there are few connections: up to pool_size, made when there
// are calls under way on all others.
//
// A connection on which replies are due, and none has come for op_timeout, gets
// no new calls; another one is made for them. It is closed when only calls
// without a deadline of their own are left, whose time is up or soon will be.
//
// # Cluster
//
// Of a cluster the DSN names some nodes, of which any knows the others. Every
// command goes to the primary that has the slot of its keys, or, if read says so,
// to one of its replicas. GetMany, SetMany and Delete go to all nodes that have
// some of the keys, in parallel and in one round trip to each. Rename between slots
// copies and then deletes. Other commands with keys in several slots, and
// transactions on such keys, fail with ErrCrossSlot before anything is sent. A
// number of a database behind the hosts is for Valkey 9 with cluster-databases in its
// configuration: other clusters have database 0 and no other.
//
// MOVED and ASK are followed. What was not applied because of a failover or of
// slots on their way is sent again as long as the call has time. What concerns all
// keys (Keys, Clear, FlushDB, Ping) concerns all primaries.
//
// # Sentinel
//
// The hosts are sentinels, with port 26379 unless given, which are asked who the
// primary is. These are the parameters, next to those above:
//
//	master                  name of the primary; needed
//	sentinel_user           user at the sentinels, if not the default one
//	sentinel_password       password at the sentinels, which do not get to see
//	                        that of the servers
//	sentinel_password_file  file that holds it
//
// When another server becomes the primary, calls go there. Those that failed and
// were not applied wait for it as long as they have time. Reads go to the primary
// unless read says otherwise.
//
// # Failures
//
// Opening does no network I/O; the first call connects, and any later one
// connects again after a failure. A call whose context has no deadline ends
// after op_timeout. A call returns as soon as its context ends, whatever the
// server does. If it has got a connection by then, its commands stay in the
// queue of that connection and are still sent.
//
// Nothing that writes is sent twice. A failure after a command was given to
// valkey-go matches ErrUnknownOutcome, for the command may have been applied,
// unless it is certain that nothing was written. All other failures are known to
// have changed nothing. Those of them that pass (a refused connection, LOADING,
// READONLY, …) are tried again up to two times within a quarter of a second, and
// so are lost replies to commands that only read.
//
// Commands of a batch are tried again only together with all that follow them,
// so that they are run in their order.
//
// The store looks at what comes in before valkey-go does, which would end the
// process, or make a value of it. A reply that is no RESP, that nobody asked for, or
// of a kind that its command does not have is ErrUnavailable, of unknown outcome if
// the command writes; the connection is closed. Memory is taken for what has come,
// not for what a length claims; nor are there arrays of more than 16 million
// elements.
//
// A value that is longer than max_value is ErrTooLarge for its own key, and is not
// held in memory. If the command writes as well, as GETDEL does, its outcome is
// unknown. A value of more than 1 MiB that is longer than all that the server has
// taken goes over a connection of its own, one at a time, since servers hang up on
// what is too long for them.
//
// READONLY, and MOVED to the address that was asked, tell that another server has
// that address, or will soon: calls go over new connections then.
//
// An error never holds a password or a value. valkey-go's own errors are
// reachable with errors.As.
//
// # Bring your own client
//
// NewStore makes a store of a client that the program has already:
//
//	c, err := xcache.New(valkey.NewStore(client))
//
// It may be one of a server, of sentinels or of a cluster. The other way round, Client
// returns valkey-go's client for a server of a store that a DSN has opened.
package valkey
