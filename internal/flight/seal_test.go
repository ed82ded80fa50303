package flight_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// A sealing is a group with one flight, which is sealed from the first second to the second one.
type sealing struct {
	t     *testing.T
	group flight.Group
	// unseals tells that the flight is unsealed, and goes on for a second.
	unseals bool
	// late is what Seal has returned.
	late    atomic.Bool
	callers sync.WaitGroup
	// runs counts the functions that began behind the flight.
	runs atomic.Int32
}

func (s *sealing) begin(ctx context.Context, want any, wantErr error) {
	s.callers.Go(func() {
		got, err := s.group.Do(ctx, key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
			wait := func() { _, _ = within(nil, nil)(ctx, fl) }
			wait()
			s.late.Store(s.group.Seal(fl))
			wait()
			if s.unseals {
				s.group.Unseal(fl)
				wait()
			}
			return "sealed", context.Cause(ctx)
		})
		assert.ErrorIs(s.t, err, wantErr)
		assert.Equal(s.t, want, got)
	})
}

// join adds callers who get the result want.
func (s *sealing) join(ctx context.Context, n int, want any) {
	for range n {
		s.callers.Go(func() {
			got, err := s.group.Do(ctx, key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
				s.runs.Add(1)
				return within("next", nil)(ctx, fl)
			})
			assert.NoError(s.t, err)
			assert.Equal(s.t, want, got)
		})
	}
}

func testSealing(t *testing.T, unseals bool, test func(*testing.T, *sealing)) {
	synctest.Test(t, func(t *testing.T) {
		s := &sealing{t: t, unseals: unseals}
		defer s.group.Close()
		test(t, s)
		s.callers.Wait()
		synctest.Wait()
		require.False(t, s.group.UnderWay())
	})
}

func TestCallersOfASealedFlightShareTheNextOne(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(time.Second / 2)
		s.join(t.Context(), 5, "sealed")
		time.Sleep(time.Second)
		require.True(t, s.late.Load())
		s.join(t.Context(), 5, "next")
		synctest.Wait()
		require.Zero(t, s.runs.Load(), "the next flight begins at the end of the sealed one")
		time.Sleep(time.Second)
		s.join(t.Context(), 5, "next")
		s.callers.Wait()
		require.EqualValues(t, 1, s.runs.Load())
	})
}

func TestASealTellsWhetherCallersHaveJoined(t *testing.T) {
	for name, test := range map[string]struct {
		joins func(*testing.T, *sealing)
		late  bool
	}{
		"nobody":   {func(*testing.T, *sealing) {}, false},
		"a caller": {func(t *testing.T, s *sealing) { s.join(t.Context(), 1, "sealed") }, true},
		"invalidated": {func(t *testing.T, s *sealing) {
			s.join(t.Context(), 1, "sealed")
			synctest.Wait()
			assert.NoError(t, s.group.Invalidate(t.Context(), func() error { return nil }, key.Full))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			testSealing(t, false, func(t *testing.T, s *sealing) {
				s.begin(t.Context(), "sealed", nil)
				synctest.Wait()
				test.joins(t, s)
				s.callers.Wait()
				require.Equal(t, test.late, s.late.Load())
			})
		})
	}
}

func TestAFlightThatGoesOnTakesTheCallersWhoCameMeanwhile(t *testing.T) {
	testSealing(t, true, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(3 * time.Second / 2)
		s.join(t.Context(), 5, "sealed")
		time.Sleep(time.Second)
		s.join(t.Context(), 5, "sealed")
		s.callers.Wait()
		require.Zero(t, s.runs.Load())
		require.EqualValues(t, 2, s.group.Landed())
	})
}

func TestTheContextOfAFlightEndsWithTheLastCallerWhoCameMeanwhile(t *testing.T) {
	testSealing(t, true, func(t *testing.T, s *sealing) {
		first, leave := context.WithTimeout(t.Context(), 9*time.Second/4)
		defer leave()
		s.begin(first, nil, context.DeadlineExceeded)
		time.Sleep(3 * time.Second / 2)
		second, leaves := context.WithTimeout(t.Context(), time.Second)
		defer leaves()
		began := time.Now()
		_, err := s.group.Do(second, key, nil, func(context.Context, *flight.Flight) (any, error) { panic("waits") })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		synctest.Wait()
		require.False(t, s.group.UnderWay(), "the function has heard of the end")
	})
}

