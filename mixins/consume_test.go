package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

type delivered = mixins.Delivered[string]

// A consumer is a Consume of the stream s by the group g, with its events.
type consumer struct {
	t       *testing.T
	streams *mixins.Streams[string]
	cancel  context.CancelFunc
	done    chan error

	mu      sync.Mutex
	entries []string // "1-0 once", each with the number of its delivery
	times   []time.Time
	events  []mixins.ConsumeEvent
}

func streamsOf(t *testing.T, c *xcache.Cache) *mixins.Streams[string] {
	t.Helper()
	streams, err := mixins.NewStreams[string](c)
	require.NoError(t, err)
	return streams
}

// consume begins to consume. handle may be nil.
func consume(t *testing.T, streams *mixins.Streams[string], name string, options mixins.ConsumeOptions, handle func(context.Context, delivered) error) *consumer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &consumer{t: t, streams: streams, cancel: cancel, done: make(chan error, 1)}
	options.Observe = func(e mixins.ConsumeEvent) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.events = append(c.events, e)
	}
	go func() {
		c.done <- streams.Consume(ctx, "s", "g", name, func(ctx context.Context, e delivered) error {
			c.mu.Lock()
			c.entries = append(c.entries, fmt.Sprintf("%s %d", e.ID, e.Deliveries))
			c.times = append(c.times, time.Now())
			c.mu.Unlock()
			if handle == nil {
				return nil
			}
			return handle(ctx, e)
		}, options)
	}()
	return c
}

// stop ends the consumption, which then returns the error of its context.
func (c *consumer) stop() {
	c.t.Helper()
	c.cancel()
	require.ErrorIs(c.t, <-c.done, context.Canceled)
}

func (c *consumer) handled() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}

// heard returns the kinds of events, and the IDs of their entries.
func (c *consumer) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kinds []string
	for _, e := range c.events {
		text := string(e.Kind)
		if e.ID != "" {
			text += " " + e.ID
		}
		kinds = append(kinds, text)
	}
	return kinds
}

func addEntries(t *testing.T, streams *mixins.Streams[string], n int) {
	t.Helper()
	length, err := streams.XLen(t.Context(), "s")
	require.NoError(t, err)
	for i := range n {
		_, err := streams.XAdd(t.Context(), "s", mixins.XAddOptions{ID: fmt.Sprintf("%d-0", length+i+1)}, map[string]string{"f": fmt.Sprint(length + i + 1)})
		require.NoError(t, err)
	}
}

func wantPending(t *testing.T, streams *mixins.Streams[string], ids ...string) {
	t.Helper()
	entries, err := streams.XPendingRange(t.Context(), "s", "g", mixins.XPendingOptions{}, "-", "+", 100)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.ID)
	}
	require.Equal(t, ids, got, "pending")
}

// inTime runs a test with a clock of its own.
func inTime(t *testing.T, test func(t *testing.T, streams *mixins.Streams[string])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, streamsOf(t, openTest(t, "memory://"))) })
}

func TestConsumeHandlesEachEntryOnceInOrder(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 2)
		c := consume(t, streams, "c", mixins.ConsumeOptions{}, nil)
		synctest.Wait()
		addEntries(t, streams, 20)
		synctest.Wait()
		var want []string
		for i := range 22 {
			want = append(want, fmt.Sprintf("%d-0 1", i+1))
		}
		require.Equal(t, want, c.handled())
		wantPending(t, streams)
		c.stop()
		require.Empty(t, c.heard())
	})
}

