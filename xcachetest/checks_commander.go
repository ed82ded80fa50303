package xcachetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

// commanderChecks has the rules for all commands. commandChecks has the rules of each
// command.
func commanderChecks() []check {
	checks := []check{
		{
			name:  "commander/plain-in-order",
			rule:  "a plain batch runs in order and fills the reply of each command",
			needs: needs("SET", "GET", "INCRBY", "RPUSH", "LRANGE"),
			run: func(s *subject) error {
				text, list := driver.Key(s.key("{t}text")), driver.Key(s.key("{t}list"))
				return s.wantBatch(driver.Plain, []reply{
					{driver.NewCmd("SET", text, driver.Val([]byte("1"))), okReply},
					{driver.NewCmd("INCRBY", text, driver.Int(4)), driver.IntReply(5)},
					{driver.NewCmd("GET", text), dataReply("5")},
					{driver.NewCmd("RPUSH", list, driver.Val([]byte("a")), driver.Val([]byte("b"))), driver.IntReply(2)},
					{driver.NewCmd("LRANGE", list, driver.Int(0), driver.Int(-1)), driver.ArrayReply(dataReply("a"), dataReply("b"))},
					{driver.NewCmd("GET", text), dataReply("5")},
				})
			},
		},
		{
			name:  "commander/atomic-in-order",
			rule:  "an atomic batch runs in order and fills the reply of each command",
			needs: needs("SET", "GET", "INCRBY", "RPUSH", "LRANGE"),
			run: func(s *subject) error {
				text, list := driver.Key(s.key("{t}text")), driver.Key(s.key("{t}list"))
				return s.wantBatch(driver.Atomic, []reply{
					{driver.NewCmd("SET", text, driver.Val([]byte("1"))), okReply},
					{driver.NewCmd("INCRBY", text, driver.Int(4)), driver.IntReply(5)},
					{driver.NewCmd("GET", text), dataReply("5")},
					{driver.NewCmd("RPUSH", list, driver.Val([]byte("a"))), driver.IntReply(1)},
					{driver.NewCmd("LRANGE", list, driver.Int(0), driver.Int(-1)), driver.ArrayReply(dataReply("a"))},
				})
			},
		},
		{
			name: "commander/empty-batch",
			rule: "a batch of no commands succeeds, plain or atomic",
			run: func(s *subject) error {
				return errors.Join(s.caps.Commander.Do(noDeadline, nil, driver.Plain), s.caps.Commander.Do(noDeadline, nil, driver.Atomic))
			},
		},
		{
			name:  "commander/nil-is-a-reply",
			rule:  "a nil of the server is a reply of kind ReplyNil and no error, in either kind of batch, also inside an array",
			needs: needs("GET", "MGET"),
			run: func(s *subject) error {
				none, there := s.key("{t}none"), s.key("{t}there")
				errs := []error{s.set(there, "v", long)}
				for _, how := range []driver.How{driver.Plain, driver.Atomic} {
					errs = append(errs, s.wantBatch(how, []reply{
						{driver.NewCmd("GET", driver.Key(none)), driver.Reply{}},
						{driver.NewCmd("MGET", driver.Key(none), driver.Key(there), driver.Key(none)), driver.ArrayReply(driver.Reply{}, dataReply("v"), driver.Reply{})},
					}))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/own-errors-stay-their-own",
			rule:  "in a plain batch a command that fails has its error, the call succeeds, and the other commands run",
			needs: needs("SET", "GET", "LPUSH", "INCRBY"),
			run: func(s *subject) error {
				return s.wantOwnErrors(driver.Plain)
			},
		},
		{
			name:  "commander/own-errors-in-atomic-batches",
			rule:  "in an atomic batch a command that fails when it runs has its error, the call succeeds, and the other commands run, as with MULTI and EXEC",
			needs: needs("SET", "GET", "LPUSH", "INCRBY"),
			run: func(s *subject) error {
				return s.wantOwnErrors(driver.Atomic)
			},
		},
		{
			name:  "commander/too-many-arguments-in-atomic-batches",
			rule:  "in an atomic batch a command with optional arguments that has too many fails alone with ErrSyntax, and the other commands run, as with MULTI and EXEC",
			needs: needs("SET", "GET", "SRANDMEMBER"),
			run: func(s *subject) error {
				key, none := driver.Key(s.key("{t}k")), driver.Key(s.key("{t}none"))
				cmds := []*driver.Cmd{
					driver.NewCmd("SET", key, driver.Val([]byte("v"))),
					driver.NewCmd("SRANDMEMBER", none, driver.Int(1), literal("NOSUCHOPTION")),
					driver.NewCmd("GET", key),
				}
				return errors.Join(s.wantErr(s.caps.Commander.Do(noDeadline, cmds, driver.Atomic), nil, "an atomic batch with a command that has too many arguments"),
					s.wantErr(cmds[0].Err, nil, "SET"), s.wantErr(cmds[1].Err, driver.ErrSyntax, "SRANDMEMBER with too many arguments"), s.wantErr(cmds[2].Err, nil, "GET"),
					s.wantValue(key.Text, "v"), that(sameReply(cmds[2].Reply, dataReply("v")), "GET in the batch = %s", replyText(cmds[2].Reply)))
			},
		},
		{
			name:  "commander/unknown-in-plain-batch",
			rule:  "a command that is not in Commands is errors.ErrUnsupported for itself alone; the others of a plain batch run",
			needs: needs("SET", "GET"),
			run: func(s *subject) error {
				key := driver.Key(s.key("{t}k"))
				cmds := []*driver.Cmd{
					driver.NewCmd("SET", key, driver.Val([]byte("v"))),
					driver.NewCmd("XCACHETEST.NOSUCH", key),
					driver.NewCmd("GET", key),
				}
				return errors.Join(s.caps.Commander.Do(noDeadline, cmds, driver.Plain),
					s.wantErr(cmds[0].Err, nil, "SET"), s.wantErr(cmds[1].Err, errors.ErrUnsupported, "an unknown command"), s.wantErr(cmds[2].Err, nil, "GET"),
					that(sameReply(cmds[2].Reply, dataReply("v")), "GET after an unknown command = %s", replyText(cmds[2].Reply)))
			},
		},
		{
			name:  "commander/unknown-in-atomic-batch",
			rule:  "a command that is not in Commands makes an atomic batch fail with errors.ErrUnsupported, and none of it runs",
			needs: needs("SET"),
			run: func(s *subject) error {
				key := s.key("{t}k")
				cmds := []*driver.Cmd{
					driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("v"))),
					driver.NewCmd("XCACHETEST.NOSUCH", driver.Key(key)),
				}
				return errors.Join(s.wantErr(s.caps.Commander.Do(noDeadline, cmds, driver.Atomic), errors.ErrUnsupported, "an atomic batch with an unknown command"), s.wantMiss(key))
			},
		},
		{
			name: "commander/unknown-names",
			rule: "no name makes the store panic or run something else: they are errors.ErrUnsupported",
			run: func(s *subject) error {
				var errs []error
				for _, name := range []string{"", " ", "get", "GET ", "GET\r\n", "\x00", "FLUSHALL", "SHUTDOWN", "DEBUG", "EVAL\r\nX", "XCACHE.NOSUCH", "É"} {
					if s.caps.Commander.Commands().Has(name) {
						continue
					}
					errs = append(errs, s.wantCommandErr(errors.ErrUnsupported, name, driver.Key(s.key("k"))))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/custom",
			rule:  "a custom command of a name that the table has runs as that command; one that nobody knows is errors.ErrUnsupported for itself alone",
			needs: needs("SET", "GET"),
			run: func(s *subject) error {
				key := s.key("{t}k")
				k := driver.Key(key)
				cmds := []*driver.Cmd{
					driver.NewCustomCmd("SET", k, driver.Val([]byte("v"))),
					driver.NewCustomCmd("XCACHETEST.NOSUCH", k),
					driver.NewCustomCmd("GET", k),
				}
				errs := []error{s.caps.Commander.Do(noDeadline, cmds, driver.Plain),
					s.wantErr(cmds[0].Err, nil, "SET"), s.wantErr(cmds[1].Err, errors.ErrUnsupported, "a custom command that nobody knows"), s.wantErr(cmds[2].Err, nil, "GET"),
					that(sameReply(cmds[2].Reply, dataReply("v")), "GET after a custom command = %s", replyText(cmds[2].Reply))}
				for _, name := range []string{"", " ", "GET ", "GET\r\n", "\x00", "XCACHE.NOSUCH", "É"} {
					cmd := driver.NewCustomCmd(name, k)
					errs = append(errs, s.wantErr(cmpErr(s.caps.Commander.Do(noDeadline, []*driver.Cmd{cmd}, driver.Plain), cmd.Err), errors.ErrUnsupported, "the custom command %q", name))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/bad-syntax",
			rule:  "a command without its arguments, or with an option that it does not have, is ErrSyntax, was not applied, and changes nothing",
			needs: needs("SET", "GET"),
			run: func(s *subject) error {
				key := s.key("{t}k")
				errs := []error{s.set(key, "v", long),
					s.wantCommandErr(driver.ErrSyntax, "SET", driver.Key(key), driver.Val([]byte("w")), literal("NOSUCHOPTION")),
					s.wantCommandErr(driver.ErrSyntax, "SET", driver.Key(key), driver.Val([]byte("w")), literal("PX"), driver.Int(-1)),
					s.wantCommandErr(driver.ErrSyntax, "SET", driver.Key(key))}
				for _, row := range driver.Commands() {
					if row.Keys == driver.NoKey || row.Blocking || row.Extension || !s.runs(row.Name) {
						continue
					}
					_, err := s.do(row.Name)
					errs = append(errs, s.wantErr(err, driver.ErrSyntax, "%s without arguments", row.Name),
						that(!errors.Is(err, driver.ErrUnknownOutcome), "%s without arguments may have been applied: %v", row.Name, err))
				}
				return errors.Join(append(errs, s.wantValue(key, "v"), s.wantTTL(key, long))...)
			},
		},
		{
			name: "commander/server-lacks",
			rule: "a command that the server is too old for is errors.ErrUnsupported, and was not applied",
			run: func(s *subject) error {
				if len(s.h.ServerLacks) == 0 {
					return &inapplicableError{"the harness has no ServerLacks"}
				}
				var errs []error
				for _, name := range s.h.ServerLacks {
					_, err := s.do(name, s.slotKey("k"))
					errs = append(errs, s.wantErr(err, errors.ErrUnsupported, "%s", name), that(!errors.Is(err, driver.ErrUnknownOutcome), "%s may have been applied: %v", name, err))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "commander/wrong-arguments",
			rule: "a command without its arguments, with far too many or with empty ones is an error of its own, no panic, and does not harm the commands after it",
			run: func(s *subject) error {
				key := s.key("{t}k")
				errs := []error{s.set(key, "v", long)}
				for _, row := range driver.Commands() {
					if row.Keys == driver.NoKey || row.Blocking || !s.runs(row.Name) {
						continue
					}
					_, err := s.do(row.Name)
					errs = append(errs, that(err != nil, "%s without arguments succeeded", row.Name),
						that(!errors.Is(err, errors.ErrUnsupported), "%s without arguments is %v", row.Name, err),
						s.wantValue(key, "v"))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/atomic-is-atomic",
			rule:  "nothing happens between the commands of an atomic batch",
			needs: needs("SET", "GET", "INCRBY"),
			run: func(s *subject) error {
				key, other := driver.Key(s.key("{t}k")), driver.Key(s.key("{t}other"))
				return together(rivals, func(i int) error {
					mine := []byte(strconv.Itoa(i))
					for range 20 {
						cmds := []*driver.Cmd{
							driver.NewCmd("SET", key, driver.Val(mine)), driver.NewCmd("INCRBY", other, driver.Int(1)),
							driver.NewCmd("GET", key), driver.NewCmd("INCRBY", other, driver.Int(-1)), driver.NewCmd("GET", other),
						}
						if err := s.caps.Commander.Do(noDeadline, cmds, driver.Atomic); err != nil {
							return err
						}
						if !sameReply(cmds[2].Reply, dataReply(string(mine))) || !sameReply(cmds[4].Reply, dataReply("0")) {
							return fmt.Errorf("wrote %s and 0 and read %s and %s in one batch", mine, replyText(cmds[2].Reply), replyText(cmds[4].Reply))
						}
					}
					return nil
				})
			},
		},
		{
			name:  "commander/plain-among-rivals",
			rule:  "batches that run at the same time get their own replies",
			needs: needs("SET", "GET"),
			run: func(s *subject) error {
				return together(rivals, func(i int) error {
					key := driver.Key(s.key(strconv.Itoa(i)))
					for n := range 20 {
						value := fmt.Sprintf("%d of %d", n, i)
						if err := s.wantBatch(driver.Plain, []reply{
							{driver.NewCmd("SET", key, driver.Val([]byte(value))), okReply},
							{driver.NewCmd("GET", key), dataReply(value)},
						}); err != nil {
							return err
						}
					}
					return nil
				})
			},
		},
		{
			name:  "commander/large-batch",
			rule:  "a batch of 10 000 commands runs whole and in order",
			needs: needs("INCRBY"),
			run: func(s *subject) error {
				key := driver.Key(s.key("k"))
				var errs []error
				for round, how := range []driver.How{driver.Plain, driver.Atomic} {
					cmds := make([]*driver.Cmd, many)
					for i := range cmds {
						cmds[i] = driver.NewCmd("INCRBY", key, driver.Int(1))
					}
					errs = append(errs, s.caps.Commander.Do(noDeadline, cmds, how))
					wrong := 0
					for i, cmd := range cmds {
						if cmd.Err != nil || !sameReply(cmd.Reply, driver.IntReply(int64(round*many+i+1))) {
							wrong++
						}
					}
					errs = append(errs, expect(wrong, 0, "commands with the wrong reply"))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/input-not-kept",
			rule:  "the store copies arguments: the caller may change them once Do has returned, and Do does not change them",
			needs: needs("SET", "RPUSH", "LRANGE"),
			run: func(s *subject) error {
				text, list := s.key("{t}text"), s.key("{t}list")
				value, element := []byte("value"), []byte("element")
				set := driver.NewCmd("SET", driver.Key(text), driver.Val(value))
				push := driver.NewCmd("RPUSH", driver.Key(list), driver.Val(element), driver.Val(element))
				err := s.caps.Commander.Do(noDeadline, []*driver.Cmd{set, push}, driver.Plain)
				err = errors.Join(err, expect(string(value)+string(element), "valueelement", "the caller's bytes after Do"),
					that(set.Args[0].Text == text && len(set.Args) == 2 && len(push.Args) == 3, "Do changed the arguments"))
				copy(value, "XXXXX")
				copy(element, "XXXXXXX")
				return errors.Join(err, s.wantValue(text, "value"), s.wantList(list, "element", "element"))
			},
		},
		{
			name:  "commander/any-bytes",
			rule:  "keys, values and elements of commands may hold any bytes",
			needs: needs("SET", "GET", "RPUSH", "LRANGE"),
			run: func(s *subject) error {
				var errs []error
				for i, value := range []string{"", "\x00", "\r\n$3\r\nfoo\r\n", "\xff\xfe", "*1\r\n", pattern(5000)} {
					text, list := s.key("{t}text\r\n\x00"+strconv.Itoa(i)), s.key("{t}list\xff"+strconv.Itoa(i))
					if valid := s.caps.Limits.ValidKey; valid != nil && (!valid(text) || !valid(list)) {
						return inapplicable("the store's Limits exclude such keys")
					}
					errs = append(errs, s.wantReply(okReply, "SET", driver.Key(text), driver.Val([]byte(value))),
						s.wantReply(dataReply(value), "GET", driver.Key(text)), s.wantValue(text, value),
						s.push(list, value, "end"), s.wantList(list, value, "end"))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "commander/same-keys-as-the-store",
			rule:  "commands and the store's own methods see the same keys and values",
			needs: needs("SET", "GET", "DEL", "EXISTS"),
			run: func(s *subject) error {
				key := s.key("k")
				k := driver.Key(key)
				return errors.Join(s.set(key, "by Set", long), s.wantReply(dataReply("by Set"), "GET", k),
					s.wantReply(okReply, "SET", k, driver.Val([]byte("by command"))), s.wantValue(key, "by command"), s.wantTTL(key, driver.NoExpiry),
					s.wantDeleted(1, key), s.wantReply(driver.IntReply(0), "EXISTS", k),
					s.set(key, "again", long), s.wantReply(driver.IntReply(1), "DEL", k), s.wantMiss(key))
			},
		},
	}
	return withNeeds(checks, commander)
}

// A reply is the expected reply of a command in a batch.
type reply struct {
	cmd  *driver.Cmd
	want driver.Reply
}

var okReply = dataReply("OK")

func dataReply(text string) driver.Reply { return driver.DataReply([]byte(text)) }

func (s *subject) wantBatch(how driver.How, batch []reply) error {
	var cmds []*driver.Cmd
	for _, r := range batch {
		cmds = append(cmds, r.cmd)
	}
	if err := s.caps.Commander.Do(noDeadline, cmds, how); err != nil {
		return fmt.Errorf("Do of %d commands: %w", len(cmds), err)
	}
	var errs []error
	for i, r := range batch {
		what := s.commandText(r.cmd.Name, r.cmd.Args)
		if r.cmd.Err != nil {
			errs = append(errs, fmt.Errorf("command %d, %s: %w", i, what, r.cmd.Err))
		} else if !sameReply(r.cmd.Reply, r.want) {
			errs = append(errs, fmt.Errorf("command %d, %s = %s, want %s", i, what, replyText(r.cmd.Reply), replyText(r.want)))
		}
	}
	return errors.Join(errs...)
}

// wantOwnErrors runs a batch with two failing commands.
func (s *subject) wantOwnErrors(how driver.How) error {
	a, b := driver.Key(s.key("{t}a")), driver.Key(s.key("{t}b"))
	cmds := []*driver.Cmd{
		driver.NewCmd("SET", a, driver.Val([]byte("text"))),
		driver.NewCmd("LPUSH", a, driver.Val([]byte("element"))),
		driver.NewCmd("SET", b, driver.Val([]byte("1"))),
		driver.NewCmd("INCRBY", a, driver.Int(1)),
		driver.NewCmd("INCRBY", b, driver.Int(1)),
		driver.NewCmd("GET", a),
	}
	errs := []error{s.wantErr(s.caps.Commander.Do(noDeadline, cmds, how), nil, "Do of a batch in which commands fail")}
	for i, cmd := range cmds {
		want := error(nil)
		if i == 1 || i == 3 {
			want = driver.ErrWrongType
		}
		errs = append(errs, s.wantErr(cmd.Err, want, "command %d, %s", i, cmd.Name))
	}
	return errors.Join(append(errs,
		that(sameReply(cmds[4].Reply, driver.IntReply(2)), "INCRBY after a failure = %s", replyText(cmds[4].Reply)),
		that(sameReply(cmds[5].Reply, dataReply("text")), "GET after a failure = %s", replyText(cmds[5].Reply)))...)
}

// runs reports whether the store and its server have a command.
func (s *subject) runs(name string) bool {
	return s.caps.Commander.Commands().Has(name) && !slices.Contains(s.h.ServerLacks, name)
}
