package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/xcache-go/xcache/mixins"
)

// webhook handles each event once. Senders repeat an event until the answer is 200, and some do so even then.
func webhook(events *mixins.Once[string], handle func(ctx context.Context, event string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		event := r.Header.Get("Event-Id")
		if event == "" {
			http.Error(w, "no Event-Id", http.StatusBadRequest)
			return
		}
		_, err := events.Do(r.Context(), "partner:"+event, mixins.OnceOptions{}, func(ctx context.Context) (string, error) {
			return "handled", handle(ctx, event)
		})
		switch {
		case errors.Is(err, mixins.ErrInFlight):
			http.Error(w, "another request is at it", http.StatusConflict)
		case err != nil: // nothing is kept: the sender comes again
			http.Error(w, "not handled", http.StatusInternalServerError)
		}
	}
}

func Example_webhook() {
	c, done := open()
	defer done()
	events, err := mixins.NewOnce[string](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer events.Close()

	attempts := 0
	handler := webhook(events, func(_ context.Context, event string) error {
		if attempts++; attempts == 1 {
			return errors.New("the database is away")
		}
		fmt.Println(event, "is handled")
		return nil
	})
	for range 3 {
		request := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		request.Header.Set("Event-Id", "evt_1")
		answer := httptest.NewRecorder()
		handler(answer, request)
		fmt.Println(answer.Code)
	}
	// Output:
	// 500
	// evt_1 is handled
	// 200
	// 200
}