func TestConsumeBeginsWithWhatIsPendingForIt(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 40)
		require.NoError(t, streams.XGroupCreate(t.Context(), "s", "g", "0", mixins.XGroupCreateOptions{}))
		_, err := streams.XReadGroup(t.Context(), "g", "c", mixins.XReadGroupOptions{Count: 37}, mixins.Behind("s", ">"))
		require.NoError(t, err)
		_, err = streams.XDel(t.Context(), "s", "2-0")
		require.NoError(t, err)
		c := consume(t, streams, "c", mixins.ConsumeOptions{Batch: 10}, nil)
		synctest.Wait()
		handled := c.handled()
		require.Len(t, handled, 39)
		require.Equal(t, []string{"1-0 2", "3-0 2"}, handled[:2])
		require.Equal(t, []string{"37-0 2", "38-0 1", "39-0 1", "40-0 1"}, handled[35:])
		require.Contains(t, c.heard(), "entry gone 2-0")
		wantPending(t, streams)
		c.stop()
	})
}

func TestConsumeDeliversAgainWhatFailed(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 2)
		c := consume(t, streams, "c", mixins.ConsumeOptions{MinIdle: time.Minute}, func(_ context.Context, e delivered) error {
			if e.ID == "1-0" && e.Deliveries == 1 {
				return errors.New("not now")
			}
			return nil
		})
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"1-0 1", "2-0 1"}, c.handled())
		wantPending(t, streams, "1-0")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"1-0 1", "2-0 1", "1-0 2"}, c.handled())
		wantPending(t, streams)
		c.stop()
		require.Equal(t, []string{"entry failed 1-0", "entry claimed 1-0"}, c.heard())
	})
}

func TestConsumeClaimsFromConsumersThatEnded(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 30)
		require.NoError(t, streams.XGroupCreate(t.Context(), "s", "g", "0", mixins.XGroupCreateOptions{}))
		_, err := streams.XReadGroup(t.Context(), "g", "ended", mixins.XReadGroupOptions{}, mixins.Behind("s", ">"))
		require.NoError(t, err)
		_, err = streams.XDel(t.Context(), "s", "7-0")
		require.NoError(t, err)
		c := consume(t, streams, "c", mixins.ConsumeOptions{MinIdle: time.Minute, Batch: 4}, nil)
		time.Sleep(50 * time.Second)
		require.Empty(t, c.handled())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, c.handled(), 29)
		require.Equal(t, "1-0 2", c.handled()[0])
		require.Contains(t, c.heard(), "entry gone 7-0")
		wantPending(t, streams)
		c.stop()
	})
}

func TestConsumeLeavesALongHandlerItsEntry(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 3)
		slow := func(context.Context, delivered) error {
			time.Sleep(time.Hour)
			return nil
		}
		options := mixins.ConsumeOptions{MinIdle: time.Minute, DeadLetter: "dead", MaxDeliveries: 2}
		one := consume(t, streams, "one", options, slow) // the second and the third entry wait behind the first
		time.Sleep(time.Second)
		other := consume(t, streams, "other", options, slow)
		time.Sleep(4 * time.Hour)
		require.Equal(t, []string{"1-0 1", "2-0 1", "3-0 1"}, one.handled())
		require.Empty(t, other.handled())
		wantPending(t, streams)
		one.stop()
		other.stop()
	})
}

func TestConsumeGivesUpWhatFailsTooOften(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 4)
		options := mixins.ConsumeOptions{MinIdle: time.Minute, DeadLetter: "dead", MaxDeliveries: 3}
		c := consume(t, streams, "c", options, func(_ context.Context, e delivered) error {
			switch e.ID {
			case "1-0":
				return errors.New("no such customer")
			case "2-0":
				panic(context.DeadlineExceeded)
			case "3-0":
				runtime.Goexit()
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, c.handled(), 10, "three deliveries of three entries, and one")
		wantPending(t, streams)
		c.stop()
		var ids []string
		for dead, err := range streams.DeadLetters(t.Context(), "dead") {
			require.NoError(t, err)
			require.Equal(t, "s", dead.Stream)
			require.Equal(t, "g", dead.Group)
			require.Equal(t, "c", dead.Consumer)
			require.Equal(t, 3, dead.Deliveries)
			require.Equal(t, map[string]string{"f": dead.Entry.ID[:1]}, dead.Entry.Fields)
			require.Contains(t, dead.Reason, map[string]string{"1-0": "no such customer", "2-0": "panicked: context deadline exceeded", "3-0": "Goexit"}[dead.Entry.ID])
			ids = append(ids, dead.Entry.ID)
		}
		require.Equal(t, []string{"1-0", "2-0", "3-0"}, ids)
		for _, e := range c.events {
			if panicked, ok := errors.AsType[*mixins.HandlerPanicError](e.Err); ok {
				require.Equal(t, "2-0", e.ID)
				require.ErrorIs(t, e.Err, context.DeadlineExceeded)
				require.Contains(t, string(panicked.Stack), "consume_test.go")
			}
		}
	})
}

