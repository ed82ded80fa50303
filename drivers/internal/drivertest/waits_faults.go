package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/mixins"
)

// WaitFaults tests callers who wait, on one server under faults. A caller goes on if
// certainly no element was taken, and is told of an unknown outcome otherwise. A caller
// leaves a frozen server when the context ends, takes no connection from other calls, and
// ends with the cache. The test fails if a caller does otherwise.
func (s *Subject) WaitFaults(t *testing.T) {
	server := s.StartServer(t)
	open := func(t *testing.T, query string) *xcache.Cache {
		t.Helper()
		return s.OpenCache(t, s.Scheme+"://"+server.Addr+"?"+query)
	}
	t.Run("killed while it waits", func(t *testing.T) { killedWhileItWaits(t, open(t, longQuery), server) })
	t.Run("killed with the element on its way", func(t *testing.T) { killedWithTheElement(t, open(t, longQuery), server) })
	t.Run("read-only for a while", func(t *testing.T) { readOnlyForAWhile(t, open(t, longQuery), server) })
	t.Run("bound", func(t *testing.T) {
		waitsAreBounded(t, open(t, "exclusive_size=4&pool_size=1&op_timeout=6s&dial_timeout=6s"), server)
	})
	t.Run("closed", func(t *testing.T) {
		cache, err := xcache.OpenDSN(s.Scheme + "://" + server.Addr + "?" + longQuery)
		if err != nil {
			t.Fatal(err)
		}
		waiting := startPop(t.Context(), cache, 0, "none")
		awaitBlocked(t, 1, server)
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		WantErr(t, (<-waiting).err, driver.NotApplied, xcache.ErrClosed)
		s.AwaitNoGoroutines(t)
	})
	t.Run("frozen", func(t *testing.T) { leavesAFrozenServer(t, open(t, longQuery), server) })
	t.Run("down for a while", func(t *testing.T) {
		cache := open(t, longQuery)
		server.Kill(t)
		waiting := startPop(t.Context(), cache, 0, "k")
		stopwatch.Rest(50 * time.Millisecond)
		server.Start(t)
		server.Do(t, "RPUSH", fullKey("k"), `"element"`)
		wantPopped(t, waiting, "element")
	})
}

// fullKey returns the key on the server for a key of the tests' caches.
func fullKey(key string) string { return ":1:" + key }

// A popResult is the result of a caller who has waited.
type popResult struct {
	element string
	err     error
}

// startPop waits for an element of lists in a goroutine of its own.
func startPop(ctx context.Context, cache *xcache.Cache, timeout time.Duration, keys ...string) <-chan popResult {
	result := make(chan popResult, 1)
	go func() {
		lists, err := mixins.NewLists[string](cache)
		if err != nil {
			result <- popResult{err: err}
			return
		}
		popped, err := lists.BLPop(ctx, timeout, keys...)
		result <- popResult{popped.Element, err}
	}()
	return result
}

func wantPopped(t *testing.T, waiting <-chan popResult, want string) {
	t.Helper()
	select {
	case got := <-waiting:
		if got.element != want || got.err != nil {
			t.Errorf("BLPOP returned %q, %v; want %q", got.element, got.err, want)
		}
	case <-time.After(waitTimeout):
		t.Errorf("BLPOP does not return, want %q", want)
	}
}

// awaitBlocked waits until so many clients in all wait at servers.
func awaitBlocked(t *testing.T, count int, servers ...*servertest.Server) {
	t.Helper()
	blocked := func() (n int) {
		for _, server := range servers {
			n += counted(t, server, "clients", "\nblocked_clients:")
		}
		return n
	}
	Eventually(t, func() bool { return blocked() == count }, func() string { return fmt.Sprintf("%d clients wait, want %d", blocked(), count) })
}

// killedWhileItWaits kills connections with no element on its way. The driver cannot know that
// for a command that takes elements, so the outcome is unknown. A command that only reads goes
// on.
func killedWhileItWaits(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	popping := startPop(t.Context(), cache, 0, "k")
	awaitBlocked(t, 1, server)
	reading := make(chan error, 1)
	go func() {
		_, err := readStream(t.Context(), cache, "stream")
		reading <- err
	}()
	awaitBlocked(t, 2, server)
	for range 3 {
		server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	}
	got := <-popping
	WantErr(t, got.err, driver.Unknown, xcache.ErrUnavailable)
	awaitBlocked(t, 1, server)
	server.Do(t, "XADD", fullKey("stream"), "*", "f", "v")
	if err := <-reading; err != nil {
		t.Errorf("XREAD, which changes nothing: %v", err)
	}
}

