package pending_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/pending"
)

var (
	errAway    = errors.New("the server is away")
	errRefused = errors.New("not allowed")
)

// A server is what deletions are repeated at.
type server struct {
	mu       sync.Mutex
	failure  error // of all keys
	refused  map[string]bool
	attempts [][]string
	events   []string
	during   func() // is called in each attempt
}

func newDeletions(t *testing.T, s *server) *pending.Deletions {
	note := func(event string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, event)
	}
	d := pending.New(pending.Config{
		Delete:    s.delete,
		Repeats:   func(err error) bool { return errors.Is(err, errAway) },
		Timeout:   time.Second,
		Kept:      func(cause error) { note("kept: " + cause.Error()) },
		Delivered: func() { note("delivered") },
		Dropped:   func(cause error) { note("dropped: " + cause.Error()) },
	})
	t.Cleanup(func() { d.Close(t.Context()) })
	return d
}

func (s *server) delete(ctx context.Context, keys []string) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, keys)
	if s.during != nil {
		s.during()
	}
	errs := make([]error, len(keys))
	for i, key := range keys {
		switch {
		case ctx.Err() != nil:
			errs[i] = errAway
		case s.refused[key]:
			errs[i] = errRefused
		default:
			errs[i] = s.failure
		}
	}
	return errs
}

// seen returns the attempts and the events so far.
func (s *server) seen() (attempts [][]string, events []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attempts), slices.Clone(s.events)
}

func (s *server) recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
}

func TestDeletionsAreRepeatedUntilTheySucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{failure: errAway}
		d := newDeletions(t, s)
		require.True(t, d.Keep([]string{"a", "b"}, errAway))
		require.True(t, d.Keep([]string{"b"}, errAway))
		require.Equal(t, 2, d.Len(), "each key waits once")
		time.Sleep(10 * time.Second)
		// The times between attempts are up to 50, 100, 200, 400, 800 and then 1000 ms, and half of that at least.
		attempts, _ := s.seen()
		require.GreaterOrEqual(t, len(attempts), 5+9)
		require.LessOrEqual(t, len(attempts), 6+19)
		s.recover()
		time.Sleep(time.Second)
		require.Zero(t, d.Len())
		attempts, events := s.seen()
		require.Equal(t, []string{"kept: the server is away", "delivered"}, events)
		time.Sleep(time.Minute)
		again, _ := s.seen()
		require.Len(t, again, len(attempts), "nothing is left to do")

		require.True(t, d.Keep([]string{"c"}, errAway), "the goroutine begins again")
		time.Sleep(time.Second)
		require.Zero(t, d.Len())
	})
}

func TestDeletionsThatAreRefusedAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{failure: errAway, refused: map[string]bool{"a": true}}
		d := newDeletions(t, s)
		require.True(t, d.Keep([]string{"a", "b"}, errAway))
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, 1, d.Len())
		_, events := s.seen()
		require.Equal(t, []string{"kept: the server is away", "dropped: not allowed"}, events)
	})
}

func TestDeletionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{failure: errAway}
		d := newDeletions(t, s)
		keys := make([]string, pending.Max)
		for i := range keys {
			keys[i] = fmt.Sprint(i)
		}
		require.True(t, d.Keep(keys, errAway))
		require.True(t, d.Keep(keys[:1], errAway), "waits already")
		require.False(t, d.Keep([]string{"0", "one more"}, errAway), "all, or none")
		require.Equal(t, pending.Max, d.Len())
		time.Sleep(100 * time.Millisecond)
		attempts, _ := s.seen()
		require.NotEmpty(t, attempts)
		for _, keys := range attempts {
			require.LessOrEqual(t, len(keys), 1000)
		}
		s.recover()
		time.Sleep(time.Minute)
		require.Zero(t, d.Len())
	})
}

func TestANewerWriteTakesThePlaceOfADeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{failure: errAway}
		d := newDeletions(t, s)
		require.True(t, d.Keep([]string{"a"}, errAway))
		d.Supersede("a", d.Failures())
		d.Supersede("nobody", d.Failures())
		require.Zero(t, d.Len())
		time.Sleep(time.Second)
		attempts, _ := s.seen()
		require.Empty(t, attempts)

		s.recover()
		s.during = sync.OnceFunc(func() { d.Keep([]string{"b"}, errAway) })
		require.True(t, d.Keep([]string{"b"}, errAway))
		time.Sleep(time.Second)
		attempts, _ = s.seen()
		require.Len(t, attempts, 2, "a failure during the attempt makes another one")
		require.Zero(t, d.Len())
	})
}

func TestCloseTriesOnceMore(t *testing.T) {
	for name, test := range map[string]struct {
		failure error
		left    int
	}{"a server that is back": {nil, 0}, "a server that is away": {errAway, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{failure: test.failure}
				d := newDeletions(t, s)
				require.True(t, d.Keep([]string{"a", "b"}, errAway))
				require.Equal(t, test.left, d.Close(t.Context()))
				attempts, _ := s.seen()
				require.Len(t, attempts, 1)
				require.False(t, d.Keep([]string{"c"}, errAway), "after Close")
			})
		})
	}
}
