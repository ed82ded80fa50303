package drivertest

import (
	"fmt"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// shaped is one sequence of commands whose replies the versions of RESP shape differently.
// Each command finds the data that the earlier commands left.
var shaped = []string{
	"ZADD z 1 a 2.5 b inf c", "ZADD z INCR 1 a", "ZINCRBY z 0.5 b", "ZSCORE z b", "ZSCORE z none", "ZMSCORE z a none c", "ZRANK z b WITHSCORE", "ZREVRANK z none WITHSCORE",
	"ZRANGE z 0 -1", "ZRANGE z 0 -1 withscores", "ZRANGE z 9 9 WITHSCORES", "ZRANGE z +inf -inf BYSCORE REV WITHSCORES", "ZRANDMEMBER z", "ZRANDMEMBER z 5 WITHSCORES", "ZSCAN z 0",
	"ZPOPMIN z", "ZPOPMAX z 2", "ZPOPMIN z",

	"XADD s 1-0 f v g w", "XADD s 2-0 f v", "XRANGE s - +", "XREAD STREAMS s 0", "XREAD STREAMS s $", "XGROUP CREATE s h $", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >",
	"XREADGROUP GROUP g c STREAMS s >", "XPENDING s g", "XPENDING s h", "XDEL s 1-0", "XREADGROUP GROUP g c STREAMS s 0", "XINFO STREAM s", "XINFO GROUPS s", "XCLAIM s g d 0 2-0",
	"XAUTOCLAIM s g e 0 0", "XACK s g 2-0", "XPENDING s g",
}

// Replies tests that the version of RESP makes no difference to a caller. The test
// fails if a command has different replies in RESP2 and RESP3, alone or in batches.
func (s *Subject) Replies(t *testing.T) {
	server := s.StartServer(t)
	for _, way := range []struct {
		name string
		how  driver.How
		size int
	}{{"alone", driver.Plain, 1}, {"pipeline", driver.Plain, len(shaped)}, {"transaction", driver.Atomic, len(shaped)}} {
		t.Run(way.name, func(t *testing.T) {
			var replies [2][]driver.Reply
			for i, protocol := range []string{"2", "3"} {
				server.Do(t, "FLUSHALL")
				store := s.open(t, s.Scheme+"://"+server.Addr+"?protocol="+protocol)
				for from := 0; from < len(shaped); from += way.size {
					var cmds []*driver.Cmd
					for _, line := range shaped[from : from+way.size] {
						cmds = append(cmds, command(line))
					}
					if err := store.Do(t.Context(), cmds, way.how); err != nil {
						t.Fatal(err)
					}
					for _, c := range cmds {
						if c.Err != nil {
							t.Errorf("protocol %s: %s: %v", protocol, c.Name, c.Err)
						}
						if c.Name == "ZRANDMEMBER" { // the member is random
							for k := range c.Reply.Items {
								c.Reply.Items[k] = driver.Reply{Kind: c.Reply.Items[k].Kind}
							}
							c.Reply.Data = nil
						}
						replies[i] = append(replies[i], c.Reply)
					}
				}
			}
			for i, line := range shaped {
				if two, three := fmt.Sprintf("%+v", replies[0][i]), fmt.Sprintf("%+v", replies[1][i]); two != three {
					t.Errorf("%s: RESP2 gives %s, RESP3 %s", line, two, three)
				}
			}
		})
	}
}
