package clustered

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// A sessionNode is a fakeNode that has sessions.
type sessionNode struct {
	*fakeNode
	session func() driver.Session
}

func (n sessionNode) Exclusive(context.Context, ...string) (driver.Session, error) {
	return n.session(), nil
}
func (sessionNode) EndSessions(*driver.Error, func(key string) bool) {}
func (sessionNode) Sessions() int                                    { return 0 }

// A movingSession gets the reply that its slot moves.
type movingSession struct {
	driver.Session
	to     *servererror.RedirectError
	closed bool
}

func (s *movingSession) Send(context.Context, []*driver.Cmd) error { return nil }
func (s *movingSession) Receive(context.Context) (driver.Incoming, error) {
	return driver.Incoming{}, driver.Fail(driver.ErrUnavailable, driver.NotApplied, s.to)
}
func (s *movingSession) Err() error   { return nil }
func (s *movingSession) Close() error { s.closed = true; return nil }

// Another goroutine closes a session while the session connects to the server to which the
// slot moves.
func TestASessionThatIsClosedWhileItsSlotMovesLeavesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const key = "k"
		to := &servererror.RedirectError{Slot: keyslot.Of(key), Host: "elsewhere", Port: "1", Ask: true}
		var own driver.Session
		var made []*movingSession
		s := openFakes(t, func(n *fakeNode) node.Node {
			return sessionNode{n, func() driver.Session {
				if own != nil {
					require.NoError(t, own.Close())
				}
				made = append(made, &movingSession{to: to})
				return made[len(made)-1]
			}}
		})
		own, err := s.Exclusive(t.Context(), key)
		require.NoError(t, err)
		require.NoError(t, own.Send(t.Context(), []*driver.Cmd{driver.NewCmd("BLPOP", driver.Key(key), driver.WaitSeconds(0))}))
		_, err = own.Receive(t.Context())
		var redirect *servererror.RedirectError
		require.True(t, errors.As(err, &redirect), "got %v", err)
		require.Len(t, made, 2, "the session did not follow its slot")
		require.True(t, made[0].closed)
		require.True(t, made[1].closed, "the second connection is left")
	})
}

// A refusingNode is a sessionNode at which nobody listens.
type refusingNode struct{ sessionNode }

func (refusingNode) Exclusive(context.Context, ...string) (driver.Session, error) {
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("refused")).Retryable()
}

// A session without a key is at any primary: one that is down holds up nobody.
func TestSessionsWithoutKeysLeaveAPrimaryThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFakes(t, func(n *fakeNode) node.Node {
			up := sessionNode{n, func() driver.Session { return &movingSession{} }}
			if n.addr == "a:1" {
				return refusingNode{up}
			}
			return up
		})
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			own, err := s.Exclusive(ctx)
			require.NoError(t, err)
			require.NoError(t, own.Close())
			cancel()
		}
	})
}
