package recipes_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/xcache-go/xcache"
)

// A Session is what the service knows of a browser that has logged in.
type Session struct{ User string }

// Sessions ends a session half an hour after its last request.
type Sessions struct{ view *xcache.View[Session] }

const idle = 30 * time.Minute

func NewSessions(c *xcache.Cache) *Sessions {
	return &Sessions{xcache.For[Session](c.Namespace("session")).With(xcache.Sliding(idle))}
}

// Begin makes a session after a login, under a name that nobody can guess.
func (s *Sessions) Begin(ctx context.Context, w http.ResponseWriter, user string) error {
	id := rand.Text()
	if err := s.view.Set(ctx, id, Session{user}, xcache.TTL(idle)); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
	return nil
}

// Require serves requests that have a session.
func (s *Sessions) Require(next func(http.ResponseWriter, *http.Request, Session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		if err != nil {
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		session, err := s.view.Get(r.Context(), cookie.Value)
		switch {
		case errors.Is(err, xcache.ErrNotFound), errors.Is(err, xcache.ErrInvalidKey):
			http.Error(w, "log in", http.StatusUnauthorized)
		case err != nil: // the session may be there: nobody is logged out because a server is down
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		default:
			next(w, r, session)
		}
	}
}

// End logs a browser out. An error means that the session may still be there.
func (s *Sessions) End(ctx context.Context, id string) error {
	_, err := s.view.Delete(ctx, id)
	return err
}

func Example_sessions() {
	ctx := context.Background()
	c, done := open()
	defer done()
	sessions := NewSessions(c)
	page := sessions.Require(func(w http.ResponseWriter, _ *http.Request, s Session) { fmt.Fprint(w, "hello "+s.User) })

	login := httptest.NewRecorder()
	if err := sessions.Begin(ctx, login, "ann"); err != nil {
		fmt.Println(err)
		return
	}
	cookie := login.Result().Cookies()[0]
	visit := func(cookie *http.Cookie) {
		request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		request.AddCookie(cookie)
		answer := httptest.NewRecorder()
		page(answer, request)
		fmt.Println(answer.Code, answer.Body)
	}
	visit(cookie)
	visit(&http.Cookie{Name: "session", Value: "guessed"})
	fmt.Println(sessions.End(ctx, cookie.Value))
	visit(cookie)
	// Output:
	// 200 hello ann
	// 401 log in
	//
	// <nil>
	// 401 log in
}
