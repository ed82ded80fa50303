package reliability

// A Group is faults that have something in common.
type Group struct {
	Name   string
	Faults []Fault
}

// A Fault is something that happens to a cache, with the promise for that case.
type Fault struct {
	Name, Promise string
	// Tests are the tests of the drivers that show the promise: the name of the function
	// and, after slashes, the names of subtests.
	Tests []string
	// Beside is the test in which the client library meets the fault as well, or "".
	Beside string
	// Soak are the names of this fault in the soak.
	Soak []string
}

// Groups are all faults.
var Groups = []Group{
	{"Connections", []Fault{
		{
			Name:    "killed server",
			Promise: "A write that was on its way is `ErrUnknownOutcome`. Any other call is `ErrUnavailable` and has changed nothing. Nothing is sent again when the server is back.",
			Tests:   []string{"TestFaults/killed server", "TestChaosStandalone/kill and restart"},
			Beside:  "TestBesideTheClient/killed and restarted",
			Soak:    []string{"killed and restarted"},
		},
		{
			Name:    "connection reset",
			Promise: "A read is sent again. A write whose reply is lost is `ErrUnknownOutcome`, and is not sent again.",
			Tests: []string{
				"TestFaults/lost reply to a read is asked for again", "TestFaults/lost reply is an unknown outcome and nothing is sent twice",
				"TestLostRepliesApplyNothingTwice", "TestEvents/a connection that is lost under a read",
			},
			Beside: "TestBesideTheClient/replies lost",
			Soak:   []string{"connections reset", "connections killed", "reply cut"},
		},
		{
			Name:    "half-open connection",
			Promise: "A call ends with `op_timeout` or with its context. Connections that stay silent are replaced, also idle ones, and a call with a far deadline is waited for.",
			Tests:   []string{"TestSilence", "TestFaults/call that ends in the queue", "TestOwnClient/is prompt"},
			Soak:    []string{"half-open"},
		},
		{
			Name:    "black hole",
			Promise: "A call ends with `op_timeout` (`ErrUnavailable`) or promptly with its context. What had not been sent by then is never sent.",
			Tests:   []string{"TestFaults/frozen server", "TestFaults/call that ends while it connects is not sent later", "TestChaosStandalone/freeze and thaw", "TestChaosCluster/partition between client and primary"},
			Beside:  "TestBesideTheClient/frozen",
			Soak:    []string{"black hole", "frozen"},
		},
		{
			Name:    "slow link",
			Promise: "Calls take their time and succeed. A caller with less time leaves in time.",
			Tests:   []string{"TestSurroundings/slow link"},
			Soak:    []string{"slow link", "trickle"},
		},
		{
			Name:    "name that does not resolve",
			Promise: "`ErrUnavailable`, nothing was changed, and the error says which name. Connections that are there go on, and the next call asks for the name again.",
			Tests:   []string{"TestSurroundings/names that do not resolve", "TestAddressMoved/a name that leads to another primary"},
		},
		{
			Name:    "connection refused",
			Promise: "`ErrUnavailable` at once, and nothing was changed. A server that comes up is used by the next call.",
			Tests:   []string{"TestFaults/refused connection", "TestFaults/server that comes up is used at once"},
			Soak:    []string{"refused"},
		},
		{
			Name:    "no descriptor left",
			Promise: "`ErrUnavailable`, nothing was changed, and the error says why. Connections that are there go on.",
			Tests:   []string{"TestSurroundings/no descriptor left"},
		},
		{
			Name:    "TLS failure",
			Promise: "`ErrUnavailable`, nothing was changed, and it is not tried again. Where one side speaks TLS and the other does not, the error says which scheme is right.",
			Tests:   []string{"TestStore/TLS", "TestErrors/texts say what to do"},
		},
	}},
	{"Servers that refuse", []Fault{
		{
			Name:    "restart",
			Promise: "Calls succeed as soon as the server answers, without a call that was left over. In a cluster a rolling restart fails no call.",
			Tests:   []string{"TestFaults/restart under load", "TestChaosCluster/rolling restart"},
			Beside:  "TestBesideTheClient/killed and restarted",
			Soak:    []string{"killed and restarted", "replica killed"},
		},
		{
			Name:    "`LOADING`",
			Promise: "`ErrUnavailable`, and nothing was changed, in a transaction neither.",
			Tests:   []string{"TestErrors/loading server"},
		},
		{
			Name:    "`READONLY`",
			Promise: "`ErrReadOnly`, and nothing was changed. A server that is read-only for a moment is asked again, and sentinels are asked for the primary.",
			Tests:   []string{"TestErrors/read-only server", "TestErrors/read-only for a moment is retried", "TestAddressMoved/a server that is read-only for good", "TestSentinelDemotedPrimary"},
		},
		{
			Name:    "out of memory",
			Promise: "A write is `ErrOutOfMemory` and has changed nothing. Deletions go on.",
			Tests:   []string{"TestErrors/out of memory", "TestRefusals"},
			Soak:    []string{"out of memory"},
		},
		{
			Name:    "eviction",
			Promise: "No write fails. A key that was evicted is a miss, and what is there is whole. Locks and rate limits that were evicted begin anew.",
			Tests:   []string{"TestSurroundings/eviction"},
			Soak:    []string{"eviction", "flush"},
		},
		{
			Name:    "rotated password",
			Promise: "No call fails while both passwords hold. After that, connections log in with the new one; a refused one is `ErrAuth` until then.",
			Tests:   []string{"TestCredentials/rotate under load", "TestCredentials/in a file that changes", "TestCredentials/that cannot be renewed", "TestErrors/authentication"},
			Soak:    []string{"password rotated"},
		},
		{
			Name:    "too many clients",
			Promise: "`ErrUnavailable`, and nothing was changed.",
			Tests:   []string{"TestErrors/too many clients"},
			Soak:    []string{"too many clients"},
		},
		{
			Name:    "value that is too large",
			Promise: "`ErrTooLarge`, nothing was changed, and calls of others go on. If the server hangs up before its answer is read, the write is `ErrUnknownOutcome`.",
			Tests:   []string{"TestErrors/value over the server's limit", "TestLarge"},
		},
		{
			Name:    "script flush",
			Promise: "No call fails, also in the midst of a pipeline or a transaction.",
			Tests:   []string{"TestStore/scripts survive SCRIPT FLUSH", "TestScripts/forgotten in the middle of a pipeline", "TestScripts/forgotten in a transaction"},
			Soak:    []string{"script flush"},
		},
	}},
	{"Replicas, sentinels and clusters", []Fault{
		{
			Name:    "failover by sentinels",
			Promise: "Calls that changed nothing wait for the new primary as long as they have time. A write that was on its way at the old one is `ErrUnknownOutcome`. Writes that the old primary had not replicated may be lost.",
			Tests:   []string{"TestChaosSentinel/failover by kill", "TestChaosSentinel/failover by freeze", "TestChaosSentinel/failover by partition", "TestSentinelFailoverOnDemand"},
			Beside:  "TestBesideTheClient/failover of a killed primary",
			Soak:    []string{"failover of a killed primary", "failover of a frozen primary", "commanded failover"},
		},
		{
			Name:    "failover of a cluster",
			Promise: "The same. Calls on other shards are as fast as before.",
			Tests:   []string{"TestChaosCluster/failover by kill", "TestChaosCluster/failover by freeze"},
			Beside:  "TestBesideTheClient/cluster failover of a frozen primary",
			Soak:    []string{"failover of a killed primary", "failover of a frozen primary", "commanded failover"},
		},
		{
			Name:    "replication lag",
			Promise: "A replica may answer with an old value or a miss. `ReadPrimary` sees every acknowledged write.",
			Tests:   []string{"TestReplicas/ReadPrimary sees what replicas lack"},
		},
		{
			Name:    "replica that is lost",
			Promise: "No read fails: another replica, or the primary, answers.",
			Tests:   []string{"TestReplicas/reads survive a replica", "TestChaosReplicas", "TestChaosCluster/replica down"},
			Soak:    []string{"replica killed", "replica frozen"},
		},
		{
			Name:    "`MASTERDOWN`",
			Promise: "The primary answers. With `read=replica` it is `ErrUnavailable`.",
			Tests:   []string{"TestReplicas/replica that serves nothing"},
		},
		{
			Name:    "`CLUSTERDOWN`",
			Promise: "Calls wait for the cluster as long as they have time, and are `ErrUnavailable` then; nothing was changed.",
			Tests:   []string{"TestClusterDown", "TestClusterOutage"},
		},
		{
			Name:    "`MOVED`, `ASK`, `TRYAGAIN`",
			Promise: "They are followed, or waited for. Commands on several keys are taken apart where some of the keys have moved.",
			Tests:   []string{"TestClusterMigration", "TestClusterExclusive/slot on its way", "TestClusterExclusive/MOVED"},
			Soak:    []string{"slots move"},
		},
		{
			Name:    "resharding",
			Promise: "No call fails, and nothing is lost or missed.",
			Tests:   []string{"TestChaosCluster/live reshard", "TestClusterReshard"},
			Soak:    []string{"slots move"},
		},
	}},
	{"Replies and callers", []Fault{
		{
			Name:    "connection out of step",
			Promise: "Surplus bytes close the connection. No reply reaches the wrong caller.",
			Tests:   []string{"TestHostile/surplus bytes", "TestConcurrency/no reply reaches the wrong caller"},
		},
		{
			Name:    "malformed reply",
			Promise: "`ErrUnavailable`; a write is `ErrUnknownOutcome`. No memory is taken for what a length only announces.",
			Tests:   []string{"TestErrors/replies of a wrong shape", "TestHostile/replies of another kind", "TestHostile/headers without anything behind them"},
		},
		{
			Name:    "pipeline that is cut",
			Promise: "Each operation has its own outcome. What a server said of one says nothing about the others, and nothing is sent twice.",
			Tests:   []string{"TestFaults/reply cut after each byte", "TestErrors/error reply before a hang-up is no outcome of others", "TestClusterLosses"},
			Soak:    []string{"request cut", "reply cut"},
		},
		{
			Name:    "caller who leaves",
			Promise: "A call returns promptly with the error of its context. A call whose context has ended before does no I/O.",
			Tests:   []string{"TestFaults/ended context does no I/O", "TestFaults/inputs of an abandoned call may be changed", "TestConcurrency/a crowd leaves when it wants"},
			Soak:    []string{"callers leave"},
		},
		{
			Name:    "caller who leaves a blocking pop",
			Promise: "No element is lost: it is returned, or left in the list. Only where the connection is lost meanwhile is the outcome unknown.",
			Tests:   []string{"TestExclusive/RESP2/pops lose no element", "TestExclusive/RESP3/pops lose no element", "TestWaitFaults/killed with the element on its way"},
			Soak:    []string{"callers leave"},
		},
		{
			Name:    "gap in a subscription",
			Promise: "The subscription goes on by itself, and a `Gap` comes before the next message. No message comes twice.",
			Tests:   []string{"TestSubscriptionFaults"},
			Soak:    []string{"connections killed", "connections reset"},
		},
	}},
}

// Named returns the faults, in order.
func Named() []Fault {
	var all []Fault
	for _, group := range Groups {
		all = append(all, group.Faults...)
	}
	return all
}
