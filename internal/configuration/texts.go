package configuration

// A text says of a parameter what the code does not say.
type text struct {
	// example is a value.
	example string
	// meaning is the effect of the parameter, and its limits besides the range.
	meaning string
	// standard is the default in words, if the default in the code is none of the
	// parameter's values, or is only known when a cache is opened.
	standard string
	// values says which values the parameter may have, if the kind in the code says too
	// little.
	values string
}

// texts has every parameter. Page fails if texts and the code have different
// parameters.
var texts = map[string]text{
	// of every driver
	"prefix":       {example: "shop", meaning: "The start of every full key. Two prefixes never see each other's keys. No colon unless `colon_prefix=allow`."},
	"colon_prefix": {example: "allow", meaning: "`allow` lets a prefix hold colons. Clearing prefix `a` then clears keys of prefix `a:1` too."},
	"version":      {example: "2", meaning: "The second part of full keys. Two versions never see each other's keys."},
	"ttl":          {example: "1h", meaning: "The TTL of writes without a TTL of their own."},
	"jitter":       {example: "0.1", meaning: "The TTL of each write is shortened by a random part, up to this fraction. The methods `Expire` and `ExpireAt` are exact."},
	"op_timeout":   {example: "500ms", meaning: "The longest time of one operation at the server, for a context without a deadline. [Some calls](concepts.md#time-limits) have several operations, and some have no bound."},
	"serializer": {example: "json,gob", meaning: "Formats of values. The first writes, all read.",
		values: "a list of `json`, `gob`, `raw`, and those that the program imports: `msgpack`, `cbor`, `pickle`"},
	"compressor": {example: "gzip:9", meaning: "Formats of compressed values, with a level if wanted. The first writes, all read; `none` in front of them (`none,zstd`) writes uncompressed values.",
		values: "a list of `gzip`, `zlib`, and those that the program imports: `zstd`, `lz4`, `brotli`, `s2`, `xz`"},
	"compress_min": {example: "4KiB", meaning: "The longest encoded value that is left uncompressed. Needs a compressor. A value that compression does not make shorter is stored uncompressed."},
	"max_value":    {example: "1MiB", meaning: "The longest encoded value, before compression, for writing and for reading. A longer value is `ErrTooLarge`, and is not held in memory when it is read.", values: "bytes, from 1"},
	"format":       {example: "tagged", meaning: "`plain` stores the bytes of the serializer or compressor and nothing else. `tagged` puts a header in front, with a checksum. Both are read."},
	"rewrite":      {example: "on", meaning: "`on` makes reads write values in an old format again, in the current format: a hundred values a second at most. A value that has changed meanwhile stays as it is."},
	"encryption_keys": {example: "/run/secrets/cache-keys", values: "a file", meaning: "The file with the keys that [encrypt values](codecs.md#encryption): base64, one key on each line. The first key writes. " +
		"`openssl rand -base64 32` makes a key. A key has 32 bytes, or 16. An `EventObserver` hears of a file that every user may read: `chmod 600`."},
	"on_error":             {example: "miss", meaning: "`miss` makes [a failure of the cache](failing-open.md) a miss: reads find nothing, writes are dropped, each is counted. `fail` returns the error."},
	"breaker":              {example: "on", meaning: "`on` puts [a circuit breaker](failing-open.md#a-dead-server-costs-microseconds) in front of each server: calls on a dead one fail at once."},
	"breaker_failures":     {example: "10", standard: "`5`", meaning: "How many failures in a row open a circuit. Needs `breaker=on`."},
	"breaker_cooldown":     {example: "200ms", standard: "`100ms`", meaning: "The time from the opening of a circuit to the first probe, from `1ms`. A failed probe doubles the time. A random part of up to a half is taken off. Needs `breaker=on`."},
	"breaker_max_cooldown": {example: "1s", standard: "`500ms`, or `breaker_cooldown` if longer", meaning: "The longest time between two probes. Needs `breaker=on`."},
	"invalidate":           {example: "retry", meaning: "`retry` repeats [a Delete that fails](failing-open.md#a-delete-that-fails-is-repeated) in the background until the server has done it."},
	"max_in_flight":        {example: "200", meaning: "How many calls may be in flight at one server; 0 is no bound. A call above the bound fails at once."},
	"require":              {example: "counters,scan", values: "a list of words", meaning: "What the driver must be able to do, in [words](#words-of-require)."},

	// of memory
	"max_entries": {example: "100000", standard: "`none`", values: "1 or more, or `none`", meaning: "How many keys are held at most."},
	"max_bytes":   {example: "64MiB", values: "bytes, from 4KiB, or `none`", meaning: "How many bytes are held at most: keys, values and 160 bytes for each key. An element of a structure counts its bytes and 40 more in a list, 80 in a set, 120 in a hash, 128 in a sorted set."},

	// of servers
	"addr":          {example: "cache.internal:6380", values: "host or host:port; may be repeated", meaning: "A server, in place of the hosts in front. The first is the primary."},
	"read":          {example: "primary", meaning: "Where reads go if there are replicas: to replicas alone, to the primary alone, or to the primary when no replica answers (`prefer-replica`). `replica` needs several hosts."},
	"db":            {example: "2", meaning: "The number of the database. With a unix socket, no other parameter names the database. A cluster has 0 alone, unless the servers are [Valkey 9 with more](cluster.md)."},
	"password_file": {example: "/run/secrets/redis", values: "a file", meaning: "File that holds the password, in place of one in the DSN. The file is read for each new connection, and once a second while connections are open."},
	"client_name":   {example: "checkout", values: "printable ASCII without spaces", meaning: "What `CLIENT LIST` shows. A server that refuses the name is an event, and connections go on without one."},
	"protocol":      {example: "3", standard: "2", meaning: "Version of RESP. A server that refuses `HELLO` is spoken to in version 2."},
	"hello":         {example: "off", meaning: "Whether connections begin with `HELLO`. A server or proxy may refuse the command, which is no failure. `off` is for a proxy that hangs up instead. `off` contradicts `protocol=3`."},
	"pool_size": {example: "50", standard: "redis: 10 for each processor; valkey: one for each processor, rounded down to 1, 2 or 4",
		meaning: "How many connections to each server there are at most. A connection of valkey carries many calls at once. A value over 1 MiB that is longer than every value before has one more connection to itself."},
	"exclusive_size":  {example: "200", meaning: "How many connections to each server there are at most for one caller each: for blocking commands, `WATCH` and subscriptions. These connections come on top of `pool_size`, and are made when a caller needs one. A caller waits while all of them are in use."},
	"dial_timeout":    {example: "500ms", standard: "`1s`, or `op_timeout` if shorter", meaning: "How long connecting may take, TLS included."},
	"read_timeout":    {example: "500ms", meaning: "The longest wait for a reply, [also for calls with a later deadline](health.md#what-a-cache-that-is-down-costs). With valkey, the end of this time closes the connection, and all calls on the connection fail."},
	"write_timeout":   {example: "500ms", meaning: "The longest time of sending, likewise."},
	"tls_ca":          {example: "/etc/ssl/redis-ca.pem", standard: "the system's", values: "a file in PEM form", meaning: "Certificates to trust."},
	"tls_cert":        {example: "/etc/ssl/client.pem", values: "a file in PEM form", meaning: "The client's certificate; needs `tls_key`."},
	"tls_key":         {example: "/etc/ssl/client.key", values: "a file in PEM form", meaning: "The key of `tls_cert`."},
	"tls_server_name": {example: "cache.internal", standard: "the host", meaning: "The name in the server's certificate."},

	// of sentinels
	"master":                 {example: "mymaster", meaning: "The name by which the sentinels know the primary. The parameter is required."},
	"sentinel_user":          {example: "cache", standard: "the default user", meaning: "User at the sentinels; needs a password."},
	"sentinel_password":      {example: "secret", meaning: "The password at the sentinels. The driver never sends them the password in front of the hosts."},
	"sentinel_password_file": {example: "/run/secrets/sentinel", values: "a file", meaning: "The file with that password. The file is read for each new connection."},
}

// remarks add to the first sentence of an option's documentation.
var remarks = map[string]string{
	"WithOnError":     "`OnErrorMiss` or `OnErrorFail`; [for one call](failing-open.md#a-write-that-must-not-be-dropped) by `With`.",
	"WithBreaker":     "Not in `With`: the circuits are the store's.",
	"WithMaxInFlight": "Not in `With`, either.",
	"WithOpTimeout":   "In `With`, and in `New` on a store from `redis.Open` or `valkey.Open`, it can only shorten the time: such a store has the `op_timeout` of its DSN.",
	"WithEncryption":  "A `codec.KeyRing`; nil encrypts nothing.",
	"ReadPrimary":     "[Where there are replicas](replicas.md).",
	"WithKeyFunc":     "`Keys`, `Clear` and `DeletePattern` only work where prefix and version can be told from a key.",
	"AsMembers":       "It is what `mixins` does for its sets.",
	"WithObserver":    "[Metrics, traces and logs](observing.md).",
}
