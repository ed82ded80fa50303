package blocking_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/blocking"
)

// The end of a stream is where it was when the caller came, and not where it is when a slice
// begins.
func TestTheLastEntryIsReadOnce(t *testing.T) {
	s := &scripted{nils: 2, last: map[string]string{"a": "5-0"}}
	cmd := driver.NewCmd("XREAD", driver.Literal("BLOCK"), driver.WaitMilliseconds(0), driver.Literal("STREAMS"),
		driver.Key("a"), driver.Key("$"), driver.Key("c"), driver.Literal("$"), driver.Literal("$"), driver.Literal("7"))
	given := append([]driver.Arg(nil), cmd.Args...)
	require.NoError(t, blocking.Do(t.Context(), s, cmd, time.Second))
	want := []string{"5-0", "0-0", "7"} // the second stream has no entries
	require.Equal(t, [][]string{want, want, want}, s.asked)
	require.Equal(t, []string{"a", "$"}, s.read)
	require.Equal(t, given, cmd.Args, "the caller's arguments are as they were")
}

// scripted is a store and its only session: it answers nil a few times, and then something.
type scripted struct {
	driver.Session
	nils  int
	last  map[string]string // IDs of last entries
	read  []string          // streams whose last entry was read
	asked [][]string        // the IDs of each slice
}

func (s *scripted) Exclusive(context.Context, ...string) (driver.Session, error) { return s, nil }

func (s *scripted) Do(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
	for _, cmd := range cmds {
		s.read = append(s.read, cmd.Key())
		cmd.Reply = driver.ArrayReply()
		if id := s.last[cmd.Key()]; id != "" {
			cmd.Reply = driver.ArrayReply(driver.ArrayReply(driver.DataReply([]byte(id)), driver.ArrayReply(driver.DataReply([]byte("f")), driver.DataReply([]byte("v")))))
		}
	}
	return nil
}

func (s *scripted) Send(_ context.Context, cmds []*driver.Cmd) error {
	var ids []string
	for _, arg := range cmds[0].Args[len(cmds[0].Args)-3:] {
		ids = append(ids, arg.String())
	}
	s.asked = append(s.asked, ids)
	return nil
}

func (s *scripted) Receive(context.Context) (driver.Incoming, error) {
	if s.nils--; s.nils >= 0 {
		return driver.Incoming{}, nil
	}
	return driver.Incoming{Reply: driver.ArrayReply(driver.DataReply([]byte("a")), driver.ArrayReply())}, nil
}

func (s *scripted) Err() error   { return nil }
func (s *scripted) Close() error { return nil }
