package soak

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

// replicatedFaults are the faults of servers with replicas. With these faults, servers
// may lose writes that a replica has not received yet.
var replicatedFaults = []fault{
	{"failover of a killed primary", func(d *deployment) {
		d.losePrimary((*servertest.Server).Kill, (*servertest.Server).Start)
	}},
	{"failover of a frozen primary", func(d *deployment) {
		d.losePrimary((*servertest.Server).Freeze, (*servertest.Server).Thaw)
	}},
	{"commanded failover", (*deployment).failOver},
	{"replica killed", (*deployment).restartReplica},
	{"replica frozen", (*deployment).freezeReplica},
}

// aPrimary returns one of the primaries.
func (d *deployment) aPrimary() *servertest.Server {
	d.t.Helper()
	primaries := d.theirs()
	return primaries[d.random.IntN(len(primaries))]
}

// settle waits until every server has its role and all replicas are online.
func (d *deployment) settle() {
	d.t.Helper()
	if d.cluster != nil {
		d.cluster.AwaitOK(d.t)
		d.cluster.AwaitReplicas(d.t)
		return
	}
	d.sentinel.AwaitOK(d.t)
	d.sentinel.AwaitReplicas(d.t)
}

// losePrimary takes a primary away until another server has become primary.
func (d *deployment) losePrimary(begin, end func(*servertest.Server, testing.TB)) {
	d.settle()
	lost := d.losses.fault()
	old := d.aPrimary()
	begin(old, d.t)
	var successor *servertest.Server
	if d.cluster != nil {
		successor = d.cluster.AwaitFailover(d.t, old)
	} else {
		successor = d.sentinel.AwaitFailover(d.t, old)
	}
	time.Sleep(d.someTime(0, time.Second))
	end(old, d.t)
	d.settle()
	lost()
	require.NotEqual(d.t, old.Addr, successor.Addr)
}

// failOver makes a replica take the place of its primary.
func (d *deployment) failOver() {
	d.settle()
	lost := d.losses.fault()
	old := d.aPrimary()
	var successor *servertest.Server
	if d.cluster != nil {
		successor = d.cluster.Failover(d.t, old)
	} else {
		successor = d.sentinel.Failover(d.t)
	}
	d.settle()
	lost()
	require.NotEqual(d.t, old.Addr, successor.Addr)
}

func (d *deployment) restartReplica() {
	replica := d.replica(d.aPrimary())
	before, err := infoOf(replica, "server")
	require.NoError(d.t, err)
	lost := d.losses.fault() // a slow primary may lose its role meanwhile
	replica.Kill(d.t)
	time.Sleep(d.someTime(0, time.Second))
	replica.Start(d.t)
	d.settle()
	lost()
	after, err := infoOf(replica, "server")
	require.NoError(d.t, err)
	require.NotEqual(d.t, before["run_id"], after["run_id"])
}

func (d *deployment) freezeReplica() {
	replica := d.replica(d.aPrimary())
	lost := d.losses.fault()
	replica.Freeze(d.t)
	d.isSilent(replica)
	time.Sleep(d.someTime(0, 2*time.Second))
	replica.Thaw(d.t)
	d.settle()
	lost()
}

// moveSlots moves the slot of a key that callers use all the time, and leaves that slot
// on its way for a while. Afterwards moveSlots moves other slots with their keys.
func (d *deployment) moveSlots() {
	d.settle()
	used := []string{"1:" + sharedList, "1:loaded:0", "1:loaded:1", "lock:" + lockName, "ratelimit:" + subject}
	key := "soak:" + used[d.random.IntN(len(used))]
	from := d.cluster.Primary(d.t, key)
	to := d.aPrimary()
	for to == from {
		to = d.aPrimary()
	}
	redirected := func() int {
		return d.sum(d.data, "errorstats", "errorstat_MOVED") + d.sum(d.data, "errorstats", "errorstat_ASK")
	}
	before := redirected()
	slot := int(from.Do(d.t, "CLUSTER", "KEYSLOT", key).(int64))
	migration := d.cluster.StartMigration(d.t, from, to, slot)
	migration.MoveKeys(d.t)
	d.eventually("no call was sent elsewhere", func() bool { return redirected() > before })
	time.Sleep(d.someTime(0, time.Second))
	migration.Finish(d.t)
	d.cluster.Reshard(d.t, from, to, 100)
	require.Equal(d.t, to.Addr, d.cluster.Primary(d.t, key).Addr)
}
