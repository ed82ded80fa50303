package soak

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/mixins"
)

// startStructures starts the callers that use lists, sets, hashes, sorted sets and streams.
func (d *deployment) startStructures() {
	d.caller("queue", (*caller).useQueue)
	shared := &shared{pushed: map[int64]bool{}, popped: map[int64]mark{}}
	d.caller("push", func(c *caller) { c.push(shared) })
	for range 2 {
		d.caller("pop", func(c *caller) { c.pop(shared) })
	}
	d.caller("set", (*caller).useSets)
	d.caller("hash", (*caller).useHashes)
	d.caller("sortedset", (*caller).useSortedSets)
	d.caller("stream", (*caller).useStreams)
}

func (c *caller) lists() *mixins.Lists[item] {
	lists, err := mixins.NewLists[item](c.cache)
	require.NoError(c.t, err)
	return lists
}

func (c *caller) hashCounters() *mixins.Hashes[int64] {
	hashes, err := mixins.NewHashes[int64](c.cache)
	require.NoError(c.t, err)
	return hashes
}

// forget deletes keys that are not used any more. If the deletion fails, the keys stay.
func (c *caller) forget(keys ...string) {
	_, _ = c.call("Delete", func(ctx context.Context) error {
		_, err := c.cache.Delete(ctx, keys...)
		return err
	})
}

// useQueue pushes to a list and pops from the list. No other caller uses the list, so
// elements come in the order of the pushes, each once.
func (c *caller) useQueue() {
	lists := c.lists()
	var key string
	var next int64
	type element struct {
		n       int64
		certain bool // the push was acknowledged
	}
	var queue []element // the elements that may be in the list
	var at mark
	var taken int // pops of unknown outcome; each may have taken an element
	begin := func() {
		if key != "" {
			c.forget(key)
		}
		key = fmt.Sprintf("%s:%d", c.name, next)
		queue, at, taken = nil, c.losses.now(), 0
	}
	begin()
	c.run(func() {
		if c.losses.window.since(at) || taken > 20 || next%500 == 499 {
			begin()
		}
		if c.chance(50) && len(queue) < 100 {
			next++
			became, _ := c.call("RPush", func(ctx context.Context) error {
				_, err := lists.RPush(ctx, key, item{key, next})
				return err
			})
			if became != refused {
				queue = append(queue, element{next, became == done})
			}
			return
		}
		var got item
		found := false
		became, _ := c.call("LPop", func(ctx context.Context) (err error) {
			got, err = lists.LPop(ctx, key)
			found = err == nil
			_, err = c.find(key, got, err)
			return err
		})
		if became == unknown {
			taken++
		}
		if became != done {
			return
		}
		i := len(queue)
		if found {
			if i = slices.IndexFunc(queue, func(e element) bool { return e.n == got.N }); i < 0 {
				c.judge(at, "list %s gave %d, which is not in it: %v", key, got.N, queue)
				return
			}
		}
		skipped := 0
		var late []element
		for _, e := range queue[:i] {
			if e.certain {
				skipped++
			} else {
				late = append(late, e)
			}
		}
		if skipped > taken {
			c.judge(at, "list %s: %d elements are missing in front of %v, and %d pops have an unknown outcome: %v", key, skipped, got, taken, queue)
			return
		}
		taken -= skipped
		queue = append(late, queue[min(i+1, len(queue)):]...)
		c.count(c.losses.window.since(at))
	})
}

// shared is the knowledge about a list that several callers push to and pop from. Nobody
// gets an element twice.
type shared struct {
	mu     sync.Mutex
	next   int64
	pushed map[int64]bool // false for an element whose push was refused
	popped map[int64]mark
}

const sharedList = "shared:list"

// remembered is how many elements and messages are remembered. Earlier elements and
// messages are long gone.
const remembered = 500

func (c *caller) push(s *shared) {
	lists := c.lists()
	c.run(func() {
		length := 0
		if became, _ := c.call("LLen", func(ctx context.Context) (err error) {
			length, err = lists.LLen(ctx, sharedList)
			return err
		}); became != done || length > 50 {
			return
		}
		s.mu.Lock()
		s.next++
		n := s.next
		s.pushed[n] = true
		delete(s.pushed, n-remembered)
		delete(s.popped, n-remembered)
		s.mu.Unlock()
		became, _ := c.call("RPush", func(ctx context.Context) error {
			_, err := lists.RPush(ctx, sharedList, item{sharedList, n})
			return err
		})
		if became == refused {
			s.mu.Lock()
			s.pushed[n] = false
			s.mu.Unlock()
		}
	})
}

