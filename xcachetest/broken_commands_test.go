package xcachetest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// mutations are wrong replies to one command. Each function reports whether the reply was
// changed.
var mutations = []struct {
	name   string
	change func(cmd *driver.Cmd) bool
}{
	{"integers are off by one", func(cmd *driver.Cmd) bool { return eachReply(&cmd.Reply, offByOne) }},
	{"data ends too late", func(cmd *driver.Cmd) bool { return eachReply(&cmd.Reply, oneByteMore) }},
	{"the last element is missing", func(cmd *driver.Cmd) bool {
		n := len(cmd.Reply.Items)
		if cmd.Reply.Kind != driver.ReplyArray || n == 0 {
			return false
		}
		cmd.Reply.Items = cmd.Reply.Items[:n-1]
		return true
	}},
	{"nothing is there", func(cmd *driver.Cmd) bool {
		was := cmd.Reply.Kind != driver.ReplyNil && cmd.Err == nil
		cmd.Reply = driver.Reply{}
		return was
	}},
	{"an error is a success", func(cmd *driver.Cmd) bool {
		was := cmd.Err != nil
		cmd.Err = nil
		return was
	}},
}

// eachReply changes a reply and all nested replies.
func eachReply(r *driver.Reply, change func(*driver.Reply) bool) bool {
	changed := change(r)
	r.Items = slices.Clone(r.Items)
	for i := range r.Items {
		changed = eachReply(&r.Items[i], change) || changed
	}
	return changed
}

func offByOne(r *driver.Reply) bool {
	r.Int++
	return r.Kind == driver.ReplyInt
}

func oneByteMore(r *driver.Reply) bool {
	r.Data = append(slices.Clone(r.Data), '.')
	return r.Kind == driver.ReplyData
}

// answersWrongly is a correct store, except the replies to one command.
type answersWrongly struct {
	correct
	command string
	change  func(cmd *driver.Cmd) bool
	changed *atomic.Int64
}

func (s answersWrongly) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.correct.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if err == nil && cmd.Name == s.command && s.change(cmd) {
			s.changed.Add(1)
		}
	}
	return err
}

// doesNothing replies as the correct store, but undoes one command.
type doesNothing struct {
	correct
	command string
}

func (s doesNothing) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	var others []*driver.Cmd
	for _, cmd := range cmds {
		if cmd.Name != s.command {
			others = append(others, cmd)
		}
	}
	return s.correct.Do(ctx, others, how)
}

// The check of a command must catch every wrong reply in mutations, and a command that does
// nothing.
func TestWrongRepliesToCommandsAreCaught(t *testing.T) {
	lacking := commandsLackedBy(newCorrect())
	for _, row := range driver.Commands() {
		if slices.Contains(lacking, row.Name) {
			continue
		}
		check := "command/" + row.Name
		wantAllPassed(t, runChecks(t, inProcess(func() driver.Store { return newCorrect() }), check))
		for _, mutation := range mutations {
			var changed atomic.Int64
			results := runChecks(t, inProcess(func() driver.Store { return answersWrongly{newCorrect(), row.Name, mutation.change, &changed} }), check)
			if caught := results[0].err != nil; !caught && changed.Load() > 0 {
				t.Errorf("%s: %s, and the check does not notice", row.Name, mutation.name)
			}
		}
		results := runChecks(t, inProcess(func() driver.Store { return doesNothing{newCorrect(), row.Name} }), check)
		if results[0].err == nil {
			t.Errorf("%s does nothing, and the check does not notice (skipped: %q)", row.Name, results[0].skipped)
		}
	}
}
