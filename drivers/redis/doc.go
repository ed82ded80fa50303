// Package redis is the xcache driver for Redis servers, on go-redis. An import registers
// the driver under the name redis:
//
//	import _ "github.com/xcache-go/xcache/drivers/redis"
//
//	c, err := xcache.OpenDSN("redis://user:password@cache.example:6379/0?client_name=shop")
//
// The server is Redis 6.0 or newer, or a server that behaves like it.
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
// The default port is 6379, and the default host is localhost. This driver has the
// parameters of every driver, and these:
//
//	addr             host or host:port, in place of the hosts in front; may be
//	                 repeated
//	read             with replicas: primary, replica, or the primary when no
//	                 replica answers (prefer-replica)
//	db               number of the database; on a unix socket the only way to
//	                 give it (0)
//	password_file    file that holds the password, which may change; read for each
//	                 connection, and once a second for open connections
//	tls_ca           file with the trusted certificates, in PEM form (those of the
//	                 system)
//	tls_cert tls_key files with the client's certificate and key, in PEM form, which
//	                 may change: read for each new connection
//	tls_server_name  name that the server's certificate must have (the host)
//	dial_timeout     bound for connecting, TLS and logging in included (1s)
//	read_timeout     bound for a reply, on top of a call's deadline (none)
//	write_timeout    bound for sending, on top of a call's deadline (none)
//	pool_size        limit of connections (10 for each CPU)
//	exclusive_size   limit of connections to each server that belong to one caller
//	                 each: for blocking commands, WATCH and subscriptions (64)
//	client_name      name that CLIENT LIST shows (none)
//	protocol         2 or 3, the version of RESP (2: nothing here needs what 3
//	                 adds, and it costs a little)
//	hello            on, or off for proxies that hang up on HELLO (on)
//
// # Replicas
//
// The first of several hosts is the primary. Writes, scans and pings go to the primary.
// Reads go to a random replica that answers, and may miss the newest writes: see
// xcache.ReadPrimary. A replica gets half of the time of a call, so that the other half is
// left for another server.
//
// # Cluster
//
// The DSN names some nodes of a cluster, and the store learns the others. Every command
// goes to the primary of the slot of its keys, or to a replica if read says so. GetMany,
// SetMany and Delete go to all nodes that have some of the keys, in parallel and in one
// round trip to each. Rename between slots copies the value and then deletes the old key.
// Other commands with keys in several slots, and transactions on such keys, fail with
// ErrCrossSlot before anything is sent. A database number behind the hosts needs Valkey 9
// with cluster-databases in its configuration: other clusters have database 0 only.
//
// The store follows MOVED and ASK. A command that was not applied because of a failover or
// a moving slot is sent again while the call has time. Keys, Clear, FlushDB and Ping go to
// all primaries.
//
// # Sentinel
//
// The hosts are sentinels, with default port 26379. The store asks the sentinels for the
// primary. A store with sentinels has these further parameters:
//
//	master                  name of the primary; required
//	sentinel_user           user at the sentinels, if not the default one
//	sentinel_password       password at the sentinels, which never see the password of
//	                        the servers
//	sentinel_password_file  file that holds the password at the sentinels
//
// After a failover calls go to the new primary. Calls that failed and were not applied wait
// for the new primary while they have time. Reads go to the primary unless read says
// otherwise.
//
// # Failures
//
// Opening does no network I/O. The first call connects, and a later call connects again
// after a failure. A call without a deadline ends after op_timeout. A call returns as soon
// as its context ends, whatever the server does. A command that was not written by then is
// never written.
//
// No write is sent twice. A failure after the first byte of a command was sent matches
// ErrUnknownOutcome, because the command may have been applied. All other failures have
// changed nothing. Transient failures (a refused connection, LOADING, READONLY, …) are
// retried up to two times within a quarter of a second, and so are lost replies to
// commands that only read.
//
// A command of a batch is retried only together with all commands behind it, so that the
// order of the batch holds.
//
// The store checks before each use of a connection whether the server has closed it, with
// TLS as well. So a restart of the server between two calls costs no call.
//
// No error holds a password or a value. errors.As finds go-redis' own errors.
//
// # Bring your own client
//
// NewStore makes a store of a client that the program has made, with the client's options,
// hooks and pool:
//
//	c, err := xcache.New(redis.NewStore(client))
//
// The client may be a client of a server, of sentinels or of a cluster. NewClusterStore
// makes a store of clients for the nodes of a cluster. In the other direction, Client
// returns go-redis' client for a server of a store that was opened from a DSN.
//
// # Credentials that change
//
// Open with WithCredentials asks the program for the login of connections, and asks again
// before a login expires. Open connections then log in again between two calls: none is
// closed.
//
// # Logging
//
// go-redis has one logger for the whole process. The logger writes errors to standard
// error, although calls return the same errors. So an import of this package silences the
// logger. A program that needs the logger calls SetLogger of go-redis in main.
package redis
