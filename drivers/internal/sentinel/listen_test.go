package sentinel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// The sentinel that replaces the primary publishes that. Calls then go to the new primary,
// long before the next poll.
func TestSentinelsAreListenedTo(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		follows       bool
	}{
		{"promoted", "slave b:1 b 1 @ m a 1", true},
		{"switched", "m a 1 b 1", true},
		{"another primary", "other a 1 b 1", false},
	} {
		s1, s2, s3 := three("a:1")
		a, b := server("a:1", "master"), server("b:1", "master")
		w := newWorld(s1, s2, s3, a, b)
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			wantServer(t, s, "a:1")
			time.Sleep(3300 * time.Millisecond) // the last poll was 300 ms ago, and the next is in 700 ms
			w.do(func() {
				s2.primary, s2.epoch = "b:1", 6
				s2.tell(tt.message)
			})
			synctest.Wait()
			want := "a:1"
			if tt.follows {
				want = "b:1"
			}
			wantServer(t, s, want)
			time.Sleep(time.Second) // correctness does not depend on messages
			wantServer(t, s, "b:1")
		})
	}
}

// A lost subscription is renewed, and the changes meanwhile are found. A refused
// subscription is tried less and less often.
func TestListeningAgain(t *testing.T) {
	s1, s2, s3 := three("a:1")
	s3.denies = "SUBSCRIBE"
	w := newWorld(s1, s2, s3, server("a:1", "master"))
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		require.Equal(t, 0, s1.heard, "a sentinel is listened to before the first call")
		wantServer(t, s, "a:1")
		time.Sleep(100 * time.Millisecond)
		for range 3 {
			w.do(func() {
				assert.Len(t, s1.listeners, 1)
				s1.hangUp()
			})
			time.Sleep(2 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		w.do(func() {
			assert.Equal(t, 4, s1.heard, "they were listened to %d and %d times, and one that refuses was asked %d times", s1.heard, s2.heard, s3.heard)
			assert.Equal(t, 1, s2.heard, "they were listened to %d and %d times, and one that refuses was asked %d times", s1.heard, s2.heard, s3.heard)
			assert.GreaterOrEqual(t, s3.heard, 10, "they were listened to %d and %d times, and one that refuses was asked %d times", s1.heard, s2.heard, s3.heard)
			assert.LessOrEqual(t, s3.heard, 30, "they were listened to %d and %d times, and one that refuses was asked %d times", s1.heard, s2.heard, s3.heard)
		})
	})
	require.Equal(t, 0, len(s1.listeners)+len(s2.listeners))
}