// pop waits for elements, and sometimes leaves early.
func (c *caller) pop(s *shared) {
	lists := c.lists()
	c.run(func() {
		m := c.begin()
		ctx, cancel := context.Background(), func() {}
		if c.chance(30) {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(c.random.Int64N(int64(100*time.Millisecond))))
			m.short = true
		}
		got, err := lists.BLPop(ctx, 500*time.Millisecond, sharedList)
		cancel()
		c.figures.called("BLPop", 0, false)
		if c.became("BLPop", m, err) != done || err != nil {
			return
		}
		n, _ := c.find(sharedList, got.Element, nil)
		s.mu.Lock()
		pushed, known := s.pushed[n]
		before, twice := s.popped[n]
		s.popped[n] = m.loss
		s.mu.Unlock()
		switch {
		case !known || !pushed:
			c.wrong("%s gave %d, which was never pushed", sharedList, n)
		case twice:
			c.judge(before, "%s gave %d twice", sharedList, n)
		default:
			c.count(c.losses.window.since(m.loss))
		}
	})
}

// useSets adds members to a set and removes them.
func (c *caller) useSets() {
	sets, err := mixins.NewSets[int64](c.cache)
	require.NoError(c.t, err)
	var key string
	var next int64
	var at mark
	var in, out, perhaps map[int64]bool
	begin := func() {
		if key != "" {
			c.forget(key)
		}
		key = fmt.Sprintf("%s:%d", c.name, next)
		in, out, perhaps, at = map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, c.losses.now()
	}
	begin()
	c.run(func() {
		if c.losses.window.since(at) || len(in)+len(out)+len(perhaps) > 100 {
			next++
			begin()
		}
		var member int64
		for member = range in {
			break
		}
		switch c.random.IntN(4) {
		case 0, 1:
			next++
			n := next
			became, _ := c.call("SAdd", func(ctx context.Context) error {
				_, err := sets.SAdd(ctx, key, n)
				return err
			})
			switch became {
			case done:
				in[n] = true
			case refused:
				out[n] = true
			case unknown:
				perhaps[n] = true
			}
		case 2:
			if member == 0 {
				return
			}
			became, _ := c.call("SRem", func(ctx context.Context) error {
				_, err := sets.SRem(ctx, key, member)
				return err
			})
			switch became {
			case done:
				delete(in, member)
				out[member] = true
			case unknown:
				delete(in, member)
				perhaps[member] = true
			}
		default:
			var members []int64
			became, _ := c.call("SMembers", func(ctx context.Context) (err error) {
				members, err = sets.SMembers(ctx, key)
				return err
			})
			if became != done {
				return
			}
			missing := len(in)
			for _, n := range members {
				switch {
				case in[n]:
					missing--
				case !perhaps[n]:
					c.judge(at, "set %s has %d, which is not in it: in %v, perhaps %v", key, n, in, perhaps)
					return
				}
			}
			if missing > 0 {
				c.judge(at, "set %s misses %d of its members: %v of in %v, perhaps %v", key, missing, members, in, perhaps)
				return
			}
			c.count(c.losses.window.since(at))
		}
	})
}

// useHashes writes fields of a hash.
func (c *caller) useHashes() {
	hashes, err := mixins.NewHashes[item](c.cache)
	require.NoError(c.t, err)
	const fields = 3
	known := make([]*register, fields)
	var key string
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			if key != "" {
				c.forget(key)
			}
			key = fmt.Sprintf("%s:%d", c.name, steps/lifetime)
			for i := range known {
				known[i] = newRegister(c.deployment)
			}
		}
		steps++
		i := c.random.IntN(fields)
		field, r := fmt.Sprintf("f%d", i), known[i]
		switch c.random.IntN(6) {
		case 0:
			became, at := c.call("HDel", func(ctx context.Context) error {
				_, err := hashes.HDel(ctx, key, field)
				return err
			})
			r.wrote(0, became, at)
		case 1, 2:
			r.next++
			became, at := c.call("HSet", func(ctx context.Context) error {
				_, err := hashes.HSet(ctx, key, field, item{key + field, r.next})
				return err
			})
			r.wrote(r.next, became, at)
		case 3:
			var all map[string]item
			became, _ := c.call("HGetAll", func(ctx context.Context) (err error) {
				all, err = hashes.HGetAll(ctx, key)
				return err
			})
			for i := range known {
				field := fmt.Sprintf("f%d", i)
				if became == done {
					got, ok := all[field]
					if ok {
						_, _ = c.find(key+field, got, nil)
					}
					known[i].saw(c, key+" "+field, got.N)
				}
			}
		default:
			var n int64
			became, _ := c.call("HGet", func(ctx context.Context) error {
				got, err := hashes.HGet(ctx, key, field)
				n, err = c.find(key+field, got, err)
				return err
			})
			if became == done {
				r.saw(c, key+" "+field, n)
			}
		}
	})
}