// An entry that kills its consumers is given up by a consumer that does not try the entry.
func TestConsumeGivesUpWhatIsNeverDone(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 1)
		require.NoError(t, streams.XGroupCreate(t.Context(), "s", "g", "0", mixins.XGroupCreateOptions{}))
		for _, from := range []string{">", "0", "0"} {
			_, err := streams.XReadGroup(t.Context(), "g", "c", mixins.XReadGroupOptions{}, mixins.Behind("s", from))
			require.NoError(t, err)
		}
		c := consume(t, streams, "c", mixins.ConsumeOptions{DeadLetter: "dead", MaxDeliveries: 3}, nil)
		synctest.Wait()
		require.Empty(t, c.handled())
		wantPending(t, streams)
		c.stop()
		n := 0
		for dead, err := range streams.DeadLetters(t.Context(), "dead") {
			require.NoError(t, err)
			require.Equal(t, 4, dead.Deliveries)
			n++
		}
		require.Equal(t, 1, n)
	})
}

func TestConsumeGivesUpWhatTheCodecCannotRead(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *xcache.Cache{
		"plain": func(t *testing.T) *xcache.Cache { return openTest(t, "memory://") }, "encrypted": encrypted,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := open(t)
				streams, numbers := streamsOf(t, cache), must(mixins.NewStreams[int](cache))
				_, err := streams.XAdd(t.Context(), "s", mixins.XAddOptions{ID: "1"}, map[string]string{"f": "no number"})
				require.NoError(t, err)
				_, err = numbers.XAdd(t.Context(), "s", mixins.XAddOptions{ID: "2"}, map[string]int{"f": 2})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				sum := 0
				err = numbers.Consume(ctx, "s", "g", "c", func(_ context.Context, e mixins.Delivered[int]) error {
					sum += e.Fields["f"]
					return nil
				}, mixins.ConsumeOptions{DeadLetter: "dead", MaxDeliveries: 2})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 2, sum)
				wantPending(t, streams)
				for dead, err := range numbers.DeadLetters(t.Context(), "dead") {
					require.ErrorIs(t, err, xcache.ErrCorrupt)
					require.Equal(t, "1-0", dead.Entry.ID)
				}
				for dead, err := range streams.DeadLetters(t.Context(), "dead") {
					require.NoError(t, err, "the bytes are those of the entry")
					require.Equal(t, map[string]string{"f": "no number"}, dead.Entry.Fields)
				}
				for _, err := range streams.DeadLetters(t.Context(), "s") {
					require.ErrorIs(t, err, xcache.ErrCorrupt)
				}
			})
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestConsumeHandlesSoManyAtATime(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 50)
		var mu sync.Mutex
		running, most := 0, 0
		c := consume(t, streams, "c", mixins.ConsumeOptions{Concurrency: 4}, func(context.Context, delivered) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		time.Sleep(time.Minute)
		c.stop()
		require.Len(t, c.handled(), 50)
		require.Equal(t, 4, most)
	})
}

