// Service is a small service before whose database a cache was put:
//
//	go run ./docs/examples/service
//	CACHE_DSN=redis://localhost:6379 go run ./docs/examples/service
//
// and, while it runs, in another shell:
//
//	curl localhost:8080/users/42
//	curl -X PUT -d Anna localhost:8080/users/42
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
)

func main() {
	cache, err := xcache.OpenDSN(cmp.Or(os.Getenv("CACHE_DSN"), "memory://"), xcache.WithPrefix("service"))
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	server := &http.Server{Addr: "localhost:8080", Handler: handler(newDatabase(), cache), ReadHeaderTimeout: time.Second}
	log.Print(server.ListenAndServe())
}

func handler(db *database, cache *xcache.Cache) http.Handler {
	users := xcache.For[User](cache.Namespace("user"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		user, err := users.GetOrSet(r.Context(), id, func(ctx context.Context) (User, error) { return db.User(ctx, id) })
		if err != nil {
			fail(w, err)
			return
		}
		fmt.Fprintln(w, user.Name)
	})
	mux.HandleFunc("PUT /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		name, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 100))
		if err != nil {
			fail(w, err)
			return
		}
		id := r.PathValue("id")
		if err := db.Rename(r.Context(), id, string(name)); err != nil {
			fail(w, err)
			return
		}
		if _, err := users.Delete(r.Context(), id); err != nil { // first the database, then the cache
			fail(w, err)
		}
	})
	return mux
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errNoUser):
		status = http.StatusNotFound
	case errors.Is(err, xcache.ErrUnavailable):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}
