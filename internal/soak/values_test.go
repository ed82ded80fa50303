package soak

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache"
)

// lifetime is for how many steps a caller uses a key. The key expires at the server long
// after that.
const lifetime = 60

var longTTL = xcache.TTL(15 * time.Minute)

// startValues starts the callers that use values.
func (d *deployment) startValues() {
	for range 3 {
		d.caller("values", (*caller).useValues)
	}
	d.caller("counter", (*caller).useCounters)
	swapped := &swaps{replaced: map[int64]mark{}, refused: map[int64]bool{}}
	for range 3 {
		d.caller("swap", func(c *caller) { c.swap(swapped) })
	}
	loaded := new(loaded)
	for range 2 {
		d.caller("load", func(c *caller) { c.load(loaded) })
	}
	for range 2 {
		d.caller("pipeline", (*caller).usePipelines)
	}
	d.caller("tags", (*caller).useTags)
}

// find checks the key of an item that was read, and returns the item's number; 0 for a
// miss.
func (c *caller) find(key string, got item, err error) (n int64, ended error) {
	if errors.Is(err, xcache.ErrNotFound) {
		return 0, nil
	}
	if err == nil && got.Key != key {
		c.wrong("key %s holds the item of %q", key, got.Key)
	}
	return got.N, err
}

// useValues uses several keys at a time. No other caller writes these keys.
func (c *caller) useValues() {
	const keys = 4
	names, known := make([]string, keys), make([]*register, keys)
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			for i := range keys {
				names[i], known[i] = fmt.Sprintf("%s:%d:%d", c.name, steps/lifetime, i), newRegister(c.deployment)
			}
		}
		steps++
		i := c.random.IntN(keys)
		key, r := names[i], known[i]
		switch c.random.IntN(10) {
		case 0:
			became, at := c.call("Delete", func(ctx context.Context) error {
				_, err := c.cache.Delete(ctx, key)
				return err
			})
			r.wrote(0, became, at)
		case 1:
			old := r.last
			if old == 0 {
				return
			}
			r.next++
			next, swapped := r.next, false
			became, at := c.call("CompareAndSwap", func(ctx context.Context) (err error) {
				swapped, err = c.values.CompareAndSwap(ctx, key, item{key, old}, item{key, next}, longTTL)
				return err
			})
			switch {
			case became != done:
				r.wrote(next, became, at)
			case swapped:
				r.saw(c, key+" before a swap", old)
				r.wrote(next, done, at)
			default:
				r.refused[next] = true
				if len(r.unknown) == 0 {
					c.judge(r.at, "%s was not swapped: %v", key, r)
				}
			}
		case 2, 3:
			r.next++
			next := r.next
			became, at := c.call("Set", func(ctx context.Context) error { return c.values.Set(ctx, key, item{key, next}, longTTL) })
			r.wrote(next, became, at)
		case 4:
			c.setMany(names, known)
		case 5, 6:
			var found map[string]item
			became, _ := c.call("GetMany", func(ctx context.Context) (err error) {
				found, err = c.values.GetMany(ctx, names)
				return err
			})
			for i, key := range names {
				got, ok := found[key]
				if became == done && !ok {
					known[i].saw(c, key, 0)
				}
				if ok { // also if other keys failed
					n, _ := c.find(key, got, nil)
					known[i].saw(c, key, n)
				}
			}
		default:
			var n int64
			became, _ := c.call("Get", func(ctx context.Context) error {
				got, err := c.values.Get(ctx, key)
				n, err = c.find(key, got, err)
				return err
			})
			if became == done {
				r.saw(c, key, n)
			}
		}
	})
}

// setMany writes several keys. Each of the writes may fail.
func (c *caller) setMany(names []string, known []*register) {
	items := map[string]item{}
	for i, key := range names {
		known[i].next++
		items[key] = item{key, known[i].next}
	}
	var failed *xcache.BatchError
	became, at := c.call("SetMany", func(ctx context.Context) error {
		err := c.values.SetMany(ctx, items, longTTL)
		failed, _ = errors.AsType[*xcache.BatchError](err)
		return err
	})
	for i, key := range names {
		own := became
		if failed != nil {
			own = done
			if err, ok := failed.Errs[key]; ok {
				own = refused
				if errors.Is(err, xcache.ErrUnknownOutcome) {
					own = unknown
				}
			}
		}
		known[i].wrote(known[i].next, own, at)
	}
}