func TestConsumeStops(t *testing.T) {
	for name, test := range map[string]struct {
		grace   time.Duration
		takes   time.Duration
		pending []string
	}{
		"handlers end in time":     {time.Minute, 10 * time.Second, []string{"3-0", "4-0", "5-0"}},
		"the grace period is over": {5 * time.Second, 5 * time.Second, []string{"1-0", "2-0", "3-0", "4-0", "5-0"}},
		"there is no grace period": {-1, 0, []string{"1-0", "2-0", "3-0", "4-0", "5-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
				addEntries(t, streams, 5)
				c := consume(t, streams, "c", mixins.ConsumeOptions{Concurrency: 2, Grace: test.grace, DeadLetter: "dead", MaxDeliveries: 1}, func(ctx context.Context, _ delivered) error {
					select {
					case <-time.After(10 * time.Second):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				synctest.Wait()
				began := time.Now()
				c.stop()
				require.Equal(t, test.takes, time.Since(began))
				require.Equal(t, []string{"1-0 1", "2-0 1"}, sorted(c.handled()))
				read, err := streams.XPendingRange(t.Context(), "s", "g", mixins.XPendingOptions{}, "-", "+", 100)
				require.NoError(t, err)
				require.Len(t, read, len(test.pending))
				wantPending(t, streams, test.pending...)
				n, err := streams.XLen(t.Context(), "dead")
				require.NoError(t, err)
				require.Zero(t, n, "a handler that was cut short is no failure")
			})
		})
	}
}

// Entries that wait for a handler at an orderly stop were not tried: no number of stops makes dead
// letters of them, and another consumer may have them at once.
func TestConsumeGivesBackWhatNoHandlerBegan(t *testing.T) {
	for name, test := range map[string]struct{ concurrency, begun int }{"one handler": {1, 1}, "three handlers": {3, 3}} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
				const entries, stops = 40, 4
				addEntries(t, streams, entries)
				options := mixins.ConsumeOptions{Concurrency: test.concurrency, MinIdle: time.Minute, DeadLetter: "dead", MaxDeliveries: stops + 2}
				for range stops {
					c := consume(t, streams, "c", options, func(ctx context.Context, _ delivered) error {
						<-ctx.Done()
						return ctx.Err()
					})
					synctest.Wait()
					require.Len(t, c.handled(), test.begun)
					c.stop()
				}
				pending, err := streams.XPendingRange(t.Context(), "s", "g", mixins.XPendingOptions{}, "-", "+", 100)
				require.NoError(t, err)
				for i, e := range pending {
					want := 0
					if i < test.begun {
						want = stops // the handler of each run began the entry, and was cut short
					}
					require.Equal(t, want, e.Deliveries, e.ID)
				}
				other := consume(t, streams, "other", options, nil)
				time.Sleep(21 * time.Second) // a third of MinIdle, in which each consumer claims
				synctest.Wait()
				require.Len(t, other.handled(), entries-test.begun, "what was not begun")
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Len(t, other.handled(), entries)
				other.stop()
				n, err := streams.XLen(t.Context(), "dead")
				require.NoError(t, err)
				require.Zero(t, n)
				wantPending(t, streams)
			})
		})
	}
}

// MinIdle counts from the failure of a handler, however long the handler ran.
func TestConsumeWaitsForMinIdleAfterAFailure(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 1)
		var failed time.Time
		c := consume(t, streams, "c", mixins.ConsumeOptions{MinIdle: time.Minute}, func(_ context.Context, e delivered) error {
			if e.Deliveries > 1 {
				return nil
			}
			time.Sleep(19 * time.Second) // less than the time between two signs of life
			failed = time.Now()
			return errors.New("not now")
		})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"1-0 1", "1-0 2"}, c.handled())
		c.mu.Lock()
		again := c.times[1]
		c.mu.Unlock()
		require.GreaterOrEqual(t, again.Sub(failed), time.Minute)
		c.stop()
	})
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// A finished entry is acknowledged even if the handler returns after the end of its
// context.
func TestConsumeAcknowledgesWhatIsDoneLate(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 1)
		c := consume(t, streams, "c", mixins.ConsumeOptions{Grace: time.Second}, func(context.Context, delivered) error {
			time.Sleep(time.Hour)
			return nil
		})
		synctest.Wait()
		c.stop()
		wantPending(t, streams)
	})
}

