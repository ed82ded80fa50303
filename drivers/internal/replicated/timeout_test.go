package replicated_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A call is bounded for any servers, in any order.
func TestACallTakesNoLongerThanItMayWhenAllServersAreSilent(t *testing.T) {
	for _, reads := range []settings.Reads{settings.PreferReplica, settings.Replica} {
		for n := 3; n < 6; n++ {
			synctest.Test(t, func(t *testing.T) {
				store, fakes := openAll(t, n, reads)
				for _, s := range fakes {
					if s != nil {
						s.silent = true
					}
				}
				for call := range 20 { // at first all servers are healthy; then they are in cooldown, and are sometimes tried again
					start := time.Now()
					_, err := get(context.Background(), store)
					require.ErrorIs(t, err, driver.ErrUnavailable)
					require.NotErrorIs(t, err, context.DeadlineExceeded)
					require.LessOrEqual(t, time.Since(start), opTimeout, "%s, %d servers, call %d", reads, n, call)

					start = time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					_, err = get(ctx, store)
					cancel()
					require.Error(t, err)
					require.LessOrEqual(t, time.Since(start), time.Second)
					time.Sleep(time.Duration(call) * 300 * time.Millisecond)
				}
			})
		}
	}
}

// A primary that fails slowly leaves the replicas the rest of the time.
func TestThePrimaryAndThenTheReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, fakes := openAll(t, 3, settings.PreferReplica)
		for _, s := range fakes {
			s.silent = true
		}
		for range 10 { // until the replicas are in cooldown
			_, _ = get(context.Background(), store) // all calls fail
		}
		start := time.Now()
		_, err := get(context.Background(), store)
		require.ErrorIs(t, err, driver.ErrUnavailable)
		require.LessOrEqual(t, time.Since(start), opTimeout)
	})
}

// A replica that was down together with the primary answers again. The primary is still
// silent, and takes the time of the calls.
func TestAReplicaThatIsBackServesReadsWhileThePrimaryIsSilent(t *testing.T) {
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, opTimeout)
	}
	tests := []struct {
		name    string
		limited func(context.Context) (context.Context, context.CancelFunc)
	}{
		{"calls with a deadline", deadline},
		{"calls without a deadline", context.WithCancel},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, fakes := openAll(t, 2, settings.PreferReplica)
				fakes[0].silent = true
				fakes[1].back = time.Now().Add(12 * time.Second)
				var callers sync.WaitGroup
				for range 120 { // four calls a second, so that a call ends in each cooldown
					start := time.Now()
					callers.Go(func() {
						ctx, cancel := test.limited(t.Context())
						defer cancel()
						switch _, err := get(ctx, store); {
						case start.Before(fakes[1].back):
						case start.Before(fakes[1].back.Add(2 * time.Second)): // the last cooldown
							assert.NoError(t, err, "the primary is known to be down, and leaves time for the replica")
							assert.Less(t, time.Since(start), opTimeout/2)
						default:
							assert.NoError(t, err)
							assert.Zero(t, time.Since(start), "the replica is asked first again")
						}
					})
					time.Sleep(250 * time.Millisecond)
				}
				callers.Wait()
			})
		})
	}
}

// A limitedServer is a primary that bounds its calls.
type limitedServer struct{ *fakeServer }

func (limitedServer) Limits() driver.Limits { return driver.Limits{CallTimeout: opTimeout} }

// The only server to ask has all of the time of a call, and one of several has half of it,
// whatever replicas come and go.
func TestTheOnlyReplicaHasAllOfTheTime(t *testing.T) {
	replicas := func(addrs ...string) (all []*settings.Settings) {
		for _, addr := range addrs {
			all = append(all, &settings.Settings{Addr: addr, OpTimeout: opTimeout})
		}
		return all
	}
	tests := []struct {
		name string
		sets [][]*settings.Settings
		only bool
	}{
		{"one", [][]*settings.Settings{replicas("slow")}, true},
		{"the last one of two", [][]*settings.Settings{replicas("slow", "other"), replicas("slow")}, true},
		{"one of two", [][]*settings.Settings{replicas("slow", "other")}, false},
		{"one that got another beside it", [][]*settings.Settings{replicas("slow"), replicas("slow", "other")}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := new(fakeServer)
				store := replicated.Over(limitedServer{new(fakeServer)}, settings.Replica, func(s *settings.Settings) driver.Store {
					fake := &fakeServer{settings: s}
					if s.Addr == "slow" {
						slow = fake
					}
					return fake
				})
				for _, set := range test.sets {
					store.SetReplicas(set)
					for slow.asked.Load() == 0 {
						_, err := get(t.Context(), store)
						require.NoError(t, err)
					}
				}
				slow.delay = opTimeout * 3 / 4
				asked := slow.asked.Load()
				for slow.asked.Load() == asked {
					start := time.Now()
					got, err := get(context.Background(), store)
					require.NoError(t, err)
					switch took := time.Since(start); {
					case slow.asked.Load() == asked:
					case test.only:
						require.Equal(t, "slow", got)
					default:
						require.Equal(t, "other", got)
						require.Equal(t, opTimeout/2, took)
					}
				}
			})
		})
	}
}

// Disconnect reaches replicas that are opened later, and replicas that are being removed.
func TestDisconnectReachesEveryServer(t *testing.T) {
	store, fakes := openAll(t, 3, settings.PreferReplica)
	driver.CapsOf(store).Disconnector.Disconnect()
	for _, s := range fakes {
		require.True(t, s.disconnected.Load())
	}
	store, fakes = open(2, settings.PreferReplica)
	driver.CapsOf(store).Disconnector.Disconnect()
	require.Nil(t, fakes[1])
	_, _ = get(t.Context(), store) // opens the replica
	require.True(t, fakes[1].disconnected.Load())
}
