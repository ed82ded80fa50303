// Package redis is the xcache driver for Redis servers, on go-redis. It is
// registered under the name redis when it is imported:
//
//	import _ "github.com/xcache-go/xcache/drivers/redis"
//
//	c, err := xcache.OpenDSN("redis://user:password@cache.example:6379/0?client_name=shop")
//
// It needs Redis 6.0 or newer, or a server that behaves like one.
//
// # DSN
//
//	redis://[[user]:password@]host[:port][/db][?parameter=value…]    in the clear
//	redis://[[user]:password@]primary,replica,replica…               likewise
//	redis+cluster://[[user]:password@]node,node…                     some of a cluster's nodes
//	redis+sentinel://[[user]:password@]host,host…?master=name        what sentinels watch
//	rediss://…                                                       through TLS
//	redis+unix://[[user]:password@]/path/to/socket[?parameter=value…]
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
//	password_file    file that holds the password; read for each connection, and
//	                 once a second for those that live, so that it may change
//	tls_ca           file with the certificates to trust, in PEM form (the
//	                 system's)
//	tls_cert tls_key files with the client's certificate and key, in PEM form, which
//	                 may change: new connections have what is there then
//	tls_server_name  name that the server's certificate must have (the host)
//	dial_timeout     bound for connecting, TLS included (1s)
//	read_timeout     bound for a reply, on top of a call's deadline (none)
//	write_timeout    bound for sending, on top of a call's deadline (none)
//	pool_size        how many connections there are at most (10 for each CPU)
//	exclusive_size   how many connections to each server there are at most that belong
//	                 to one caller each: for blocking commands, WATCH and
//	                 subscriptions (64)
//	client_name      name that CLIENT LIST shows (none)
//	protocol         2 or 3, the version of RESP (2: nothing here needs what 3
//	                 adds, and it costs a little)
//	hello            on, or off for proxies that hang up on HELLO (on)
//
// # Replicas
//
// Of several hosts the first is the primary. What writes goes there, and so do
// scans and pings; what only reads goes to a random replica that answers, and may
// miss what was written a moment ago: see xcache.ReadPrimary. A replica has half
// of a call's time, so that some is left to ask another server.
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
// server does; if its command was not written by then, it never is.
//
// Nothing that writes is sent twice. A failure after the first byte of a command
// went out matches ErrUnknownOutcome: the command may have been applied. All
// other failures are known to have changed nothing. Those of them that pass (a
// refused connection, LOADING, READONLY, …) are tried again up to two times
// within a quarter of a second, and so are lost replies to commands that only
// read.
//
// Commands of a batch are tried again only together with all that follow them,
// so that they are run in their order.
//
// Before a connection is used again it is checked whether the server has closed
// it. TLS does not allow that look, so through TLS, the first write on each
// connection after a restart of the server can have an unknown outcome.
//
// An error never holds a password or a value. go-redis' own errors are reachable
// with errors.As.
//
// # Bring your own client
//
// NewStore makes a store of a client that the program has already, with its
// options, hooks and pool:
//
//	c, err := xcache.New(redis.NewStore(client))
//
// It may be one of a server, of sentinels or of a cluster. NewClusterStore makes a store
// of clients for the nodes of a cluster. The other way round, Client returns go-redis'
// client for a server of a store that a DSN has opened.
//
// # Credentials that change
//
// Open with WithCredentials asks the program for what connections log in with, and
// again before that expires. Connections that live log in anew between two calls: none
// is closed for it.
//
// # Logging
//
// go-redis has one logger for the whole process, which writes to standard error
// what calls return as errors anyway. Importing this package silences it; a
// program that wants it calls SetLogger of go-redis in main.
package redis