// A tally is the knowledge about a counter that one caller uses.
type tally struct {
	last    int64 // the last answer
	at      mark
	pending int64 // increments that may count now or later, and that no answer shows yet
	unknown int64 // all increments of unknown outcome
	tried   int64
}

// counted notes the outcome of an increment that began at a mark, and checks the answer.
func (t *tally) counted(c *caller, key string, n int64, became outcome, at mark) {
	switch became {
	case refused:
		t.tried--
	case unknown:
		t.pending++
		t.unknown++
	case done:
		switch {
		case n > t.last && n <= t.last+t.pending+1:
			t.pending -= n - t.last - 1
			c.count(c.losses.window.since(t.at))
		case n < 1 || n > t.tried:
			c.wrong("counter %s stands at %d after %d increments: %+v", key, n, t.tried, t)
		default:
			c.judge(t.at, "counter %s stands at %d: %+v", key, n, t)
			t.pending = t.unknown
		}
		t.last, t.at = n, at
	}
}

// useCounters counts on a value and on a field of a hash.
func (c *caller) useCounters() {
	hashes := c.hashCounters()
	var value, field *tally
	var key string
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			c.forget(key + ":hash")
			key = fmt.Sprintf("%s:%d", c.name, steps/lifetime)
			value, field = &tally{at: c.losses.now()}, &tally{at: c.losses.now()}
		}
		steps++
		var n int64
		if c.chance(50) {
			value.tried++
			became, at := c.call("IncrInit", func(ctx context.Context) (err error) {
				n, err = c.cache.IncrInit(ctx, key, 1, 0, longTTL)
				return err
			})
			value.counted(c, key, n, became, at)
			return
		}
		field.tried++
		became, at := c.call("HIncrBy", func(ctx context.Context) (err error) {
			n, err = hashes.HIncrBy(ctx, key+":hash", "n", 1)
			return err
		})
		field.counted(c, key+":hash", n, became, at)
	})
}

// swaps is the knowledge about a value that several callers swap. Each swap stores an
// item with a new number.
type swaps struct {
	mu       sync.Mutex
	steps    int
	next     int64
	replaced map[int64]mark // numbers that a successful swap replaced, and when
	refused  map[int64]bool // numbers that were never stored
}

func (c *caller) swap(s *swaps) {
	c.run(func() {
		s.mu.Lock()
		s.steps++
		key := fmt.Sprintf("swapped:%d", s.steps/1000)
		if s.steps%1000 == 0 {
			clear(s.replaced)
			clear(s.refused)
		}
		s.next++
		next := s.next
		s.mu.Unlock()
		var old item
		became, _ := c.call("Get", func(ctx context.Context) (err error) {
			old, err = c.values.Get(ctx, key)
			_, err = c.find(key, old, err)
			return err
		})
		if became != done {
			return
		}
		var swapped bool
		became, at := c.call("CompareAndSwap", func(ctx context.Context) (err error) {
			if old.N == 0 {
				swapped, err = c.values.Add(ctx, key, item{key, next}, longTTL)
			} else {
				swapped, err = c.values.CompareAndSwap(ctx, key, old, item{key, next}, longTTL)
			}
			return err
		})
		s.mu.Lock()
		before, twice := s.replaced[old.N]
		never := s.refused[old.N]
		if old.N != 0 && became == done && swapped {
			s.replaced[old.N] = at
		}
		if became == refused || became == done && !swapped {
			s.refused[next] = true
		}
		s.mu.Unlock()
		switch {
		case never:
			c.wrong("%s held %d, which was never stored", key, old.N)
		case became == done && swapped && twice:
			c.judge(before, "%s: %d was swapped twice", key, old.N)
		case became == done && swapped:
			c.count(c.losses.window.since(at))
		}
	})
}

// loaded is the knowledge about keys that several callers load and delete.
type loaded struct {
	mu    sync.Mutex
	of    [3]floor
	loads atomic.Int64
}

// A floor is the least number that a load may give: smaller numbers are from before a
// Delete.
type floor struct {
	n  int64
	at mark
}

