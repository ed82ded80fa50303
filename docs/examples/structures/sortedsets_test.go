package structures_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func Example_leaderboard() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	for player, points := range map[string]float64{"Ada": 90, "Bob": 70, "Eve": 80} {
		if _, err := boards.ZIncrBy(ctx, "board", points, player); err != nil {
			fmt.Println(err)
			return
		}
	}
	best, err := boards.ZRangeWithScores(ctx, "board", mixins.RankRange{Start: 0, Stop: 1, Reverse: true})
	fmt.Println(best, err)
	place, err := boards.ZRevRankWithScore(ctx, "board", "Bob")
	fmt.Println(place.Rank+1, place.Score, err)
	_, err = boards.ZRevRank(ctx, "board", "Zoe")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output:
	// [{Ada 90} {Eve 80}] <nil>
	// 3 70 <nil>
	// true
}

// claimDue takes at most count of the reminders that are due. Each is taken by one caller:
// who removes a reminder has it.
func claimDue(ctx context.Context, reminders *mixins.SortedSets[string], now time.Time, count int) ([]string, error) {
	due, err := reminders.ZRange(ctx, "reminders", mixins.ScoreRange{Max: float64(now.Unix()), Count: count})
	if err != nil {
		return nil, err
	}
	var mine []string
	for _, reminder := range due {
		removed, err := reminders.ZRem(ctx, "reminders", reminder)
		if err != nil {
			return mine, err
		}
		if removed == 1 {
			mine = append(mine, reminder)
		}
	}
	return mine, nil
}

func Example_reminders() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	reminders, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	noon := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration, what string) mixins.Scored[string] {
		return mixins.Scored[string]{Member: what, Score: float64(noon.Add(after).Unix())}
	}
	_, _ = reminders.ZAdd(ctx, "reminders", at(0, "lunch"), at(time.Hour, "meeting"), at(-time.Hour, "stand-up"))
	fmt.Println(claimDue(ctx, reminders, noon, 10))
	fmt.Println(claimDue(ctx, reminders, noon, 10))
	// Output:
	// [stand-up lunch] <nil>
	// [] <nil>
}

func Example_window() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	requests, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	// count notes a request of a user, and returns how many there were in the last minute.
	count := func(user, request string, now time.Time) (int, error) {
		key := "requests:" + user
		p := c.Pipeline()
		in := requests.In(p)
		in.ZRemRangeByScore(key, mixins.ByScore(math.Inf(-1), float64(now.Add(-time.Minute).UnixMilli())))
		in.ZAdd(key, mixins.Scored[string]{Member: request, Score: float64(now.UnixMilli())})
		within := in.ZCard(key)
		p.Expire(key, time.Minute)
		if err := p.ExecAtomic(ctx); err != nil {
			return 0, err
		}
		return within.Value()
	}
	noon := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(count("ada", "request-1", noon))
	fmt.Println(count("ada", "request-2", noon.Add(40*time.Second)))
	fmt.Println(count("ada", "request-3", noon.Add(80*time.Second)))
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 2 <nil>
}
