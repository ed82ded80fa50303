package xcachetest

import (
	"context"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// A remoteCommander is a remoteStore that runs batches of commands. All commands of a batch
// are sent before the replies are read.
type remoteCommander struct {
	*remoteStore
	batchBugs batchBugs
}

// batchBugs are the possible bugs of a remoteCommander.
type batchBugs struct {
	errorIsForAll bool // an error reply is the error of commands without a reply
	lostIsSuccess bool // a command without a reply has no error
	lostIsUnsent  bool // a command without a reply was not applied
	errorIsCalls  bool // an error reply is the call's error when other replies are missing
}

var hangUps = []string{"faults/error-reply-before-a-cut", "faults/error-reply-before-a-cut-in-an-atomic-batch", "faults/error-reply-before-a-hang-up"}

func TestRemoteCommanderPasses(t *testing.T) {
	results := runChecks(t, commandingHarness(t, batchBugs{}), hangUps...)
	wantAllPassed(t, results)
	for _, r := range results {
		if r.skipped != "" {
			t.Errorf("%s did not run: %s", r.name, r.skipped)
		}
	}
}

func TestBrokenRemoteCommandersAreCaught(t *testing.T) {
	for _, broken := range []struct {
		name   string
		bugs   batchBugs
		caught []string
	}{
		{"an error reply is that of all commands behind it", batchBugs{errorIsForAll: true}, hangUps},
		{"a command without a reply has succeeded", batchBugs{lostIsSuccess: true}, hangUps},
		{"a command without a reply was not applied", batchBugs{lostIsUnsent: true}, hangUps[:2]},
		{"an error reply is the call's", batchBugs{errorIsCalls: true}, hangUps},
	} {
		t.Run(broken.name, func(t *testing.T) {
			for _, r := range runChecks(t, commandingHarness(t, broken.bugs), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

func commandingHarness(t *testing.T, batchBugs batchBugs) Harness {
	h := remoteHarness(t, bugs{}, longCallTimeout)
	openAt := func(_ testing.TB, addr string) driver.Store {
		return &remoteCommander{&remoteStore{addr: addr, callTimeout: longCallTimeout}, batchBugs}
	}
	h.Open = func(t testing.TB) driver.Store { return openAt(t, h.Addr) }
	h.OpenAt = openAt
	h.MaxValue = 8 << 20 // more than the system buffers
	return h
}

func (s *remoteCommander) Commands() driver.CommandSet {
	return driver.NewCommandSet("LPUSH", "INCRBY", "SET")
}

func (s *remoteCommander) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	c, err := s.take(ctx)
	if err != nil {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	for _, cmd := range cmds {
		if c.out.Encode(commandRequest(cmd)) != nil {
			break // there may be replies to read
		}
	}
	var reported error
	for i, cmd := range cmds {
		var resp response
		if err := c.in.Decode(&resp); err != nil {
			c.Close()
			return s.lost(cmds[i:], how, err, reported)
		}
		cmd.Reply = driver.IntReply(resp.N)
		if cmd.Err = sentinels[resp.Errs[0]]; cmd.Err != nil {
			reported = cmd.Err
		}
	}
	s.give(c)
	return nil
}

// lost fails the commands without a reply. An earlier command may have reported an error of
// its own.
func (s *remoteCommander) lost(cmds []*driver.Cmd, how driver.How, cause, reported error) error {
	var err error = driver.Fail(driver.ErrUnavailable, driver.Unknown, cause)
	switch {
	case s.batchBugs.lostIsUnsent:
		err = driver.Fail(driver.ErrUnavailable, driver.NotApplied, cause)
	case s.batchBugs.errorIsForAll && reported != nil:
		err = reported
	case s.batchBugs.errorIsCalls && reported != nil:
		return reported
	case s.batchBugs.lostIsSuccess:
		err = nil
	}
	if how == driver.Atomic {
		return err
	}
	for _, cmd := range cmds {
		cmd.Err = err
	}
	return nil
}

// commandRequest returns a command with a key and another argument as a request.
func commandRequest(cmd *driver.Cmd) *request {
	value := cmd.Args[1].Data
	if value == nil {
		value = []byte(cmd.Args[1].String())
	}
	return &request{Op: cmd.Name, Keys: []string{cmd.Key()}, Values: [][]byte{value}}
}

// runCommand runs a request of commandRequest.
func runCommand(store correct, req *request) (n int64, err error) {
	arg := driver.Val(req.Values[0])
	if req.Op == "INCRBY" {
		arg = driver.Literal(string(req.Values[0]))
	}
	cmd := driver.NewCmd(req.Op, driver.Key(req.Keys[0]), arg)
	if err := store.Do(noDeadline, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		return 0, err
	}
	return cmd.Reply.Int, cmd.Err
}