func TestConsumeMakesAGroupAgain(t *testing.T) {
	inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
		addEntries(t, streams, 2)
		c := consume(t, streams, "c", mixins.ConsumeOptions{Start: "$"}, nil)
		synctest.Wait()
		addEntries(t, streams, 1)
		synctest.Wait()
		_, err := streams.XGroupDestroy(t.Context(), "s", "g")
		require.NoError(t, err)
		addEntries(t, streams, 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"3-0 1", "4-0 1"}, c.handled())
		require.Contains(t, c.heard(), "group made again")
		c.stop()
	})
}

func TestConsumeEndsWithItsCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		c := consume(t, streamsOf(t, cache), "c", mixins.ConsumeOptions{}, nil)
		synctest.Wait()
		require.NoError(t, cache.Close())
		require.ErrorIs(t, <-c.done, xcache.ErrClosed)
		c.cancel()
	})
}

func TestConsumeRefusesWhatCannotBe(t *testing.T) {
	cache := openTest(t, "memory://")
	streams := streamsOf(t, cache)
	require.NoError(t, xcache.For[string](cache).Set(t.Context(), "text", "v"))
	handle := func(context.Context, delivered) error { return nil }
	for name, test := range map[string]struct {
		key, group, consumer string
		options              mixins.ConsumeOptions
		want                 error
	}{
		"no key":                {"", "g", "c", mixins.ConsumeOptions{}, xcache.ErrInvalidKey},
		"no group":              {"s", "", "c", mixins.ConsumeOptions{}, xcache.ErrSyntax},
		"no consumer":           {"s", "g", "", mixins.ConsumeOptions{}, xcache.ErrSyntax},
		"negative":              {"s", "g", "c", mixins.ConsumeOptions{Concurrency: -1}, xcache.ErrSyntax},
		"nowhere to go":         {"s", "g", "c", mixins.ConsumeOptions{MaxDeliveries: 3}, xcache.ErrSyntax},
		"its own dead letters":  {"s", "g", "c", mixins.ConsumeOptions{DeadLetter: "s"}, xcache.ErrSyntax},
		"another type":          {"text", "g", "c", mixins.ConsumeOptions{}, xcache.ErrWrongType},
		"a start that is no ID": {"s", "g", "c", mixins.ConsumeOptions{Start: "word"}, xcache.ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, streams.Consume(t.Context(), test.key, test.group, test.consumer, handle, test.options), test.want)
		})
	}
	require.ErrorIs(t, streams.Consume(t.Context(), "s", "g", "c", nil, mixins.ConsumeOptions{}), xcache.ErrSyntax)
}

// A dead-letter stream that cannot take an entry holds up no other entry.
func TestConsumeGoesOnWhenTheDeadLetterIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://?max_bytes=4KiB")
		streams := streamsOf(t, c)
		addEntries(t, streams, 2)
		options := mixins.ConsumeOptions{MinIdle: time.Minute, DeadLetter: "dead", MaxDeliveries: 1}
		consumer := consume(t, streams, "c", options, func(_ context.Context, e delivered) error {
			if e.ID == "1-0" {
				return errors.New(strings.Repeat("long ", 1000))
			}
			return nil
		})
		time.Sleep(time.Second)
		require.Equal(t, []string{"1-0 1", "2-0 1"}, consumer.handled())
		require.NotContains(t, consumer.heard(), string(mixins.CallsFailing))
		length, err := streams.XLen(t.Context(), "dead")
		require.NoError(t, err)
		require.Zero(t, length)
		consumer.mu.Lock()
		require.ErrorIs(t, consumer.events[len(consumer.events)-1].Err, xcache.ErrTooLarge)
		consumer.mu.Unlock()
		consumer.stop()
	})
}
