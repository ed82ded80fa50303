package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

func TestReadsOfStreamsWaitForAnEntry(t *testing.T) {
	for name, read := range map[string]func(*mixins.Streams[string], context.Context, time.Duration) (map[string][]mixins.StreamEntry[string], error){
		"XRead": func(s *mixins.Streams[string], ctx context.Context, block time.Duration) (map[string][]mixins.StreamEntry[string], error) {
			return s.XRead(ctx, mixins.XReadOptions{Block: block}, mixins.Behind("s", "$"))
		},
		"XReadGroup": func(s *mixins.Streams[string], ctx context.Context, block time.Duration) (map[string][]mixins.StreamEntry[string], error) {
			return s.XReadGroup(ctx, "g", "c", mixins.XReadGroupOptions{Block: block}, mixins.Behind("s", ">"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, streams *mixins.Streams[string]) {
				require.NoError(t, streams.XGroupCreate(t.Context(), "s", "g", "0", mixins.XGroupCreateOptions{MkStream: true}))
				began := time.Now()
				entries, err := read(streams, t.Context(), time.Hour)
				require.NoError(t, err)
				require.Empty(t, entries, "the time has passed")
				require.Equal(t, time.Hour, time.Since(began))
				go func() {
					time.Sleep(24 * time.Hour)
					addEntries(t, streams, 1)
				}()
				began = time.Now()
				entries, err = read(streams, t.Context(), mixins.Forever)
				require.NoError(t, err)
				require.Equal(t, map[string][]mixins.StreamEntry[string]{"s": {{ID: "1-0", Fields: map[string]string{"f": "1"}}}}, entries)
				require.Equal(t, 24*time.Hour, time.Since(began))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err = read(streams, ctx, mixins.Forever)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		})
	}
}

func TestReadsThatWaitAreNotQueued(t *testing.T) {
	cache := openTest(t, "memory://")
	streams := streamsOf(t, cache)
	p := cache.Pipeline()
	read := streams.In(p).XRead(mixins.XReadOptions{Block: time.Second}, mixins.Behind("s", "0"))
	grouped := streams.In(p).XReadGroup("g", "c", mixins.XReadGroupOptions{Block: mixins.Forever}, mixins.Behind("s", ">"))
	added := streams.In(p).XAdd("s", mixins.XAddOptions{ID: "1"}, map[string]string{"f": "v"})
	require.ErrorIs(t, p.Exec(t.Context()), errors.ErrUnsupported)
	require.ErrorIs(t, read.Err(), errors.ErrUnsupported)
	require.ErrorIs(t, grouped.Err(), errors.ErrUnsupported)
	require.NoError(t, added.Err())
}

func TestEntriesYieldsAllPages(t *testing.T) {
	cache := openTest(t, "memory://")
	numbers, texts := must(mixins.NewStreams[int](cache)), streamsOf(t, cache)
	const n = 250
	p := cache.Pipeline()
	for i := range n {
		numbers.In(p).XAdd("s", mixins.XAddOptions{ID: fmt.Sprintf("%d-18446744073709551615", i+1)}, map[string]int{"f": i})
	}
	texts.In(p).XAdd("s", mixins.XAddOptions{}, map[string]string{"f": "no number"})
	require.NoError(t, p.Exec(t.Context()))
	next := 0
	for e, err := range numbers.Entries(t.Context(), "s", "-", "+") {
		if next == n {
			require.ErrorIs(t, err, xcache.ErrCorrupt)
			require.NotEmpty(t, e.ID)
			break
		}
		require.NoError(t, err)
		require.Equal(t, map[string]int{"f": next}, e.Fields)
		next++
	}
	require.Equal(t, n, next)
	for e, err := range numbers.Entries(t.Context(), "none", "-", "+") {
		t.Errorf("a stream that does not exist has the entry %v, %v", e, err)
	}
	for _, err := range numbers.Entries(t.Context(), "s", "word", "+") {
		require.ErrorIs(t, err, xcache.ErrSyntax)
	}
}

func TestFollowYieldsWhatIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := openTest(t, "memory://")
		numbers, texts := must(mixins.NewStreams[int](cache)), streamsOf(t, cache)
		addEntries(t, texts, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		ended := make(chan error)
		go func() {
			for e, err := range numbers.Follow(ctx, "s", "$") {
				switch {
				case errors.Is(err, xcache.ErrCorrupt):
					got = append(got, e.ID+" corrupt")
				case err != nil:
					ended <- err
					return
				default:
					got = append(got, fmt.Sprint(e.ID, " ", e.Fields["f"]))
				}
			}
		}()
		synctest.Wait()
		addEntries(t, texts, 1)
		_, err := numbers.XAdd(t.Context(), "s", mixins.XAddOptions{ID: "3"}, map[string]int{"f": 3})
		require.NoError(t, err)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Equal(t, []string{"2-0 corrupt", "3-0 3"}, got)
	})
}

// With on_error=miss a loop that fails ends with its error, and not as if there were no more entries.
func TestLoopsOverStreamsDoNotFailOpen(t *testing.T) {
	for name, loop := range map[string]func(ctx context.Context, s *mixins.Streams[string], each func(error)){
		"Entries": func(ctx context.Context, s *mixins.Streams[string], each func(error)) {
			for _, err := range s.Entries(ctx, "s", "-", "+") {
				each(err)
			}
		},
		"DeadLetters": func(ctx context.Context, s *mixins.Streams[string], each func(error)) {
			for _, err := range s.DeadLetters(ctx, "s") {
				each(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			o := &outage{Store: store}
			cache, err := xcache.New(o, xcache.WithOnError(xcache.OnErrorMiss))
			require.NoError(t, err)
			defer func() { require.NoError(t, cache.Close()) }()
			streams := streamsOf(t, cache)
			addEntries(t, streams, 150)
			yielded := 0
			var last error
			loop(t.Context(), streams, func(err error) {
				o.set(true) // after the first page
				yielded++
				last = err
			})
			require.ErrorIs(t, last, xcache.ErrUnavailable)
			require.Equal(t, 101, yielded, "a page, and the error")
		})
	}
}
