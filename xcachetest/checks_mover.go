package xcachetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func moverChecks() []check {
	checks := []check{
		{
			name: "rename/moves",
			rule: "Rename moves the value and its TTL, and the old key is gone",
			run: func(s *subject) error {
				a, b, c := s.key("a"), s.key("b"), s.key("c")
				return errors.Join(s.set(a, "v", long), s.wantRename(a, b, nil), s.wantGone(a), s.wantValue(b, "v"), s.wantTTL(b, long),
					s.set(a, "w", driver.NoExpiry), s.wantRename(a, c, nil), s.wantGone(a), s.wantValue(c, "w"), s.wantTTL(c, driver.NoExpiry))
			},
		},
		{
			name: "rename/overwrites",
			rule: "Rename replaces what the new key held, and its TTL too",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(
					s.set(a, "v", driver.NoExpiry), s.set(b, "old", long), s.wantRename(a, b, nil), s.wantValue(b, "v"), s.wantTTL(b, driver.NoExpiry),
					s.set(a, "w", medium), s.wantRename(a, b, nil), s.wantValue(b, "w"), s.wantTTL(b, medium), s.wantGone(a))
			},
		},
		{
			name:  "rename/any-type",
			rule:  "Rename moves keys of any type, onto keys of any type",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				list, text, to := s.key("list"), s.key("text"), s.key("to")
				return errors.Join(s.push(list, "a", "b"), s.set(text, "v", long), s.wantRename(list, text, nil), s.wantList(text, "a", "b"), s.wantTTL(text, driver.NoExpiry),
					s.set(to, "v", long), s.wantRename(to, text, nil), s.wantValue(text, "v"), s.wantTTL(text, long), s.wantGone(list))
			},
		},
		{
			name: "rename/missing",
			rule: "Rename of an absent key is ErrNotFound, and the new key stays as it is",
			run: func(s *subject) error {
				a, b, c := s.key("a"), s.key("b"), s.key("c")
				return errors.Join(s.set(b, "v", long), s.wantRename(a, b, driver.ErrNotFound), s.wantValue(b, "v"), s.wantTTL(b, long),
					s.wantRename(a, c, driver.ErrNotFound), s.wantMiss(c))
			},
		},
		{
			name: "rename/onto-itself",
			rule: "Rename of a key to its own name changes nothing and tells whether it exists",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "v", long), s.wantRename(a, a, nil), s.wantValue(a, "v"), s.wantTTL(a, long), s.wantRename(b, b, driver.ErrNotFound), s.wantMiss(b))
			},
		},
		{
			name: "rename/expires",
			rule: "a renamed key expires when it would have under its old name",
			run: func(s *subject) error {
				var b string
				l, err := s.withinTTL(func(ttl time.Duration) error {
					a := s.key("a" + ttl.String())
					b = s.key("b" + ttl.String())
					return errors.Join(s.set(a, "v", ttl), s.set(b, "old", long), s.wantRename(a, b, nil))
				})
				if err != nil {
					return err
				}
				return s.wantEnd(l, s.missed(b))
			},
		},
		{
			name: "rename-nx/moves",
			rule: "RenameNX onto an absent key moves value and TTL, and reports true",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "v", long), s.wantRenameNX(a, b, true, nil), s.wantGone(a), s.wantValue(b, "v"), s.wantTTL(b, long))
			},
		},
		{
			name: "rename-nx/occupied",
			rule: "RenameNX onto a key that exists reports false and leaves both as they are",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "A", long), s.set(b, "B", medium), s.wantRenameNX(a, b, false, nil),
					s.wantValue(a, "A"), s.wantTTL(a, long), s.wantValue(b, "B"), s.wantTTL(b, medium))
			},
		},
		{
			name: "rename-nx/missing",
			rule: "RenameNX of an absent key is ErrNotFound, whether the new key exists or not, and changes nothing",
			run: func(s *subject) error {
				a, b, c := s.key("a"), s.key("b"), s.key("c")
				return errors.Join(s.set(b, "B", long), s.wantRenameNX(a, b, false, driver.ErrNotFound), s.wantValue(b, "B"),
					s.wantRenameNX(a, c, false, driver.ErrNotFound), s.wantMiss(c))
			},
		},
		{
			name: "rename-nx/onto-itself",
			rule: "RenameNX of a key to its own name reports false; of an absent one it is ErrNotFound",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "v", long), s.wantRenameNX(a, a, false, nil), s.wantValue(a, "v"), s.wantTTL(a, long),
					s.wantRenameNX(b, b, false, driver.ErrNotFound))
			},
		},
		{
			name:  "rename-nx/any-type",
			rule:  "RenameNX moves keys of any type, and a key of any type is in its way",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				list, text, to := s.key("list"), s.key("text"), s.key("to")
				return errors.Join(s.push(list, "a", "b"), s.set(text, "v", long), s.wantRenameNX(text, list, false, nil), s.wantList(list, "a", "b"), s.wantValue(text, "v"),
					s.wantRenameNX(list, to, true, nil), s.wantList(to, "a", "b"), s.wantGone(list))
			},
		},
		{
			name: "rename-nx/atomic",
			rule: "of rivals that RenameNX different keys to one name, exactly one succeeds, and the others keep their keys",
			run: func(s *subject) error {
				var errs []error
				for round := range 10 {
					from, to := s.keysNamed(fmt.Sprintf("%d from ", round), rivals), s.key(fmt.Sprintf("%d to", round))
					for i, key := range from {
						errs = append(errs, s.set(key, strconv.Itoa(i), long))
					}
					var winners, winner atomic.Int64
					errs = append(errs, together(rivals, func(i int) error {
						ok, err := s.caps.Mover.RenameNX(noDeadline, from[i], to)
						if ok {
							winners.Add(1)
							winner.Store(int64(i))
						}
						return err
					}), expect(winners.Load(), 1, "callers that renamed"), s.wantValue(to, strconv.FormatInt(winner.Load(), 10)), s.wantDeleted(rivals-1, from...))
				}
				return errors.Join(errs...)
			},
		},
	}
	return withNeeds(checks, mover)
}

func (s *subject) wantRename(from, to string, want error) error {
	return s.wantErr(s.caps.Mover.Rename(noDeadline, from, to), want, "Rename(%s, %s)", s.show(from), s.show(to))
}

func (s *subject) wantRenameNX(from, to string, want bool, wantErr error) error {
	ok, err := s.caps.Mover.RenameNX(noDeadline, from, to)
	return errors.Join(
		s.wantErr(err, wantErr, "RenameNX(%s, %s)", s.show(from), s.show(to)),
		expect(ok, want, "RenameNX(%s, %s)", s.show(from), s.show(to)))
}
