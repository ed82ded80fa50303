package xcachetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// commandRewritten is a correct store that runs one command in another way.
type commandRewritten struct {
	correct
	command string
	run     func(ctx context.Context, s correct, cmd *driver.Cmd) error
}

func (s commandRewritten) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic || !slices.ContainsFunc(cmds, func(cmd *driver.Cmd) bool { return cmd.Name == s.command }) {
		return s.correct.Do(ctx, cmds, how)
	}
	for _, cmd := range cmds {
		run := runOne
		if cmd.Name == s.command {
			run = s.run
		}
		if err := run(ctx, s.correct, cmd); err != nil {
			return err
		}
	}
	return nil
}

// runOne runs a command as it is.
func runOne(ctx context.Context, s correct, cmd *driver.Cmd) error {
	return s.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
}

// runWith runs a command with another argument at a place.
func runWith(at int, change func(driver.Arg) driver.Arg) func(ctx context.Context, s correct, cmd *driver.Cmd) error {
	return func(ctx context.Context, s correct, cmd *driver.Cmd) error {
		if at < len(cmd.Args) {
			cmd.Args[at] = change(cmd.Args[at])
		}
		return runOne(ctx, s, cmd)
	}
}

// aThousandTimes multiplies a duration that is short.
func aThousandTimes(a driver.Arg) driver.Arg {
	if d, ok := a.Duration(); ok && d > 0 && d < time.Minute {
		return driver.Duration(1000 * d)
	}
	return a
}

// refusalTakesOfOthers takes of each limit alone where not all of them have enough.
func refusalTakesOfOthers(ctx context.Context, s correct, cmd *driver.Cmd) error {
	err := runOne(ctx, s, cmd)
	keys, _ := cmd.Args[0].Integer()
	if err != nil || cmd.Err != nil || keys < 2 || cmd.Reply.Items[0].Int == 1 {
		return err
	}
	n := int(keys)
	for i := range n {
		args := []driver.Arg{driver.Int(1), cmd.Args[1+i], cmd.Args[1+n]}
		if err := runOne(ctx, s, driver.NewCmd(driver.CmdRateLimit, append(args, cmd.Args[2+n+4*i:6+n+4*i]...)...)); err != nil {
			return err
		}
	}
	return nil
}

// looksThenTakes takes of a single limit what there was a moment before.
func looksThenTakes(ctx context.Context, s correct, cmd *driver.Cmd) error {
	if keys, _ := cmd.Args[0].Integer(); keys != 1 || len(cmd.Args) != 7 {
		return runOne(ctx, s, cmd)
	}
	look := driver.NewCmd(driver.CmdRateLimit, append([]driver.Arg(nil), cmd.Args...)...)
	look.Args[2] = driver.Int(0)
	if err := runOne(ctx, s, look); err != nil || look.Err != nil {
		return runOne(ctx, s, cmd)
	}
	letOthersIn()
	n, _ := cmd.Args[2].Integer()
	if limit, _ := cmd.Args[4].Integer(); look.Reply.Items[1].Int >= n {
		cmd.Args[4] = driver.Int(limit + 1000)
		if err := runOne(ctx, s, cmd); err != nil || cmd.Err != nil {
			return err
		}
		cmd.Reply.Items[1].Int -= 1000
		return nil
	}
	return runOne(ctx, s, cmd)
}

// looksThenClaims gives a key to whoever saw that it was free.
func looksThenClaims(ctx context.Context, s correct, cmd *driver.Cmd) error {
	look := driver.NewCmd("EXISTS", cmd.Args[0])
	if err := runOne(ctx, s, look); err != nil {
		return err
	}
	if look.Err == nil && look.Reply.Int == 0 {
		letOthersIn()
		if err := runOne(ctx, s, driver.NewCmd("DEL", cmd.Args[0])); err != nil {
			return err
		}
	}
	return runOne(ctx, s, cmd)
}

// lastValueWins lets the token that has kept a value keep another one.
func lastValueWins(ctx context.Context, s correct, cmd *driver.Cmd) error {
	err := runOne(ctx, s, cmd)
	if err != nil || cmd.Err != nil || cmd.Reply.Int != 1 {
		return err
	}
	again := []*driver.Cmd{
		driver.NewCmd("DEL", cmd.Args[0]),
		driver.NewCmd(driver.CmdOnce, cmd.Args[0], cmd.Args[1], driver.Int(1000), driver.Int(0)),
		driver.NewCmd(driver.CmdOnceDone, cmd.Args...),
	}
	return s.Do(ctx, again, driver.Plain)
}

// looksThenMakes makes the generation of a tag that had none a moment before.
func looksThenMakes(ctx context.Context, s correct, cmd *driver.Cmd) error {
	var held [1]driver.Value
	if err := s.Get(ctx, []string{cmd.Args[0].Text}, held[:]); err != nil || held[0].Err == nil || len(cmd.Args) != 3 {
		return errors.Join(err, runOne(ctx, s, cmd))
	}
	time.Sleep(time.Millisecond)
	entries := []driver.Entry{{Key: cmd.Args[0].Text, Value: []byte(cmd.Args[1].Text)}}
	var ttlErr error
	if entries[0].TTL, ttlErr = driver.ParseTTLArg(cmd.Args[2]); ttlErr != nil || driver.Expired(entries[0].TTL) || entries[0].TTL == driver.KeepTTL {
		return runOne(ctx, s, cmd)
	}
	cmd.Reply = driver.DataReply(entries[0].Value)
	return errors.Join(s.Set(ctx, entries), entries[0].Err)
}

// lastTTLWins sets the TTL of a tag to that of the last write.
func lastTTLWins(ctx context.Context, s correct, cmd *driver.Cmd) error {
	if err := runOne(ctx, s, cmd); err != nil || cmd.Err != nil {
		return err
	}
	ttl, err := driver.ParseTTLArg(cmd.Args[2])
	return errors.Join(err, s.Expire(ctx, []driver.Entry{{Key: cmd.Args[0].Text, TTL: ttl}}))
}
