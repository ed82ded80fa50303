// Steps runs one service at each step of its growth, and measures what a step brings:
//
//	go run ./docs/examples/steps
//	CACHE_DSN=redis://localhost:6379 CACHE_CLUSTER_DSN=redis+cluster://localhost:7000 go run ./docs/examples/steps
//
// Steps whose server is not named are left out. The keys are under a prefix of their own, and are deleted
// in the end.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/null"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
)

// A User is what a page shows ten of.
type User struct{ Name, Email string }

// A step is a way to get the users of a page, and the DSN of the cache, if there is one.
type step struct {
	name, dsn string
	page      func(ctx context.Context, s *service, ids []string) error
	down      bool // the server
}

// steps are those of the guide. Each differs from the one before in one thing.
func steps(server, cluster string) []step {
	return []step{
		{"1 no cache", "null://", fromDatabase, false},
		{"2 a cache in each process", "memory://", oneByOne, false},
		{"3 one server for all processes", server, oneByOne, false},
		{"4 a page in one round trip", server, together, false},
		{"5 a server that is down", "redis://127.0.0.1:1?on_error=miss&breaker=on", together, true},
		{"6 a cluster", cluster, together, false},
	}
}

// A service is one process of two.
type service struct {
	db    *database
	users *xcache.View[User]
}

// fromDatabase has no cache: each page is a query.
func fromDatabase(ctx context.Context, s *service, ids []string) error {
	_, err := s.db.Users(ctx, ids)
	return err
}

// oneByOne asks the cache for each user, and the database for those that are missing.
func oneByOne(ctx context.Context, s *service, ids []string) error {
	for _, id := range ids {
		_, err := s.users.GetOrSet(ctx, id, func(ctx context.Context) (User, error) { return s.db.User(ctx, id) })
		if err != nil {
			return err
		}
	}
	return nil
}

// together asks the cache for all users of a page, and the database for those that are missing.
func together(ctx context.Context, s *service, ids []string) error {
	_, err := s.users.GetOrSetMany(ctx, ids, s.db.Users)
	return err
}

func main() {
	all := steps(os.Getenv("CACHE_DSN"), os.Getenv("CACHE_CLUSTER_DSN"))
	if err := run(context.Background(), os.Stdout, all, 10*time.Second); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, all []step, each time.Duration) error {
	fmt.Fprintf(out, "%-31s %9s %9s %9s %6s %12s\n", "step", "pages/s", "p50", "p99", "hits", "queries/s")
	for _, s := range all {
		if s.dsn == "" {
			fmt.Fprintf(out, "%-31s left out: no DSN\n", s.name)
			continue
		}
		if err := measure(ctx, out, s, each); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// measure runs two processes of the service, with caches of their own, under the same load.
func measure(ctx context.Context, out io.Writer, s step, each time.Duration) error {
	db, hits := newDatabase(), &hitCounter{}
	var services []*service
	for range 2 {
		cache, err := xcache.OpenDSN(s.dsn, xcache.WithPrefix("steps"), xcache.WithObserver(hits))
		if err != nil {
			return err
		}
		defer cache.Close()
		if !s.down {
			if _, err := cache.Clear(ctx); err != nil { // what the step before has left
				return err
			}
			defer cache.Clear(context.WithoutCancel(ctx)) //nolint:errcheck // the keys expire by themselves
		}
		users := xcache.For[User](cache.Namespace("user")).With(xcache.WithTTL(20*time.Second), xcache.WithJitter(0.5))
		services = append(services, &service{db, users})
	}
	if _, err := load(ctx, services, s.page, each); err != nil { // an empty cache fills
		return err
	}
	db.queries.Store(0)
	hits.reset()
	r, err := load(ctx, services, s.page, each)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-31s %9.0f %9v %9v %5.0f%% %12.0f\n", s.name, r.perSecond(r.pages), r.percentile(50), r.percentile(99),
		hits.percent(), r.perSecond(int(db.queries.Load())))
	return nil
}
