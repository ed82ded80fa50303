package flight

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEachFailureInARowDoublesThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pauses
		key := Key{Full: "k"}
		require.False(t, p.has(key))
		for length := FirstPause; ; length = min(2*length, LongestPause) {
			p.failed(key)
			require.True(t, p.has(key))
			require.False(t, p.has(Key{Full: "other"}))
			time.Sleep(length/2 - 1)
			require.True(t, p.has(key), length)
			time.Sleep(length/2 + 1)
			require.False(t, p.has(key), length)
			if length == LongestPause {
				break
			}
		}
		p.failed(key)
		require.Equal(t, LongestPause, p.of[key].length)
		p.succeeded(key)
		p.failed(key)
		require.Equal(t, FirstPause, p.of[key].length, "after a success")
		time.Sleep(FirstPause + LongestPause + 1)
		p.failed(key)
		require.Equal(t, FirstPause, p.of[key].length, "long after the last failure")
	})
}

func TestPausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pauses
		for i := range pausesAtMost + 1 {
			p.failed(Key{Full: fmt.Sprint(i)})
		}
		require.Len(t, p.of, pausesAtMost)
		require.False(t, p.has(Key{Full: fmt.Sprint(pausesAtMost)}), "goes without")
		p.failed(Key{Full: "0"})
		require.Equal(t, 2*FirstPause, p.of[Key{Full: "0"}].length, "what has a pause is known still")
		time.Sleep(2*FirstPause + LongestPause + 1)
		p.failed(Key{Full: "new"})
		require.Len(t, p.of, 1, "the others are over")
	})
}
