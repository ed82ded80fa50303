package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

// Streams tests calls that wait for entries of streams, and consumers, on one server and in
// a cluster. The test fails if a waiting call misses an entry, if an entry of a group is
// lost, or if a caller does not leave when the context ends.
func (s *Subject) Streams(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (dsn string, servers []*servertest.Server){
		"server": func(t *testing.T) (string, []*servertest.Server) {
			server := s.Standalone(t)
			return withLongTimeouts(s.Scheme + "://" + server.Addr), []*servertest.Server{server}
		},
		"cluster": func(t *testing.T) (string, []*servertest.Server) {
			servers := s.Cluster(t)
			return withLongTimeouts(s.clusterDSN(servers, "")), servers.Nodes
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, servers := begin(t)
			t.Run("XREAD waits", func(t *testing.T) { readsWait(t, s.Open(t, dsn), servers) })
			t.Run("XREADGROUP waits", func(t *testing.T) { groupReadsWait(t, s.Open(t, dsn), servers) })
			t.Run("following misses nothing", func(t *testing.T) { followsAll(t, s.Open(t, dsn), servers) })
			t.Run("callers who leave lose nothing", func(t *testing.T) { groupLosesNothing(t, s.Open(t, dsn)) })
			t.Run("consumers come and go", func(t *testing.T) { consumersComeAndGo(t, s.Open(t, dsn), servers) })
		})
	}
}

func streamsOf(t testing.TB, store driver.Store) *mixins.Streams[string] {
	t.Helper()
	c, err := xcache.New(store, xcache.WithOpTimeout(longTimeout))
	if err != nil {
		t.Fatal(err)
	}
	streams, err := mixins.NewStreams[string](c)
	if err != nil {
		t.Fatal(err)
	}
	return streams
}

func addEntry(t testing.TB, streams *mixins.Streams[string], key, value string) string {
	t.Helper()
	id, err := streams.XAdd(t.Context(), key, mixins.XAddOptions{}, map[string]string{"f": value})
	if err != nil {
		t.Error(err)
	}
	return id
}

// An arrival has the results of a call that waits for entries.
type arrival struct {
	entries map[string][]mixins.StreamEntry[string]
	err     error
}

// arrives begins a call that waits.
func arrives(call func() (map[string][]mixins.StreamEntry[string], error)) <-chan arrival {
	result := make(chan arrival, 1)
	go func() {
		entries, err := call()
		result <- arrival{entries, err}
	}()
	return result
}

func readsWait(t *testing.T, store driver.Store, servers []*servertest.Server) {
	streams, key := streamsOf(t, store), Key(t, "s")
	read := func(ctx context.Context, id string, block time.Duration) func() (map[string][]mixins.StreamEntry[string], error) {
		return func() (map[string][]mixins.StreamEntry[string], error) {
			return streams.XRead(ctx, mixins.XReadOptions{Block: block}, mixins.Behind(key, id))
		}
	}
	wakes(t, streams, servers, key, read(t.Context(), "$", mixins.Forever))
	addEntry(t, streams, key, "more")
	wakes(t, streams, servers, key, read(t.Context(), "$", time.Hour))
	entries, err := read(t.Context(), "$", 150*time.Millisecond)()
	if err != nil || len(entries) != 0 {
		t.Errorf("without an entry within its time XREAD returns %v, %v", entries, err)
	}
	leaves(t, func(ctx context.Context) error {
		_, err := read(ctx, "$", mixins.Forever)()
		return err
	})
	if _, err := streams.XRead(t.Context(), mixins.XReadOptions{Block: time.Second}, mixins.Behind("{a}"+key, "$"), mixins.Behind("{b}"+key, "$")); strings.HasPrefix(t.Name(), "TestStreams/cluster") {
		WantErr(t, err, driver.NotApplied, driver.ErrCrossSlot)
	}
}

