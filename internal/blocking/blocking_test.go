package blocking_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/blocking"
)

// replyTimeout is how long a reply may be late in these tests.
const replyTimeout = time.Second

// A server is what sessions of a test are at.
type server struct {
	// refuse is why there is no session; nil if there is.
	refuse func() error
	// answer is what becomes of one slice, which may end the session; reply is nil when the
	// slice is over.
	answer   func(ctx context.Context, s *session, slice time.Duration) (driver.Reply, error)
	sessions int
	slices   int
}

func (s *server) Exclusive(ctx context.Context, _ ...string) (driver.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, driver.Fail(err, driver.NotApplied, nil)
	}
	if s.refuse != nil {
		if err := s.refuse(); err != nil {
			return nil, err
		}
	}
	s.sessions++
	return &session{server: s}, nil
}

type session struct {
	driver.Session
	server *server
	slice  time.Duration
	ended  error
}

func (s *session) Send(_ context.Context, cmds []*driver.Cmd) error {
	if s.ended != nil {
		return s.ended
	}
	s.slice, _ = cmds[0].Args[1].Wait()
	return nil
}

func (s *session) Receive(ctx context.Context) (driver.Incoming, error) {
	s.server.slices++
	if s.server.answer == nil {
		time.Sleep(s.slice)
		return driver.Incoming{}, nil
	}
	reply, err := s.server.answer(ctx, s, s.slice)
	return driver.Incoming{Reply: reply}, err
}

func (s *session) Err() error   { return s.ended }
func (s *session) Close() error { return nil }

// end ends the session with an error that says what is known of the command.
func (s *session) end(outcome driver.Outcome) error {
	s.ended = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("lost")).Retryable()
	return driver.Fail(driver.ErrUnavailable, outcome, errors.New("lost")).Retryable()
}

// silent never answers.
func silent(ctx context.Context, _ *session, _ time.Duration) (driver.Reply, error) {
	<-ctx.Done()
	return driver.Reply{}, driver.Fail(ctx.Err(), driver.Unknown, nil)
}

// wait runs a command that waits, and returns how long that took.
func wait(ctx context.Context, s *server, name string, timeout time.Duration) (cmd *driver.Cmd, took time.Duration, err error) {
	cmd = driver.NewCmd(name, driver.Key("k"), driver.WaitSeconds(timeout))
	start := time.Now()
	err = blocking.Do(ctx, s, cmd, replyTimeout)
	if err == nil {
		err = cmd.Err
	}
	return cmd, time.Since(start), err
}

var element = driver.DataReply([]byte("element"))

func TestACallWaitsInSlicesOfOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(server)
		cmd, took, err := wait(t.Context(), s, "BLPOP", 1050*time.Millisecond)
		require.NoError(t, err)
		require.True(t, cmd.Reply.IsNil())
		require.Equal(t, 1050*time.Millisecond, took)
		require.Equal(t, 11, s.slices)
		require.Equal(t, 1, s.sessions)
		d, _ := cmd.Args[1].Wait()
		require.Equal(t, 1050*time.Millisecond, d, "the argument is as it was")
	})
}

func TestWhatIsOnItsWayReachesACallerWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		s := &server{answer: func(context.Context, *session, time.Duration) (driver.Reply, error) {
			time.Sleep(90 * time.Millisecond) // beyond the end of ctx
			return element, nil
		}}
		cmd, _, err := wait(ctx, s, "BLPOP", 0)
		require.NoError(t, err)
		require.Equal(t, element, cmd.Reply)
	})
}

func TestAServerThatNeverAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		command string
		ended   bool // the context does
		want    error
		within  time.Duration
		unknown bool
	}{
		"caller leaves":     {"BLPOP", true, context.DeadlineExceeded, 750 * time.Millisecond, true},
		"caller stays":      {"BLPOP", false, driver.ErrUnavailable, 100*time.Millisecond + replyTimeout, true},
		"reader leaves":     {"XREAD", true, context.DeadlineExceeded, 750 * time.Millisecond, false},
		"reader also stays": {"XREAD", false, driver.ErrUnavailable, 100*time.Millisecond + replyTimeout, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.ended {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
					defer cancel()
				}
				_, took, err := wait(ctx, &server{answer: silent}, tt.command, 0)
				require.ErrorIs(t, err, tt.want)
				require.Equal(t, tt.unknown, errors.Is(err, driver.ErrUnknownOutcome))
				require.LessOrEqual(t, took, tt.within)
			})
		})
	}
}

