package coordination

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// ofStale returns a cache whose values are stale after a millisecond, so that almost
// every hit starts a load in the background.
func ofStale(c *xcache.Cache) *xcache.Cache {
	return c.With(xcache.StaleFor(time.Hour), xcache.WithTTL(time.Millisecond))
}

// playLoadOfStale is playLoad with loads over stale values.
func playLoadOfStale(ctx context.Context, c *xcache.Cache, d time.Duration) error {
	return playLoad(ctx, ofStale(c), d)
}

// TestNoLoadBringsBackWhatWasInvalidated for loads that replace a stale value.
func TestNoRefreshBringsBackWhatWasInvalidated(t *testing.T) {
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			rounds := size(t, "XCACHE_FILLS", 320)
			old := oldValues(t, store.dsn(t), "load stale values", rounds)
			require.Zero(t, old, "old values in %d rounds", rounds)
		})
	}
}

func TestNoRefreshInMemoryBringsBackWhatWasInvalidated(t *testing.T) {
	rounds := size(t, "XCACHE_FILLS", 1600)
	old := oldValuesHere(t, stores[0].dsn(t), rounds, ofStale)
	require.Zero(t, old, "old values in %d rounds", rounds)
}