func groupReadsWait(t *testing.T, store driver.Store, servers []*servertest.Server) {
	streams, key := streamsOf(t, store), Key(t, "s")
	read := func(ctx context.Context, block time.Duration) func() (map[string][]mixins.StreamEntry[string], error) {
		return func() (map[string][]mixins.StreamEntry[string], error) {
			return streams.XReadGroup(ctx, "g", "c", mixins.XReadGroupOptions{Block: block}, mixins.Behind(key, ">"))
		}
	}
	if _, err := read(t.Context(), mixins.Forever)(); !errors.Is(err, xcache.ErrNotFound) {
		t.Errorf("without a group XREADGROUP returns %v", err)
	}
	if err := streams.XGroupCreate(t.Context(), key, "g", "0", mixins.XGroupCreateOptions{MkStream: true}); err != nil {
		t.Fatal(err)
	}
	wakes(t, streams, servers, key, read(t.Context(), mixins.Forever))
	entries, err := read(t.Context(), 150*time.Millisecond)()
	if err != nil || len(entries) != 0 {
		t.Errorf("without an entry within its time XREADGROUP returns %v, %v", entries, err)
	}
	leaves(t, func(ctx context.Context) error {
		_, err := read(ctx, mixins.Forever)()
		return err
	})
	gone := arrives(read(t.Context(), mixins.Forever))
	time.Sleep(150 * time.Millisecond)
	if _, err := streams.XGroupDestroy(t.Context(), key, "g"); err != nil {
		t.Error(err)
	}
	if got := <-gone; !errors.Is(got.err, xcache.ErrNotFound) {
		t.Errorf("a caller who waits, and whose group is removed: %v", got.err)
	}
}

// wakes starts a call that waits. An entry must wake the call, and nothing else may wake the
// call. The entry is added when the call waits at one of servers.
func wakes(t *testing.T, streams *mixins.Streams[string], servers []*servertest.Server, key string, call func() (map[string][]mixins.StreamEntry[string], error)) {
	t.Helper()
	awaitBlocked(t, 0, servers...) // calls of earlier tests have ended
	result := arrives(call)
	awaitBlocked(t, 1, servers...)
	select {
	case got := <-result:
		t.Fatalf("it returned %v, %v without an entry", got.entries, got.err)
	case <-time.After(350 * time.Millisecond): // some slices
	}
	id := addEntry(t, streams, key, "woken")
	got := <-result
	if entries := got.entries[key]; got.err != nil || len(entries) != 1 || entries[0].ID != id || entries[0].Fields["f"] != "woken" {
		t.Errorf("it returned %v, %v; want %s", got.entries, got.err, id)
	}
}

// leaves makes waiting callers leave, by a cancelled context and by a deadline. The call must
// return the error of the context.
func leaves(t *testing.T, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := call(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose deadline came: %v", err)
	}
}

// followsAll adds entries one by one, while slices begin and end. Follow must yield all
// entries in order.
func followsAll(t *testing.T, store driver.Store, servers []*servertest.Server) {
	const entries = 300
	streams, key := streamsOf(t, store), Key(t, "s")
	addEntry(t, streams, key, "before")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var seen atomic.Int64
	var wrong []string
	ended := make(chan error, 1)
	awaitBlocked(t, 0, servers...) // calls of earlier tests have ended
	go func() {
		next := 0
		for e, err := range streams.Follow(ctx, key, "$") {
			if err != nil {
				ended <- err
				return
			}
			if e.Fields["f"] != fmt.Sprint(next) {
				wrong = append(wrong, fmt.Sprintf("%s where %d was due", e.Fields["f"], next))
			}
			next++
			if seen.Add(1) == entries {
				ended <- nil
				return
			}
		}
	}()
	awaitBlocked(t, 1, servers...) // the loop knows the end of the stream
	for i := range entries {
		addEntry(t, streams, key, fmt.Sprint(i))
		if i%3 == 0 {
			time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond)
		}
		if i == 0 {
			time.Sleep(250 * time.Millisecond)
		}
	}
	if err := <-ended; err != nil || len(wrong) > 0 {
		t.Errorf("of %d entries %d came, and %v; %v", entries, seen.Load(), err, wrong)
	}
}