func (c *caller) load(l *loaded) {
	c.run(func() {
		i := c.random.IntN(len(l.of))
		key := fmt.Sprintf("loaded:%d", i)
		l.mu.Lock()
		least := l.of[i]
		l.mu.Unlock()
		if c.chance(20) {
			from := l.loads.Load() + 1 // later loads begin after this
			became, at := c.call("Delete", func(ctx context.Context) error {
				_, err := c.cache.Delete(ctx, key)
				return err
			})
			if became == done {
				l.mu.Lock()
				if from > l.of[i].n {
					l.of[i] = floor{from, at}
				}
				l.mu.Unlock()
			}
			return
		}
		slow := time.Duration(c.random.Int64N(int64(5 * time.Millisecond)))
		fails := c.chance(3)
		var n int64
		became, _ := c.call("GetOrSet", func(ctx context.Context) error {
			got, err := c.values.GetOrSet(ctx, key, func(context.Context) (item, error) {
				n := l.loads.Add(1)
				time.Sleep(slow)
				if fails {
					return item{}, errLoader
				}
				return item{key, n}, nil
			}, xcache.TTL(2*time.Second))
			n, err = c.find(key, got, err)
			return err
		})
		switch {
		case became != done:
		case n < 1 || n > l.loads.Load():
			c.wrong("%s: load %d, of %d", key, n, l.loads.Load())
		case n < least.n:
			c.judge(least.at, "%s: load %d is from before a Delete, which load %d followed", key, n, least.n)
		default:
			c.count(c.losses.window.since(least.at))
		}
	})
}

// usePipelines uses a value, a counter and a list in one slot.
func (c *caller) usePipelines() {
	lists, counters := c.lists(), c.hashCounters()
	var value *register
	var count *tally
	var elements int64
	var tag string
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			c.forget(tag+":hash", tag+":list")
			tag = fmt.Sprintf("{%s:%d}", c.name, steps/lifetime)
			value, count = newRegister(c.deployment), &tally{at: c.losses.now()}
		}
		steps++
		p := c.cache.Pipeline()
		value.next++
		elements++
		count.tried++
		set := c.values.In(p).Set(tag, item{tag, value.next}, longTTL)
		counted := counters.In(p).HIncrBy(tag+":hash", "n", 1)
		got := c.values.In(p).Get(tag)
		pushed := lists.In(p).RPush(tag+":list", item{tag, elements})
		operation, exec := "Pipeline.Exec", p.Exec
		if c.chance(50) {
			operation, exec = "Pipeline.ExecAtomic", p.ExecAtomic
		}
		m := c.begin()
		_, at := c.call(operation, exec)
		m.short = true // the call itself was counted with its error
		was := value.last
		value.wrote(value.next, c.queued(operation, m, set.Err()), at)
		n, err := counted.Value()
		count.counted(c, tag+":hash", n, c.queued(operation, m, err), at)
		read, err := got.Value()
		if seen, err := c.find(tag, read, err); err == nil {
			if set.Err() != nil && seen == was {
				c.count(true)
			} else {
				value.saw(c, tag+" in a pipeline", seen)
			}
		}
		_ = c.queued(operation, m, pushed.Err())
	})
}

// queued returns the outcome of an operation in a pipeline.
func (c *caller) queued(operation string, m marks, err error) outcome {
	switch {
	case err == nil || errors.Is(err, xcache.ErrNotFound):
		return done
	case errors.Is(err, xcache.ErrUnknownOutcome):
		return unknown
	case classOf(err) == "":
		c.unexplained("%s: %v", operation, err)
	}
	return refused
}

// useTags stores values with a tag, and invalidates the values by the tag.
func (c *caller) useTags() {
	var r *register
	var key string
	steps := 0
	c.run(func() {
		if steps%lifetime == 0 {
			key, r = fmt.Sprintf("%s:%d", c.name, steps/lifetime), newRegister(c.deployment)
		}
		steps++
		switch c.random.IntN(5) {
		case 0:
			became, at := c.call("InvalidateTags", func(ctx context.Context) error { return c.cache.InvalidateTags(ctx, key+":tag") })
			switch became {
			case done:
				r.invalidated(at)
			default: // after an error some or all tags are still valid
				r.unknown[0] = true
			}
		case 1, 2:
			r.next++
			became, at := c.call("Set with Tags", func(ctx context.Context) error {
				return c.values.Set(ctx, key, item{key, r.next}, longTTL, xcache.Tags(key+":tag"))
			})
			r.wrote(r.next, became, at)
		default:
			var n int64
			became, _ := c.call("Get with Tags", func(ctx context.Context) error {
				got, err := c.values.Get(ctx, key)
				n, err = c.find(key, got, err)
				return err
			})
			if became == done {
				r.saw(c, key, n)
			}
		}
	})
}
