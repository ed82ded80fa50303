package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// oddStores behave as few stores do, within the contract.
var oddStores = []struct {
	name  string
	open  func() driver.Store
	lacks []string
}{
	{name: "Scan yields duplicates in any order", open: func() driver.Store { return scanRewritten{newCorrect(), shuffled} }},
	{name: "TTLs are in seconds, rounded up", open: func() driver.Store { return coarse{ttlRewritten{newCorrect(), roundUpToSeconds}} },
		lacks: []string{"Commander", "Subscriber"}},
	{name: "errors are wrapped once more", open: func() driver.Store { return wrapsErrors{newCorrect()} }},
	{name: "in a batch another type is a miss", open: func() driver.Store { return batchWrongTypeIsMiss{newCorrect()} }},
	{name: "an empty value is nil", open: func() driver.Store { return emptyIsNil{newCorrect()} }},
	{name: "numbers are answered as text", open: func() driver.Store { return numbersAreText{newCorrect()} }},
	{name: "only the four methods", open: func() driver.Store { return struct{ driver.Store }{newCorrect()} },
		lacks: []string{"Commander", "Expirer", "Counter", "Swapper", "Mover", "Scanner", "Flusher", "Pinger", "Subscriber"}},
	{name: "short printable keys and small values", open: func() driver.Store { return narrow{newCorrect()} }},
	{name: "failures of one key fail the call", open: func() driver.Store { return wrongTypeFailsCall{newCorrect()} }},
	{name: "each call takes up to 80ms", open: func() driver.Store { return starved{newCorrect(), upTo80ms} }},
	{name: "some calls take 300ms", open: func() driver.Store { return starved{newCorrect(), sometimes300ms} }},
}

func shuffled(keys iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var all []string
		for key, err := range keys {
			if err != nil {
				yield("", err)
				return
			}
			for range 1 + rand.IntN(3) {
				all = append(all, key)
			}
			// Pages let the store notice a break or an ended context.
			if len(all) > 20 {
				if !yieldShuffled(all, yield) {
					return
				}
				all = all[:0]
			}
		}
		yieldShuffled(all, yield)
	}
}

func yieldShuffled(keys []string, yield func(string, error) bool) bool {
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys {
		if !yield(key, nil) {
			return false
		}
	}
	return true
}

type coarse struct{ ttlRewritten }

func (s coarse) Caps() driver.Caps {
	return driver.Caps{
		Expirer: s, Counter: s, Swapper: s, Mover: s, Scanner: s, Flusher: s, Pinger: s,
		Limits: driver.Limits{TTLResolution: time.Second},
	}
}

func roundUpToSeconds(ttl time.Duration) time.Duration {
	if isPositive(ttl) && ttl < driver.NoExpiry-time.Second {
		return (ttl + time.Second - 1).Truncate(time.Second)
	}
	return ttl
}

// wrapsErrors wraps all errors except the bare ones.
type wrapsErrors struct{ correct }

type wrapped struct{ err error }

func (w wrapped) Error() string { return "odd: " + strings.TrimPrefix(w.err.Error(), "xcache: ") }
func (w wrapped) Unwrap() error { return w.err }

func wrap(err error) error {
	if err == nil || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrNotStored) {
		return err
	}
	return fmt.Errorf("very %w", wrapped{err})
}

func (s wrapsErrors) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	err := s.correct.Get(ctx, keys, dst)
	for i := range dst {
		dst[i].Err = wrap(dst[i].Err)
	}
	return wrap(err)
}

func (s wrapsErrors) Set(ctx context.Context, entries []driver.Entry) error {
	return wrap(s.correct.Set(ctx, entries))
}

func (s wrapsErrors) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := s.correct.Delete(ctx, keys)
	return n, wrap(err)
}

func (s wrapsErrors) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := s.correct.Incr(ctx, key, delta)
	return n, wrap(err)
}

func (s wrapsErrors) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		cmd.Err = wrap(cmd.Err)
	}
	return wrap(err)
}

type batchWrongTypeIsMiss struct{ correct }

func (s batchWrongTypeIsMiss) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		if len(keys) > 1 && errors.Is(v.Err, driver.ErrWrongType) {
			v.Err = driver.ErrNotFound
		}
	})
}

type emptyIsNil struct{ correct }

func (s emptyIsNil) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return onGet(ctx, s.correct, keys, dst, func(_ int, v *driver.Value) {
		if len(v.Data) == 0 {
			v.Data = nil
		}
	})
}

type numbersAreText struct{ correct }

func (s numbersAreText) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.Reply.Kind == driver.ReplyInt {
			cmd.Reply = driver.DataReply(fmt.Append(nil, cmd.Reply.Int))
		}
	}
	return err
}

// narrow has limits like memcached.
type narrow struct{ correct }

func (narrow) Limits() driver.Limits {
	return driver.Limits{KeyLength: 250, ValueSize: 32 << 10, ValidKey: func(key string) bool {
		return !slices.ContainsFunc([]byte(key), func(b byte) bool { return b <= ' ' || b == 127 })
	}}
}

type wrongTypeFailsCall struct{ correct }

func (s wrongTypeFailsCall) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	err := s.correct.Get(ctx, keys, dst)
	if len(keys) == 1 && errors.Is(dst[0].Err, driver.ErrWrongType) {
		return dst[0].Err
	}
	return err
}
