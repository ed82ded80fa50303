package xcachetest

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

// hangUpChecks has the rules for commands without a reply behind an error reply.
func hangUpChecks() []check {
	return withNeeds([]check{
		{
			name:  "faults/error-reply-before-a-cut",
			rule:  "wherever the replies to a batch are cut, an error among them is the outcome of its own command alone: those that were run and have no reply are ErrUnknownOutcome, not that error and no success",
			needs: needs(behindAddr, "LPUSH", "INCRBY"),
			run:   func(s *subject) error { return s.cutBehindAnError(driver.Plain) },
		},
		{
			name:  "faults/error-reply-before-a-cut-in-an-atomic-batch",
			rule:  "wherever the replies to an atomic batch are cut, an error among them is no outcome of the call: what was run is ErrUnknownOutcome",
			needs: needs(behindAddr, "LPUSH", "INCRBY"),
			run:   func(s *subject) error { return s.cutBehindAnError(driver.Atomic) },
		},
		{
			name:  "faults/error-reply-before-a-hang-up",
			rule:  "when the server has answered a command of a batch with an error, and hangs up while the batch is still being sent, that error is no outcome of the other commands: those that were run are ErrUnknownOutcome or have succeeded",
			needs: needs(behindAddr, "LPUSH", "INCRBY", "SET"),
			run:   (*subject).hangUpBehindAnError,
		},
	}, commander)
}

// cutBehindAnError cuts the replies to a batch whose first command fails.
func (s *subject) cutBehindAnError(how driver.How) error {
	text, tries := s.key("{t}text"), 0
	err := s.set(text, "text", long)
	return errors.Join(err, s.cutAfterEachByte(text, func(f *far) error {
		tries++ // a batch of an earlier attempt may still run
		number := s.key("{t}number " + strconv.Itoa(tries))
		return s.wantOwnOutcomes(f, how, number, []*driver.Cmd{
			driver.NewCmd("LPUSH", driver.Key(text), driver.Val([]byte("element"))),
			driver.NewCmd("INCRBY", driver.Key(number), driver.Int(1)),
			driver.NewCmd("INCRBY", driver.Key(number), driver.Int(1)),
		})
	}))
}

// hangUpBehindAnError cuts a batch within its last command, after the failure of the
// first command and the success of the second command.
func (s *subject) hangUpBehindAnError() error {
	const beginning = 1 << 10 // the first two commands of the batch
	size := s.h.MaxValue
	if most := s.caps.Limits.ValueSize; most > 0 {
		size = min(size, most)
	}
	if size < 4*beginning {
		return inapplicable("no value is so large that sending it takes time")
	}
	text, number, large := s.key("{t}text"), s.key("{t}number"), s.key("{t}large")
	if err := s.set(text, "text", long); err != nil {
		return err
	}
	f, err := s.proxied(text)
	if err != nil {
		return err
	}
	f.proxy.CutRequest(beginning)
	err = s.wantOwnOutcomes(f, driver.Plain, number, []*driver.Cmd{
		driver.NewCmd("LPUSH", driver.Key(text), driver.Val([]byte("element"))),
		driver.NewCmd("INCRBY", driver.Key(number), driver.Int(1)),
		driver.NewCmd("SET", driver.Key(large), driver.Val(make([]byte, size))),
	})
	return errors.Join(err,
		expect(f.proxy.Stats().CutRequests, 1, "requests that were cut"),
		s.wantMiss(large),
		s.eventually(func() error { return f.wantValue(text, "text") }),
		f.close())
}

// wantOwnOutcomes runs a batch through a proxy that will cut the batch. The first command
// fails. Each command that succeeds adds one to the number at a key, from 0.
func (s *subject) wantOwnOutcomes(f *far, how driver.How, number string, cmds []*driver.Cmd) error {
	if err := s.set(number, "0", long); err != nil {
		return err
	}
	callErr := f.caps.Commander.Do(noDeadline, cmds, how)
	text, err := s.get(number)
	if err != nil {
		return err
	}
	run, _ := strconv.Atoi(text)
	if callErr != nil {
		return errors.Join(
			that(!errors.Is(callErr, driver.ErrWrongType), "Do = %v: that is the outcome of one command", callErr),
			that(run == 0 || errors.Is(callErr, driver.ErrUnknownOutcome), "Do = %v, but commands of the batch were run", callErr))
	}
	errs := []error{that(errors.Is(cmds[0].Err, driver.ErrWrongType) || errors.Is(cmds[0].Err, driver.ErrUnknownOutcome),
		"command 0, %s of a text: error is %v", cmds[0].Name, orNone(cmds[0].Err))}
	for i, cmd := range cmds[1:] {
		nth := i + 1
		switch {
		case cmd.Err == nil:
			errs = append(errs, that(nth <= run && sameReply(cmd.Reply, driver.IntReply(int64(nth))),
				"command %d, %s = %s and no error, though its reply was cut", nth, cmd.Name, replyText(cmd.Reply)))
		case errors.Is(cmd.Err, driver.ErrWrongType):
			errs = append(errs, fmt.Errorf("command %d, %s: %w, which is the outcome of another command", nth, cmd.Name, cmd.Err))
		default:
			errs = append(errs,
				s.wantErr(cmd.Err, driver.ErrUnavailable, "command %d, %s", nth, cmd.Name),
				that(nth > run || errors.Is(cmd.Err, driver.ErrUnknownOutcome), "command %d, %s: %v, but it was run", nth, cmd.Name, cmd.Err))
		}
	}
	return errors.Join(errs...)
}