// readStream waits for an entry of a stream.
func readStream(ctx context.Context, cache *xcache.Cache, key string) (int, error) {
	op := xcache.NewKeylessOp(cache, "xread", "XREAD").Word("BLOCK").WaitMilliseconds(0).Word("STREAMS").Key(key).Word("$")
	return xcache.Run(ctx, op, func(o *xcache.Op) (int, error) { return len(o.Reply().Items), nil })
}

// killedWithTheElement kills the connection of a caller in the same moment in which the server
// serves the caller. The element is gone, and the connection ends as if nothing had been taken.
func killedWithTheElement(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	lost := 0
	for range 5 {
		waiting := startPop(t.Context(), cache, 0, "taken")
		awaitBlocked(t, 1, server)
		conn := server.Dial(t)
		if _, err := conn.Pipeline([]string{"RPUSH", fullKey("taken"), `"element"`}, []string{"CLIENT", "KILL", "TYPE", "normal"}); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
		left := server.Do(t, "DEL", fullKey("taken"))
		switch got := <-waiting; {
		case got.err == nil: // the kill came between two slices
		case left == int64(1):
			WantErr(t, got.err, driver.Unknown, xcache.ErrUnavailable)
		default:
			lost++
			WantErr(t, got.err, driver.Unknown, xcache.ErrUnavailable)
		}
	}
	if lost == 0 {
		t.Error("no element was on its way")
	}
}

// readOnlyForAWhile makes the server a replica. A caller who waits there is told READONLY,
// goes on, and takes an element when the server is a primary again.
func readOnlyForAWhile(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	waiting := startPop(t.Context(), cache, 0, "k")
	awaitBlocked(t, 1, server)
	before := errorReplies(t, server, "READONLY")
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	Eventually(t, func() bool { return errorReplies(t, server, "READONLY") > before+1 }, func() string { return "the command is not sent again" })
	server.Do(t, "REPLICAOF", "NO", "ONE")
	server.Do(t, "RPUSH", fullKey("k"), `"element"`)
	wantPopped(t, waiting, "element")
}

// waitsAreBounded starts as many waiting callers as exclusive_size allows, which is 4. One more
// caller waits for a place as long as the op_timeout of 6 s, and so does a subscriber. Other calls wait for nobody.
func waitsAreBounded(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	view := xcache.For[string](cache)
	first, leave := context.WithCancel(t.Context())
	defer leave()
	callers := []<-chan popResult{startPop(first, cache, 0, "k")}
	for range 3 {
		callers = append(callers, startPop(t.Context(), cache, 0, "k"))
	}
	awaitBlocked(t, 4, server)
	got := <-startPop(t.Context(), cache, 0, "k")
	WantErr(t, got.err, driver.NotApplied, xcache.ErrUnavailable)
	if got.err != nil && !strings.Contains(got.err.Error(), "exclusive_size") {
		t.Errorf("%v does not name exclusive_size", got.err)
	}
	err := cache.Subscribe(t.Context(), driver.Channels, []string{"channel"}, func(context.Context, *xcache.Delivery) {})
	WantErr(t, err, driver.NotApplied, xcache.ErrUnavailable)
	if errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "exclusive_size") {
		t.Errorf("a subscriber without a deadline got %v", err)
	}
	for range 20 {
		put(t, view, "other", "v")
	}
	next := startPop(t.Context(), cache, 0, "k")
	leave()
	if got := <-callers[0]; !errors.Is(got.err, context.Canceled) {
		t.Errorf("a caller that has left got %v", got.err)
	}
	callers[0] = next
	awaitBlocked(t, 4, server)
	for i := range callers {
		server.Do(t, "RPUSH", fullKey("k"), strconv.Quote(strconv.Itoa(i)))
	}
	elements := map[string]bool{}
	for _, caller := range callers {
		got := <-caller
		if got.err != nil {
			t.Error(got.err)
		}
		elements[got.element] = true
	}
	if len(elements) != len(callers) {
		t.Errorf("%d callers have got %v", len(callers), elements)
	}
}

