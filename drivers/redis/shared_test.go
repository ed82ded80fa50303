package redis_test

import (
	"testing"

	"github.com/xcache-go/xcache/drivers/internal/drivertest"
)

// These tests are the tests of every driver for servers.

func TestConformance(t *testing.T)           { subject.Conformance(t) }
func TestConformanceOfReplicas(t *testing.T) { subject.ConformanceOfReplicas(t) }
func TestStore(t *testing.T)                 { subject.Store(t) }
func TestOwnClient(t *testing.T)             { subject.OwnClient(t) }
func TestErrors(t *testing.T)                { subject.Errors(t) }
func TestFaults(t *testing.T)                { subject.Faults(t) }
func TestConcurrency(t *testing.T)           { subject.Concurrency(t) }
func TestPasswords(t *testing.T)             { subject.Passwords(t) }
func TestCredentials(t *testing.T)           { subject.Credentials(t) }
func TestReplicas(t *testing.T)              { subject.Replicas(t) }

func TestBatchesAreOneRoundTrip(t *testing.T) { subject.RoundTrips(t) }

// go-redis itself allocates 3 times for a hit, 23 times for a miss, and 5 times for Set.
// The checks of a real connection add 3 to each.
func TestAllocations(t *testing.T) {
	subject.Allocations(t, drivertest.Allocations{Hit: 1, Miss: 0, Set: 0, SetMany: 12})
}

func TestAddressMoved(t *testing.T) { subject.AddressMoved(t) }

func TestAddressMovedWhileCallsWait(t *testing.T) { subject.AddressMovedWhileCallsWait(t) }

func TestScripts(t *testing.T) { subject.Scripts(t) }

func TestGreetings(t *testing.T) { subject.Greetings(t) }

func TestHostile(t *testing.T) { subject.Hostile(t) }
func TestLarge(t *testing.T)   { subject.Large(t) }

func TestSilence(t *testing.T) { subject.Silence(t) }

func TestEncrypted(t *testing.T)         { subject.Encrypted(t) }
func TestSlowConnecting(t *testing.T)    { subject.SlowConnecting(t) }
func TestSharedConnections(t *testing.T) { subject.SharedConnections(t) }

func TestSurroundings(t *testing.T)    { subject.Surroundings(t) }
func TestBesideTheClient(t *testing.T) { subject.BesideTheClient(t) }

func TestRefusedTransactions(t *testing.T)             { subject.RefusedTransactions(t) }
func TestRefusedTransactionsOfOwnClients(t *testing.T) { subject.RefusedTransactionsOfOwnClients(t) }

func TestReplies(t *testing.T) { subject.Replies(t) }

func TestInspect(t *testing.T) { subject.Inspect(t) }
func TestEvents(t *testing.T)  { subject.Events(t) }

func TestExclusive(t *testing.T)           { subject.Exclusive(t) }
func TestWaits(t *testing.T)               { subject.Waits(t) }
func TestWaitFaults(t *testing.T)          { subject.WaitFaults(t) }
func TestSubscriptionFaults(t *testing.T)  { subject.SubscriptionFaults(t) }
func TestStreams(t *testing.T)             { subject.Streams(t) }
func TestWatch(t *testing.T)               { subject.Watch(t) }
func TestReplicatedExclusive(t *testing.T) { subject.ReplicatedExclusive(t) }
