package structures_test

import (
	"context"
	"errors"
	"fmt"
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
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for player, points := range map[string]float64{"Ada": 90, "Bob": 70, "Eve": 80} {
		_, _ = boards.ZIncrBy(ctx, "board", points, player)
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
