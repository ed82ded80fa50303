package mixins_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// A movable is a store that tells where its keys are. The address is what is left of addrs after so
// many commands, and at last the last address.
type movable struct {
	*memory.Store
	addrs []string
}

func (s *movable) Caps() driver.Caps {
	caps := driver.DetectCaps(s.Store)
	caps.Commander, caps.Locator = s, s
	return caps
}

func (s *movable) Locate(string) string { return s.addrs[0] }

func (s *movable) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(s.addrs) > 1 {
		s.addrs = s.addrs[1:]
	}
	return s.Store.Do(ctx, cmds, how)
}

func TestAScanEndsWhenItsKeyIsOnAnotherServer(t *testing.T) {
	const members = 1000
	for _, tt := range []struct {
		name  string
		addrs []string // before the first page, and after each page
		count int      // of elements in a page
		fails bool
	}{
		{"one server", []string{"a"}, 100, false},
		{"nobody knows the server at first", []string{"", "a"}, 100, false},
		{"nobody knows the server for a moment", []string{"a", "a", "", "a"}, 100, false},
		{"during the first page", []string{"a", "b"}, 100, true},
		{"during the first page, which has all", []string{"a", "b"}, 10 * members, false},
		{"during a later page", []string{"a", "a", "a", "b"}, 100, true},
		{"while nobody knows the server", []string{"a", "a", "", "b"}, 100, true},
		{"from a server that nobody knew at first", []string{"", "a", "b"}, 100, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			s := &movable{store, []string{"a"}}
			c, err := xcache.New(s)
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			numbers, scores := make(map[string]int), make([]mixins.Scored[int], members)
			for i := range members {
				numbers[strconv.Itoa(i)], scores[i] = i, mixins.Scored[int]{Member: i, Score: float64(i)}
			}
			hashes, sets, sorted := must(mixins.NewHashes[int](c)), must(mixins.NewSets[int](c)), must(mixins.NewSortedSets[int](c))
			_, err = hashes.HSetMany(t.Context(), "h", numbers)
			require.NoError(t, err)
			for i := range members {
				_, err = sets.SAdd(t.Context(), "s", i)
				require.NoError(t, err)
			}
			_, err = sorted.ZAdd(t.Context(), "z", scores...)
			require.NoError(t, err)
			options := mixins.ScanOptions{Count: tt.count}
			for name, scan := range map[string]func(each func(n int, err error)){
				"HScan": func(each func(int, error)) {
					for field, err := range hashes.HScan(t.Context(), "h", options) {
						each(field.Value, err)
					}
				},
				"SScan": func(each func(int, error)) {
					for n, err := range sets.SScan(t.Context(), "s", options) {
						each(n, err)
					}
				},
				"ZScan": func(each func(int, error)) {
					for member, err := range sorted.ZScan(t.Context(), "z", options) {
						each(member.Member, err)
					}
				},
			} {
				s.addrs = tt.addrs
				found := make(map[int]bool)
				var last error
				scan(func(n int, err error) {
					last = err
					if err == nil {
						found[n] = true
					}
				})
				if !tt.fails {
					require.NoError(t, last, name)
					require.Len(t, found, members, name)
					continue
				}
				require.ErrorIs(t, last, xcache.ErrUnavailable, name)
				require.NotErrorIs(t, last, xcache.ErrUnknownOutcome, name)
				require.ErrorContains(t, last, "begin the scan again", name)
				require.ErrorContains(t, last, "scan \"", name)
				require.Less(t, len(found), members, name)
			}
		})
	}
}
