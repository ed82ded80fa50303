// First is the program that the guide on structures begins with.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/mixins"
)

type Job struct {
	ID   int
	What string
}

func main() {
	c, err := xcache.OpenDSN("memory://") // redis://localhost:6379 is a server
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()

	jobs, err := mixins.NewLists[Job](c.Namespace("jobs")) // once, at start-up
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(jobs.RPush(ctx, "mail", Job{1, "welcome"}, Job{2, "invoice"})) // 2 <nil>
	fmt.Println(jobs.LPop(ctx, "mail"))                                        // {1 welcome} <nil>
	fmt.Println(jobs.LLen(ctx, "mail"))                                        // 1 <nil>
}
