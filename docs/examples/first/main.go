// First is the program that the README begins with.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
)

type User struct{ Name, Email string }

func main() {
	// memory:// in a test, redis+cluster://cache-1:6379,cache-2:6379 in production
	cache, err := xcache.OpenDSN(cmp.Or(os.Getenv("CACHE_DSN"), "memory://"))
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	users := xcache.For[User](cache.Namespace("user"))
	user, err := users.GetOrSet(context.Background(), "42", loadUser, xcache.TTL(time.Minute))
	fmt.Println(user.Name, err) // Ann <nil>
}

// loadUser runs on a miss, once for all who ask at the time.
func loadUser(context.Context) (User, error) { return User{"Ann", "ann@example.com"}, nil }