// leavesAFrozenServer measures how late a caller leaves a frozen server. The caller may be no
// later than some slices of waiting at a healthy server.
func leavesAFrozenServer(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	const slice = 100 * time.Millisecond
	var longest time.Duration
	for range 3 {
		watch := stopwatch.Start()
		if got := <-startPop(t.Context(), cache, slice, "none"); !errors.Is(got.err, xcache.ErrNotFound) {
			t.Errorf("BLPOP of nothing: %v", got.err)
		}
		longest = max(longest, watch.Stop())
	}
	for name, ended := range map[string]error{"cancel": context.Canceled, "deadline": context.DeadlineExceeded} {
		ctx, cancel := context.WithCancel(t.Context())
		if name == "deadline" {
			ctx, cancel = context.WithTimeout(t.Context(), 6*time.Second) // the server is frozen by then, on a busy machine too
		}
		waiting := startPop(ctx, cache, 0, "none")
		awaitBlocked(t, 1, server)
		server.Freeze(t)
		if name == "cancel" {
			stopwatch.Rest(slice)
			cancel()
		}
		<-ctx.Done()
		watch := stopwatch.Start()
		got := <-waiting
		late := watch.Stop()
		server.Thaw(t)
		cancel()
		WantErr(t, got.err, driver.Unknown, ended)
		if late > 4*longest {
			t.Errorf("%s: a caller has left a frozen server %v after the end of the context; a slice takes %v", name, late, longest)
		}
	}
}

// A crew waits for elements of one list, again and again.
type crew struct {
	lists   *mixins.Lists[string]
	key     string
	leave   context.CancelFunc
	working sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	taken map[string]int
	errs  []error
}

// startCrew starts callers that wait.
func startCrew(t *testing.T, cache *xcache.Cache, key string, callers int) *crew {
	t.Helper()
	lists, err := mixins.NewLists[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithTimeout(t.Context(), 2*time.Minute)
	c := &crew{lists: lists, key: key, leave: leave, taken: make(map[string]int)}
	for range callers {
		c.working.Go(func() {
			for ctx.Err() == nil {
				popped, err := lists.BLPop(ctx, 0, key)
				c.mu.Lock()
				switch {
				case err == nil:
					c.taken[popped.Element]++
				case ctx.Err() == nil:
					c.errs = append(c.errs, err)
				}
				c.mu.Unlock()
			}
		})
	}
	return c
}

// wantAll pushes elements until so many are acknowledged. All acknowledged elements must reach
// a caller.
func (c *crew) wantAll(t *testing.T, name string, elements int) {
	t.Helper()
	want := make(map[string]bool)
	for i := 0; len(want) < elements && i < 2*elements; i++ {
		element := fmt.Sprint(name, i)
		switch _, err := c.lists.RPush(t.Context(), c.key, element); {
		case err == nil:
			want[element] = true
		case errors.Is(err, xcache.ErrUnknownOutcome): // the loss is not known yet
			t.Logf("RPUSH %s: %v", element, err)
		default:
			t.Errorf("RPUSH %s: %v", element, err)
		}
	}
	if len(want) < elements {
		t.Errorf("%d of %d elements were acknowledged", len(want), elements)
	}
	missing := func() (missing []string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for element := range want {
			if c.taken[element] == 0 {
				missing = append(missing, element)
			}
		}
		return missing
	}
	Eventually(t, func() bool { return len(missing()) == 0 }, func() string { return fmt.Sprintf("of %s, %v have reached nobody", name, missing()) })
}

// end makes the callers leave. The test fails if an element came twice, or if a caller was told
// of a passing failure that has changed nothing. end returns the number of failures that
// callers were told of.
func (c *crew) end(t *testing.T) int {
	t.Helper()
	c.leave()
	c.working.Wait()
	for element, n := range c.taken {
		if n != 1 {
			t.Errorf("element %s has come %d times", element, n)
		}
	}
	for _, err := range c.errs {
		WantErr(t, err, driver.Unknown, xcache.ErrUnavailable)
	}
	t.Logf("%d callers were told that an outcome is unknown", len(c.errs))
	return len(c.errs)
}