// The callers behind a sealed flight leave before the flight goes on. The flight ends with its own.
func TestCallersWhoLeftBeforeASealEndsAreNotWaitedFor(t *testing.T) {
	testSealing(t, true, func(t *testing.T, s *sealing) {
		first, leave := context.WithTimeout(t.Context(), 5*time.Second/2)
		defer leave()
		s.begin(first, nil, context.DeadlineExceeded)
		time.Sleep(5 * time.Second / 4)
		second, leaves := context.WithTimeout(t.Context(), time.Second/4)
		defer leaves()
		_, err := s.group.Do(second, key, nil, func(ctx context.Context, _ *flight.Flight) (any, error) { return nil, ctx.Err() })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Second + time.Second/4)
		synctest.Wait()
		require.False(t, s.group.UnderWay())
	})
}

func TestAnInvalidationLetsTheFlightBehindASealedOneBegin(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(5 * time.Second / 4)
		s.join(t.Context(), 3, "next")
		synctest.Wait()
		require.Zero(t, s.runs.Load())
		require.NoError(t, s.group.Invalidate(t.Context(), func() error { return nil }, key.Full))
		synctest.Wait()
		require.EqualValues(t, 1, s.runs.Load())
		require.Zero(t, s.group.Landed())
	})
}

// The callers of a sealed flight leave. Others wait for its end, so that its function goes on.
func TestASealedFlightGoesOnForTheCallersBehind(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		short, leave := context.WithTimeout(t.Context(), 7*time.Second/4)
		defer leave()
		var ended error
		s.callers.Go(func() {
			_, err := s.group.Do(short, key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
				s.group.Seal(fl)
				_, ended = within(nil, nil)(ctx, fl)
				_, ended = within(nil, ended)(ctx, fl)
				return nil, nil
			})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		s.join(t.Context(), 3, "next")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, ended)
		require.EqualValues(t, 1, s.group.Landed())
		s.callers.Wait()
		require.EqualValues(t, 1, s.runs.Load())
	})
}

// An invalidation lets the flight behind begin, which then counts as no caller of the sealed one.
func TestASealedFlightThatIsDetachedEndsWithItsOwnCallers(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		short, leave := context.WithTimeout(t.Context(), 7*time.Second/4)
		defer leave()
		s.begin(short, nil, context.DeadlineExceeded)
		time.Sleep(5 * time.Second / 4)
		s.join(t.Context(), 1, "next")
		synctest.Wait()
		require.NoError(t, s.group.Invalidate(t.Context(), func() error { return nil }, key.Full))
		time.Sleep(time.Second / 2)
		synctest.Wait()
		require.EqualValues(t, 1, s.group.Landed(), "the function has heard of the end")
	})
}

func TestCallersWhoWaitForTheBeginOfAFlightHaveNotJoinedIt(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(3 * time.Second / 2)
		var late atomic.Bool
		s.callers.Go(func() {
			_, err := s.group.Do(t.Context(), key, nil, func(_ context.Context, fl *flight.Flight) (any, error) {
				assert.False(t, s.group.Joined(fl))
				time.Sleep(time.Second)
				late.Store(s.group.Seal(fl))
				return "next", nil
			})
			assert.NoError(t, err)
		})
		synctest.Wait()
		s.join(t.Context(), 3, "next")
		time.Sleep(time.Second)
		s.join(t.Context(), 1, "next")
		s.callers.Wait()
		require.True(t, late.Load(), "the last caller came behind the begin")
	})
}