// useSortedSets has a member whose score grows, and a member that is sometimes missing.
func (c *caller) useSortedSets() {
	sorted, err := mixins.NewSortedSets[string](c.cache)
	require.NoError(c.t, err)
	var r *register
	var key string
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			if key != "" {
				c.forget(key)
			}
			key, r = fmt.Sprintf("%s:%d", c.name, steps/lifetime), newRegister(c.deployment)
		}
		steps++
		switch c.random.IntN(6) {
		case 0:
			became, at := c.call("ZRem", func(ctx context.Context) error {
				_, err := sorted.ZRem(ctx, key, key)
				return err
			})
			r.wrote(0, became, at)
		case 1, 2:
			r.next++
			became, at := c.call("ZAdd", func(ctx context.Context) error {
				_, err := sorted.ZAdd(ctx, key, mixins.Scored[string]{Member: key, Score: float64(r.next)})
				return err
			})
			r.wrote(r.next, became, at)
		case 3:
			var all []mixins.Scored[string]
			became, _ := c.call("ZRange", func(ctx context.Context) (err error) {
				all, err = sorted.ZRangeWithScores(ctx, key, mixins.ByRank(0, -1))
				return err
			})
			switch {
			case became != done:
			case len(all) > 1 || len(all) == 1 && all[0].Member != key:
				c.wrong("sorted set %s has %v", key, all)
			case len(all) == 1:
				r.saw(c, key, int64(all[0].Score))
			default:
				r.saw(c, key, 0)
			}
		default:
			var score float64
			became, _ := c.call("ZScore", func(ctx context.Context) (err error) {
				score, err = sorted.ZScore(ctx, key, key)
				return err
			})
			if became == done {
				r.saw(c, key, int64(score))
			}
		}
	})
}

// useStreams adds entries to a stream and reads all of them.
func (c *caller) useStreams() {
	streams, err := mixins.NewStreams[item](c.cache)
	require.NoError(c.t, err)
	var key string
	var next int64
	var at mark
	var order []int64          // numbers of acknowledged entries
	var perhaps map[int64]bool // numbers of entries with an unknown outcome
	begin := func() {
		if key != "" {
			c.forget(key)
		}
		key = fmt.Sprintf("%s:%d", c.name, next)
		order, perhaps, at = nil, map[int64]bool{}, c.losses.now()
	}
	begin()
	c.run(func() {
		if c.losses.window.since(at) || len(order) > 60 {
			next++
			begin()
		}
		if c.chance(70) {
			next++
			became, _ := c.call("XAdd", func(ctx context.Context) error {
				_, err := streams.XAdd(ctx, key, mixins.XAddOptions{}, map[string]item{"i": {key, next}})
				return err
			})
			switch became {
			case done:
				order = append(order, next)
			case unknown:
				perhaps[next] = true
			}
			return
		}
		var entries []mixins.StreamEntry[item]
		became, _ := c.call("XRange", func(ctx context.Context) (err error) {
			entries, err = streams.XRange(ctx, key, "-", "+", 1000)
			return err
		})
		if became != done {
			return
		}
		seen := map[int64]bool{}
		var certain []int64
		for _, e := range entries {
			n, _ := c.find(key, e.Fields["i"], nil)
			if seen[n] {
				c.wrong("stream %s has %d twice", key, n)
			}
			seen[n] = true
			if !perhaps[n] {
				certain = append(certain, n)
			}
		}
		if !slices.Equal(certain, order) {
			c.judge(at, "stream %s has %v, want %v, and perhaps %v", key, certain, order, perhaps)
			return
		}
		c.count(c.losses.window.since(at))
	})
}
