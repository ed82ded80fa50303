package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// The result has the best score of each player in both months.
func ExampleAggregate() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "{board}:may", mixins.Scored[string]{Member: "Ada", Score: 10}, mixins.Scored[string]{Member: "Bob", Score: 30})
	_, _ = boards.ZAdd(ctx, "{board}:june", mixins.Scored[string]{Member: "Ada", Score: 40})
	best := mixins.CombineOptions{Aggregate: mixins.Max}
	fmt.Println(boards.ZUnionWithScores(ctx, best, "{board}:may", "{board}:june"))
	// Output: [{Bob 30} {Ada 40}] <nil>
}

// The newer month counts twice.
func ExampleCombineOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "{board}:may", mixins.Scored[string]{Member: "Ada", Score: 10}, mixins.Scored[string]{Member: "Bob", Score: 30})
	_, _ = boards.ZAdd(ctx, "{board}:june", mixins.Scored[string]{Member: "Ada", Score: 40})
	newer := mixins.CombineOptions{Weights: []float64{1, 2}}
	fmt.Println(boards.ZUnionStore(ctx, "{board}:both", newer, "{board}:may", "{board}:june"))
	fmt.Println(boards.ZScore(ctx, "{board}:both", "Ada"))
	// Output:
	// 2 <nil>
	// 90 <nil>
}

func ExampleExtreme() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	popped, err := boards.ZMPop(ctx, mixins.Highest, 2, "board")
	fmt.Println(popped.Members, err)
	// Output: [{Ada 90} {Eve 80}] <nil>
}

func ExampleLexBound() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	words, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, word := range []string{"apple", "apricot", "banana"} {
		_, _ = words.ZAdd(ctx, "words", mixins.Scored[string]{Member: word}) // all with the same score
	}
	from := mixins.LexRange{Min: mixins.Excluding("apple")} // and on to the end
	fmt.Println(words.ZRange(ctx, "words", from))
	// Output: [apricot banana] <nil>
}

func ExampleLexRange() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	words, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, word := range []string{"apple", "apricot", "banana"} {
		_, _ = words.ZAdd(ctx, "words", mixins.Scored[string]{Member: word}) // all with the same score
	}
	fmt.Println(words.ZRange(ctx, "words", mixins.LexRange{Reverse: true, Count: 2}))
	fmt.Println(words.ZLexCount(ctx, "words", mixins.LexRange{Max: mixins.Including("apricot")}))
	// Output:
	// [banana apricot] <nil>
	// 2 <nil>
}

func ExamplePoppedScored() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "{board}:may", mixins.Scored[string]{Member: "Ada", Score: 10}, mixins.Scored[string]{Member: "Bob", Score: 30})
	_, _ = boards.ZAdd(ctx, "{board}:june", mixins.Scored[string]{Member: "Ada", Score: 40})
	popped, err := boards.ZMPop(ctx, mixins.Lowest, 1, "{board}:april", "{board}:may")
	fmt.Println(popped.Key, popped.Members, err)
	// Output: {board}:may [{Ada 10}] <nil>
}

// A worker waits for the most urgent job.
func ExamplePoppedScoredOne() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	jobs, err := mixins.NewSortedSets[Job](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _, _ = jobs.ZAdd(ctx, "jobs", mixins.Scored[Job]{Member: Job{1, "report"}, Score: 3}) }()
	popped, err := jobs.BZPopMin(ctx, time.Minute, "jobs")
	fmt.Println(popped.Key, popped.Member.Member, popped.Member.Score, err)
	// Output: jobs {1 report} 3 <nil>
}

func ExampleRange() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	for _, by := range []mixins.Range{mixins.ByRank(0, 1), mixins.ByScore(75, 100), mixins.ByLex(mixins.LexBound{}, mixins.LexBound{})} {
		members, err := boards.ZRange(ctx, "board", by)
		fmt.Println(len(members), err)
	}
	// Output:
	// 2 <nil>
	// 2 <nil>
	// 3 <nil>
}

// The first range has the best two, and the second all others.
func ExampleRankRange() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	fmt.Println(boards.ZRange(ctx, "board", mixins.RankRange{Stop: 1, Reverse: true}))
	fmt.Println(boards.ZRange(ctx, "board", mixins.RankRange{Start: 2, Stop: -1, Reverse: true}))
	// Output:
	// [Ada Eve] <nil>
	// [Bob] <nil>
}

func ExampleRanked() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	place, err := boards.ZRevRankWithScore(ctx, "board", "Eve")
	fmt.Println(place.Rank+1, place.Score, err) // ranks count from 0

	_, err = boards.ZRevRankWithScore(ctx, "board", "Zoe")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output:
	// 2 80 <nil>
	// true
}

func ExampleScoreRange() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	fmt.Println(boards.ZRangeWithScores(ctx, "board", mixins.ScoreRange{Min: 70, Max: 100, ExcludeMin: true}))
	second := mixins.AnyScore()
	second.Reverse, second.Offset, second.Count = true, 1, 1
	fmt.Println(boards.ZRange(ctx, "board", second))
	// Output:
	// [{Eve 80} {Ada 90}] <nil>
	// [Eve] <nil>
}

func ExampleScored() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	found, err := boards.ZMScore(ctx, "board", "Bob", "Zoe", "Ada")
	for _, player := range found {
		fmt.Println(player.Member, player.Score, err)
	}
	// Output:
	// Bob 70 <nil>
	// Ada 90 <nil>
}

// A high score is kept unless it is beaten.
func ExampleZAddOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70}, mixins.Scored[string]{Member: "Eve", Score: 80})
	for _, score := range []float64{60, 95} {
		changed, err := boards.ZAddWith(ctx, "board", mixins.ZAddOptions{GT: true, CH: true}, mixins.Scored[string]{Member: "Bob", Score: score})
		fmt.Println(changed, err)
	}
	fmt.Println(boards.ZScore(ctx, "board", "Bob"))
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 95 <nil>
}