// All callers of a function of many keys leave, but those of a key that another flight loads.
func TestTheContextOfAFunctionOfManyKeysEndsWithoutWhatASealedFlightLoads(t *testing.T) {
	testSealing(t, true, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(3 * time.Second / 2)
		short, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var ended atomic.Bool
		s.callers.Go(func() {
			_, err := s.group.DoMany(short, []flight.Key{key, {Full: "other"}}, nil, func(ctx context.Context, _ []int, _ []*flight.Flight) []flight.Result {
				<-ctx.Done()
				ended.Store(true)
				return []flight.Result{{Err: ctx.Err()}}
			})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		s.join(t.Context(), 1, "sealed")
		time.Sleep(time.Second)
		synctest.Wait()
		require.True(t, ended.Load())
	})
}

// The function of a sealed flight waits, by way of the program's own code, for a flight behind it.
func TestAFunctionThatWouldWaitForTheFlightBehindItIsRefused(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		_, err := s.group.Do(t.Context(), key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
			s.group.Seal(fl)
			return s.group.Do(ctx, flight.Key{Full: "other"}, nil, func(ctx context.Context, _ *flight.Flight) (any, error) {
				return s.group.Do(ctx, key, nil, within(nil, nil))
			})
		})
		require.ErrorIs(t, err, flight.ErrCycle)
	})
}

func TestAFunctionOfManyKeysLeavesOutWhatASealedFlightLoads(t *testing.T) {
	for name, unseals := range map[string]bool{"the sealed flight goes on": true, "the sealed flight ends": false} {
		t.Run(name, func(t *testing.T) {
			testSealing(t, unseals, func(t *testing.T, s *sealing) {
				s.begin(t.Context(), "sealed", nil)
				time.Sleep(3 * time.Second / 2)
				runs := 0
				results, err := s.group.DoMany(t.Context(), []flight.Key{key, {Full: "other"}}, nil, func(_ context.Context, own []int, flights []*flight.Flight) []flight.Result {
					runs++
					assert.Len(t, flights, len(own))
					results := make([]flight.Result, len(own))
					for i, at := range own {
						results[i].Value = at
					}
					return results
				})
				require.NoError(t, err)
				var first any = 0
				if unseals {
					first = "sealed"
				}
				require.Equal(t, []flight.Result{{Value: first}, {Value: 1}}, results)
				require.Equal(t, 1, runs)
				require.False(t, s.group.UnderWay())

				time.Sleep(time.Second)
				s.begin(t.Context(), "sealed", nil)
				time.Sleep(3 * time.Second / 2)
				results, err = s.group.DoMany(t.Context(), []flight.Key{key}, nil, func(context.Context, []int, []*flight.Flight) []flight.Result {
					return []flight.Result{{Value: 0}}
				})
				require.NoError(t, err)
				require.Equal(t, first, results[0].Value)
			})
		})
	}
}

func TestNoFlightOfTheGroupBeginsBesideASealedOne(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", nil)
		time.Sleep(3 * time.Second / 2)
		s.group.Start(t.Context(), key, nil, func(context.Context, *flight.Flight) (any, error) { panic("begins") })
		s.group.StartMany(t.Context(), []flight.Key{key}, nil, func(context.Context, []int, []*flight.Flight) []flight.Result { panic("begins") })
	})
}

// Two functions wait for each other's keys by way of callers whom a flight has taken over.
func TestAFunctionThatWouldWaitForItselfBehindASealIsRefused(t *testing.T) {
	testSealing(t, true, func(t *testing.T, s *sealing) {
		other := flight.Key{Full: "other"}
		s.callers.Go(func() {
			_, err := s.group.Do(t.Context(), key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
				s.group.Seal(fl)
				time.Sleep(time.Second)
				s.group.Unseal(fl)
				return s.group.Do(ctx, other, nil, within(nil, nil))
			})
			assert.ErrorIs(t, err, flight.ErrCycle)
		})
		synctest.Wait()
		_, err := s.group.Do(t.Context(), other, nil, func(ctx context.Context, _ *flight.Flight) (any, error) {
			return s.group.Do(ctx, key, nil, within(nil, nil))
		})
		require.ErrorIs(t, err, flight.ErrCycle)
	})
}

func TestCloseEndsFlightsBehindASealedOne(t *testing.T) {
	testSealing(t, false, func(t *testing.T, s *sealing) {
		s.begin(t.Context(), "sealed", driver.ErrClosed)
		time.Sleep(3 * time.Second / 2)
		s.callers.Go(func() {
			_, err := s.group.Do(t.Context(), key, nil, within(nil, nil))
			assert.ErrorIs(t, err, driver.ErrClosed)
		})
		synctest.Wait()
		s.group.Close()
	})
}
