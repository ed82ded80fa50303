// Package valkey is the xcache driver for Valkey servers, on valkey-go. An import registers
// the driver under the name valkey:
//
//	import _ "github.com/xcache-go/xcache/drivers/valkey"
//
//	c, err := xcache.OpenDSN("valkey://user:password@cache.example:6379/0?client_name=shop")
//
// The server is Valkey, Redis 6.0 or newer, or a server that behaves like them.
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
//	read_timeout     longest time without a reply while replies are due; the
//	                 connection is closed then, and its calls fail (none)
//	write_timeout    bound for one write to a connection (none)
//	pool_size        limit of connections (as many as CPUs, up to 4)
//	exclusive_size   limit of connections to each server that belong to one caller
//	                 each: for blocking commands, WATCH and subscriptions (64)
//	client_name      name that CLIENT LIST shows (none)
//	protocol         2 or 3, the version of RESP (2: nothing here needs what 3
//	                 adds)
//	hello            on, or off for proxies that hang up on HELLO (on)
//
// # Replicas
//
// The first of several hosts is the primary. Writes, scans and pings go to the primary.
// Reads go to a random replica that answers, and may miss the newest writes: see
// xcache.ReadPrimary. A replica gets half of the time of a call, so that the other half is
// left for another server.
//
// # Connections
//
// valkey-go sends the commands of many callers over one connection, in their order. So a
// store needs few connections. A new connection, up to pool_size, is made when all others
// have calls in flight.
//
// A connection gets no new calls when replies are due and no reply has come for
// op_timeout. Another connection takes its place. The old connection is closed when no
// caller waits on it any more.
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
// as its context ends, whatever the server does. Commands that are in the queue of a
// connection by then are still sent.
//
// No write is sent twice. A failure after a command was given to valkey-go matches
// ErrUnknownOutcome, because the command may have been applied, unless certainly nothing
// was written. All other failures have changed nothing. Transient failures (a refused
// connection, LOADING, READONLY, …) are retried up to two times within a quarter of a
// second, and so are lost replies to commands that only read.
//
// A command of a batch is retried only together with all commands behind it, so that the
// order of the batch holds.
//
// The store examines all replies before valkey-go reads them, because valkey-go would end
// the process, or return a wrong value, for some malformed replies. Malformed RESP, a
// reply to no command, and a reply of a kind that its command does not have are
// ErrUnavailable. The outcome is unknown if the command writes, and the connection is
// closed. Memory is allocated for received bytes, and not for a claimed length. Arrays of
// more than 16 million elements are refused.
//
// A value longer than max_value is ErrTooLarge for its own key, and is not held in memory.
// The outcome of a command that also writes, as GETDEL does, is unknown then. Servers hang
// up on values beyond their limit. So a value of more than 1 MiB, and longer than all
// values that the server has taken before, goes over a separate connection, one value at a
// time.
//
// READONLY, and MOVED to the address of the server itself, mean that the address now
// belongs to another server, or soon will. Calls go over new connections then.
//
// No error holds a password or a value. errors.As finds valkey-go's own errors.
//
// # Bring your own client
//
// NewStore makes a store of a client that the program has made:
//
//	c, err := xcache.New(valkey.NewStore(client))
//
// The client may be a client of a server, of sentinels or of a cluster. In the other
// direction, Client returns valkey-go's client for a server of a store that was opened
// from a DSN.
package valkey