// groupLosesNothing starts callers that wait and leave at any time. An entry that was
// delivered, and was not returned, must be pending.
func groupLosesNothing(t *testing.T, store driver.Store) {
	const entries, callers = 1000, 4
	streams, key := streamsOf(t, store), Key(t, "s")
	if err := streams.XGroupCreate(t.Context(), key, "g", "0", mixins.XGroupCreateOptions{MkStream: true}); err != nil {
		t.Fatal(err)
	}
	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var mu sync.Mutex
	returned := make(map[string]int)
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for working.Err() == nil {
				ctx, cancel := context.WithTimeout(working, time.Duration(rand.IntN(5000))*time.Microsecond)
				got, err := streams.XReadGroup(ctx, "g", fmt.Sprint(i), mixins.XReadGroupOptions{Count: 5, Block: 20 * time.Millisecond}, mixins.Behind(key, ">"))
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
					t.Errorf("XReadGroup: %v", err)
				}
				mu.Lock()
				for _, e := range got[key] {
					returned[e.ID]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range entries {
		addEntry(t, streams, key, fmt.Sprint(i))
	}
	for working.Err() == nil { // until the group has read all
		groups, err := streams.XInfoStream(t.Context(), key)
		infos, infoErr := streams.XInfoGroups(t.Context(), key)
		if err != nil || infoErr != nil || len(infos) == 1 && infos[0].LastDeliveredID == groups.LastGeneratedID {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	running.Wait()
	for id, n := range returned {
		if n != 1 {
			t.Errorf("%s was returned %d times", id, n)
		}
	}
	summary, err := streams.XPending(t.Context(), key, "g")
	if err != nil || summary.Count != entries {
		t.Errorf("of %d entries %d are pending: %v", entries, summary.Count, err)
	}
	t.Logf("of %d entries %d were returned, the others are pending", entries, len(returned))
}

// consumersComeAndGo starts 3 consumers for 5 000 entries. Meanwhile each consumer ends and
// begins again, and connections are killed. Each entry must be handled once at least, and in
// the end no entry may be pending.
func consumersComeAndGo(t *testing.T, store driver.Store, servers []*servertest.Server) {
	const entries, consumers = 5000, 3
	streams, key := streamsOf(t, store), Key(t, "s")
	working, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var mu sync.Mutex
	handled := make(map[string]int)
	outages := 0
	options := mixins.ConsumeOptions{
		Concurrency: 4, MinIdle: time.Second, Grace: time.Second,
		Observe: func(e mixins.ConsumeEvent) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == mixins.CallsFailing {
				outages++
			}
			if e.Kind == mixins.EntryGone || e.Kind == mixins.GroupMadeAgain {
				t.Errorf("%s %s", e.Kind, e.ID)
			}
		},
	}
	handle := func(_ context.Context, e mixins.Delivered[string]) error {
		if rand.IntN(500) == 0 {
			return errors.New("not this time")
		}
		mu.Lock()
		defer mu.Unlock()
		handled[e.Fields["f"]]++
		return nil
	}
	var running sync.WaitGroup
	for i := range consumers {
		running.Go(func() {
			for working.Err() == nil {
				ctx, cancel := context.WithTimeout(working, time.Duration(200+rand.IntN(800))*time.Millisecond)
				if err := streams.Consume(ctx, key, "g", fmt.Sprint(i), handle, options); !errors.Is(err, ctx.Err()) {
					t.Errorf("Consume: %v", err)
				}
				cancel()
			}
		})
	}
	added := make(chan struct{})
	running.Go(func() {
		defer close(added)
		for i := 0; i < entries && working.Err() == nil; {
			// If the connection is lost, nobody knows whether the entry was added. Then the entry is added
			// again.
			if _, err := streams.XAdd(working, key, mixins.XAddOptions{}, map[string]string{"f": fmt.Sprint(i)}); err == nil {
				i++
			}
		}
	})
	running.Go(func() {
		for range 5 {
			time.Sleep(300 * time.Millisecond)
			for _, server := range servers {
				server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			}
		}
		<-added
		for working.Err() == nil {
			mu.Lock()
			done := len(handled)
			mu.Unlock()
			summary, err := streams.XPending(working, key, "g")
			infos, infoErr := streams.XInfoGroups(working, key)
			if done == entries && err == nil && infoErr == nil && summary.Count == 0 && len(infos) == 1 && (infos[0].Lag == 0 || infos[0].Lag == mixins.NotKnown) {
				stop()
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	running.Wait()
	if len(handled) != entries {
		t.Errorf("of %d entries %d were handled", entries, len(handled))
	}
	summary, err := streams.XPending(t.Context(), key, "g")
	if err != nil || summary.Count != 0 {
		t.Errorf("%d entries are pending in the end: %v", summary.Count, err)
	}
	twice := 0
	for _, n := range handled {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d of %d entries were handled more than once; %d outages", twice, entries, outages)
}
