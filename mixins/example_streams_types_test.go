package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func ExampleStreamEntry() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	entries, err := events.XRange(ctx, "events", "-", "+", 2)
	for _, e := range entries {
		fmt.Println(e.ID, e.Fields["what"], err)
	}
	// Output:
	// 1-0 opened <nil>
	// 2-0 paid <nil>
}

func ExampleStreamPosition() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = events.XAdd(ctx, "{events}:shop", mixins.XAddOptions{ID: "1"}, map[string]string{"what": "opened"})
	_, _ = events.XAdd(ctx, "{events}:bank", mixins.XAddOptions{ID: "7"}, map[string]string{"what": "paid"})
	found, err := events.XRead(ctx, mixins.XReadOptions{},
		mixins.Behind("{events}:shop", "0"), // all of it
		mixins.Behind("{events}:bank", "7")) // the entries behind the seventh
	fmt.Println(found, err)
	// Output: map[{events}:shop:[{1-0 map[what:opened]}]] <nil>
}

// The stream keeps the newest hundred thousand entries. An entry without a stream is
// dropped.
func ExampleXAddOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	newest := mixins.XAddOptions{Trim: mixins.MaxLen(100_000).Approx(0)}
	_, err = events.XAdd(ctx, "events", newest, map[string]string{"what": "opened"})
	fmt.Println(err)
	_, err = events.XAdd(ctx, "nowhere", mixins.XAddOptions{NoMkStream: true}, map[string]string{"what": "opened"})
	fmt.Println(errors.Is(err, xcache.ErrNotStored))
	// Output:
	// <nil>
	// true
}

func ExampleTrim() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	fmt.Println(events.XTrim(ctx, "events", mixins.MaxLen(2)))
	fmt.Println(events.XTrim(ctx, "events", mixins.MinID("3")))
	fmt.Println(events.XLen(ctx, "events"))
	// Output:
	// 1 <nil>
	// 1 <nil>
	// 1 <nil>
}

// A reader waits for the next entry.
func ExampleXReadOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	go func() {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: "4"}, map[string]string{"what": "opened again"})
	}()
	added, err := events.XRead(ctx, mixins.XReadOptions{Block: time.Minute}, mixins.Behind("events", "3"))
	fmt.Println(added["events"], err)
	// Output: [{4-0 map[what:opened again]}] <nil>
}

func ExampleStreamInfo() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	info, err := events.XInfoStream(ctx, "events")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Length, info.First.Fields["what"], info.Last.Fields["what"], info.LastGeneratedID)
	// Output: 3 opened closed 3-0
}

// The group is created before the first entry.
func ExampleXGroupCreateOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	options := mixins.XGroupCreateOptions{MkStream: true}
	fmt.Println(events.XGroupCreate(ctx, "events", "mail", "$", options))
	err = events.XGroupCreate(ctx, "events", "mail", "$", options)
	fmt.Println(errors.Is(err, xcache.ErrNotStored)) // the group exists already
	// Output:
	// <nil>
	// true
}

// Two hosts share a stream.
func ExampleXReadGroupOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	for _, host := range []string{"host-1", "host-2"} {
		got, err := events.XReadGroup(ctx, "mail", host, mixins.XReadGroupOptions{Count: 1}, mixins.Behind("events", ">"))
		fmt.Println(host, got["events"], err)
		for _, e := range got["events"] {
			_, _ = events.XAck(ctx, "events", "mail", e.ID) // the entry is done
		}
	}
	// Output:
	// host-1 [{1-0 map[what:opened]}] <nil>
	// host-2 [{2-0 map[what:paid]}] <nil>
}

func ExampleStreamGroup() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	groups, err := events.XInfoGroups(ctx, "events")
	for _, g := range groups {
		fmt.Println(g.Name, "has", g.Pending, "pending and", g.Lag, "to read", err)
	}
	// Output: mail has 2 pending and 1 to read <nil>
}

func ExampleStreamConsumer() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	consumers, err := events.XInfoConsumers(ctx, "events", "mail")
	for _, host := range consumers {
		fmt.Println(host.Name, "has", host.Pending, "pending", err)
	}
	// Output: host-1 has 2 pending <nil>
}

func ExamplePendingSummary() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	pending, err := events.XPending(ctx, "events", "mail")
	fmt.Println(pending.Count, pending.First, pending.Last, pending.Consumers, err)
	// Output: 2 1-0 2-0 map[host-1:2] <nil>
}

func ExamplePendingEntry() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	pending, err := events.XPendingRange(ctx, "events", "mail", mixins.XPendingOptions{}, "-", "+", 10)
	for _, e := range pending {
		fmt.Println(e.ID, e.Consumer, e.Deliveries, err)
	}
	// Output:
	// 1-0 host-1 1 <nil>
	// 2-0 host-1 1 <nil>
}

// The result has entries that a host has begun and not finished within a minute.
func ExampleXPendingOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	late := mixins.XPendingOptions{Consumer: "host-1", Idle: time.Minute}
	fmt.Println(events.XPendingRange(ctx, "events", "mail", late, "-", "+", 10))
	// Output: [] <nil>
}

// Another host takes over an entry, and no delivery is counted.
func ExampleXClaimOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	once := 1
	claimed, err := events.XClaim(ctx, "events", "mail", "host-2", 0, mixins.XClaimOptions{RetryCount: &once}, "1")
	fmt.Println(claimed, err)
	// Output: [{1-0 map[what:opened]}] <nil>
}

// A host takes over the entries of another host, in pieces. One entry was deleted
// meanwhile.
func ExampleClaimed() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	_, _ = events.XDel(ctx, "events", "1")
	for start := "0-0"; ; {
		claimed, err := events.XAutoClaim(ctx, "events", "mail", "host-2", 0, start, 100)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(claimed.Entries, claimed.Deleted)
		if start = claimed.Next; start == "0-0" {
			return
		}
	}
	// Output: [{2-0 map[what:paid]}] [1-0]
}

func ExampleClaimedIDs() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	events, err := mixins.NewStreams[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, event := range []string{"opened", "paid", "closed"} {
		_, _ = events.XAdd(ctx, "events", mixins.XAddOptions{ID: fmt.Sprint(i + 1)}, map[string]string{"what": event})
	}
	_ = events.XGroupCreate(ctx, "events", "mail", "0", mixins.XGroupCreateOptions{})
	_, _ = events.XReadGroup(ctx, "mail", "host-1", mixins.XReadGroupOptions{Count: 2}, mixins.Behind("events", ">"))
	claimed, err := events.XAutoClaimJustID(ctx, "events", "mail", "host-2", 0, "0-0", 1)
	fmt.Println(claimed.IDs, claimed.Next, err)
	// Output: [1-0] 2-0 <nil>
}
