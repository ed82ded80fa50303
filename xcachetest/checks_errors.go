package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// errorChecks has section 5 of the contract, except the rules that need faults.
func errorChecks() []check {
	return []check{
		{
			name: "errors/one-prefix",
			rule: "the text of an error names the library once at most, at its beginning",
			run: func(s *subject) error {
				return s.forEachRefusal(func(what string, err error) error {
					text := err.Error()
					n := strings.Count(text, "xcache:")
					return that(n == 0 || n == 1 && strings.HasPrefix(text, "xcache: "), "%s: %q", what, text)
				})
			},
		},
		{
			name: "errors/no-values",
			rule: "the text of an error never shows a value",
			run: func(s *subject) error {
				return s.forEachRefusal(func(what string, err error) error {
					return that(!strings.Contains(err.Error(), canary), "%s: %q", what, err)
				})
			},
		},
		{
			name: "errors/one-meaning",
			rule: "an error matches the sentinel of what happened, and none of the others",
			run: func(s *subject) error {
				sentinels := map[string]error{
					"ErrNotFound": driver.ErrNotFound, "ErrNotStored": driver.ErrNotStored, "ErrWrongType": driver.ErrWrongType,
					"ErrOverflow": driver.ErrOverflow, "ErrClosed": driver.ErrClosed, "ErrUnavailable": driver.ErrUnavailable, "ErrReadOnly": driver.ErrReadOnly,
					"ErrOutOfMemory": driver.ErrOutOfMemory, "ErrAuth": driver.ErrAuth, "ErrInvalidKey": driver.ErrInvalidKey, "ErrTooLarge": driver.ErrTooLarge,
					"ErrCrossSlot": driver.ErrCrossSlot, "errors.ErrUnsupported": errors.ErrUnsupported,
				}
				return s.forEachRefusal(func(what string, err error) error {
					var matched []string
					for name, sentinel := range sentinels {
						if errors.Is(err, sentinel) {
							matched = append(matched, name)
						}
					}
					return that(len(matched) <= 1, "%s: the error matches %v", what, matched)
				})
			},
		},
		{
			name: "errors/refusals-are-not-applied",
			rule: "what the store refused was not applied: such an error does not match ErrUnknownOutcome",
			run: func(s *subject) error {
				return s.forEachRefusal(func(what string, err error) error {
					return that(!errors.Is(err, driver.ErrUnknownOutcome), "%s: %v", what, err)
				})
			},
		},
		{
			name: "errors/keys-do-not-fail-the-call",
			rule: "a miss, a condition that does not hold or a key of another type is an error of that key; the call, which knows about the other keys, succeeds",
			run: func(s *subject) error {
				text, none := s.key("text"), s.key("none")
				dst := make([]driver.Value, 2)
				entries := []driver.Entry{{Key: text, TTL: long, Cond: driver.IfAbsent}, {Key: none, TTL: long, Cond: driver.IfPresent}}
				errs := []error{s.set(text, "v", long), s.store.Get(noDeadline, []string{text, none}, dst), s.store.Set(noDeadline, entries)}
				if s.missing(needs("RPUSH")) == "" {
					list := s.key("list")
					errs = append(errs, s.push(list, "x"), s.store.Get(noDeadline, []string{list, text}, dst))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "flush/empties",
			rule: "Flush removes every key of the database, of any type, and the store can be used on",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 100)
				errs := []error{setAll(noDeadline, s.store, keys, driver.Entry{Value: []byte("v"), TTL: driver.NoExpiry})}
				if s.missing(needs("RPUSH")) == "" {
					list := s.key("list")
					keys = append(keys, list)
					errs = append(errs, s.push(list, "x"))
				}
				errs = append(errs, s.caps.Flusher.Flush(noDeadline), s.wantMiss(keys...), s.wantDeleted(0, keys...))
				if s.caps.Scanner != nil {
					errs = append(errs, s.wantScan("*"))
				}
				return errors.Join(append(errs, s.set(keys[0], "again", long), s.wantValue(keys[0], "again"), s.wantTTL(keys[0], long))...)
			},
			needs: needs(flusher, wholeDatabase),
		},
		{
			name: "flush/of-nothing",
			rule: "Flush of an empty database succeeds",
			run: func(s *subject) error {
				return errors.Join(s.caps.Flusher.Flush(noDeadline), s.caps.Flusher.Flush(noDeadline))
			},
			needs: needs(flusher, wholeDatabase),
		},
		{
			name:  "ping/answers",
			rule:  "Ping of a store that works succeeds, before and after other calls",
			needs: needs(pinger),
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.caps.Pinger.Ping(noDeadline), s.set(key, "v", long), s.caps.Pinger.Ping(noDeadline), s.wantValue(key, "v"))
			},
		},
	}
}

// canary is a value that must not be in any error.
const canary = "canary-7f3d"

// forEachRefusal calls look with the error of every call that a store refuses.
func (s *subject) forEachRefusal(look func(what string, err error) error) error {
	text, list := s.key("{t}text"), s.key("{t}list")
	type refusal struct {
		what string
		err  error
	}
	_, miss := s.get(s.key("{t}none"))
	err := s.set(text, canary, long)
	refusals := []refusal{
		{"Get of an absent key", miss},
		{"Set if absent of a key that exists", s.write(driver.Entry{Key: text, Value: []byte(canary), TTL: long, Cond: driver.IfAbsent})},
		{"Get after the end of the context", s.store.Get(ended(), []string{text}, make([]driver.Value, 1))},
		{"Set after the end of the context", setAll(ended(), s.store, []string{text}, driver.Entry{Value: []byte(canary), TTL: long})},
	}
	if c := s.caps.Counter; c != nil {
		top := s.key("{t}top")
		err = errors.Join(err, s.set(top, fmt.Sprint(int64(math.MaxInt64)), long))
		_, notANumber := c.Incr(noDeadline, text, 1)
		_, overflow := c.Incr(noDeadline, top, 1)
		refusals = append(refusals, refusal{"Incr of a text", notANumber}, refusal{"Incr of the largest number", overflow})
	}
	if s.missing(needs("LPUSH", "RPUSH", "SET", "INCRBY")) == "" {
		err = errors.Join(err, s.push(list, canary))
		_, wrongType := s.get(list)
		value := driver.Val([]byte(canary))
		for _, cmd := range []*driver.Cmd{
			driver.NewCmd("LPUSH", driver.Key(text), value),
			driver.NewCmd("INCRBY", driver.Key(text), driver.Int(1)),
			driver.NewCmd("SET", driver.Key(text), value, literal("NOSUCHOPTION")),
			driver.NewCmd("SET", driver.Key(text)),
			driver.NewCmd("XCACHETEST.NOSUCH", value),
		} {
			_, cmdErr := s.do(cmd.Name, cmd.Args...)
			refusals = append(refusals, refusal{s.commandText(cmd.Name, cmd.Args), cmdErr})
		}
		refusals = append(refusals, refusal{"Get of a list", wrongType})
		if sw := s.caps.Swapper; sw != nil {
			_, casErr := sw.CompareAndSwap(noDeadline, &driver.Entry{Key: list, Value: []byte(canary), TTL: long}, []byte(canary))
			refusals = append(refusals, refusal{"CompareAndSwap of a list", casErr})
		}
	}
	errs := []error{err}
	for _, r := range refusals {
		if r.err == nil {
			errs = append(errs, fmt.Errorf("%s succeeded", r.what))
			continue
		}
		errs = append(errs, look(r.what, r.err))
	}
	return errors.Join(errs...)
}
