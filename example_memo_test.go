package xcache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// Three parts of a page need the same user. The server is asked once for each request.
func ExampleMemo() {
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user"))
	_ = users.Set(context.Background(), "42", "Ann")

	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, part := range []string{"menu", "title", "footer"} {
			name, err := users.Get(r.Context(), "42") // asks the server for the menu only
			fmt.Fprintln(w, part, name, err)
		}
	})
	withMemo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.ServeHTTP(w, r.WithContext(xcache.Memo(r.Context())))
	})

	answer := httptest.NewRecorder()
	withMemo.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Print(answer.Body)
	// Output:
	// menu Ann <nil>
	// title Ann <nil>
	// footer Ann <nil>
}