func TestWhatChangedNothingIsTriedAgain(t *testing.T) {
	unready := driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("LOADING")).Retryable()
	for name, tt := range map[string]struct {
		server   func() *server
		sessions int
	}{
		"there is no server for a while": {func() *server {
			tries := 0
			return &server{refuse: func() error {
				if tries++; tries < 20 {
					return unready
				}
				return nil
			}, answer: give}
		}, 1},
		"a session that ends before anything was sent": {func() *server {
			return &server{answer: func(_ context.Context, s *session, _ time.Duration) (driver.Reply, error) {
				if s.server.sessions < 20 {
					return driver.Reply{}, s.end(driver.NotApplied)
				}
				return element, nil
			}}
		}, 20},
		"a server that refuses, and whose session goes on": {func() *server {
			return &server{answer: func(_ context.Context, s *session, _ time.Duration) (driver.Reply, error) {
				if s.server.slices < 20 {
					return driver.Reply{}, unready
				}
				return element, nil
			}}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tt.server()
				cmd, _, err := wait(t.Context(), s, "BLPOP", 0)
				require.NoError(t, err)
				require.Equal(t, element, cmd.Reply)
				require.Equal(t, tt.sessions, s.sessions)
			})
		})
	}
}

func give(context.Context, *session, time.Duration) (driver.Reply, error) { return element, nil }

// It is tried for ten seconds, since it last went well, and no longer than the command's own
// time-out.
func TestAnOutageIsBorneWithForTenSeconds(t *testing.T) {
	down := driver.Fail(driver.ErrReadOnly, driver.NotApplied, nil).Retryable()
	synctest.Test(t, func(t *testing.T) {
		refuse := func() error { return down }
		_, took, err := wait(t.Context(), &server{refuse: refuse}, "BLPOP", 0)
		require.ErrorIs(t, err, driver.ErrReadOnly)
		require.InDelta(t, 10, took.Seconds(), 0.2)
		_, took, err = wait(t.Context(), &server{refuse: refuse}, "BLPOP", time.Second)
		require.ErrorIs(t, err, driver.ErrReadOnly)
		require.InDelta(t, 1, took.Seconds(), 0.2)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, took, err = wait(ctx, &server{refuse: refuse}, "BLPOP", 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
		require.InDelta(t, 1, took.Seconds(), 0.2)

		// A slice that goes well begins another ten seconds.
		start := time.Now()
		s := &server{answer: func(_ context.Context, _ *session, slice time.Duration) (driver.Reply, error) {
			switch since := time.Since(start); {
			case since < 8*time.Second, 9*time.Second < since && since < 17*time.Second:
				return driver.Reply{}, down
			case since > 17*time.Second:
				return element, nil
			}
			time.Sleep(slice)
			return driver.Reply{}, nil
		}}
		_, _, err = wait(t.Context(), s, "BLPOP", 0)
		require.NoError(t, err)
	})
}

func TestASessionThatIsLostUnderACommandThatTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := func(_ context.Context, s *session, _ time.Duration) (driver.Reply, error) {
			return driver.Reply{}, s.end(driver.Unknown)
		}
		s := &server{answer: lost}
		_, _, err := wait(t.Context(), s, "BLPOP", 0)
		assert.ErrorIs(t, err, driver.ErrUnavailable)
		assert.ErrorIs(t, err, driver.ErrUnknownOutcome)
		assert.Equal(t, 1, s.slices, "it is not sent again")
	})
}

func TestMeaninglessTimeOutsAreRefused(t *testing.T) {
	for _, arg := range []driver.Arg{driver.WaitSeconds(-1), driver.Literal("1")} {
		cmd := driver.NewCmd("BLPOP", driver.Key("k"), arg)
		require.ErrorIs(t, blocking.Do(t.Context(), new(server), cmd, replyTimeout), driver.ErrSyntax)
	}
}
