package mixins

import (
	"errors"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// readScoreStored reads a score. A nil is ErrNotStored.
func readScoreStored(o *xcache.Op) (float64, error) {
	if o.Reply().IsNil() {
		return 0, xcache.ErrNotStored
	}
	return o.Reply().AsFloat()
}

func readScored[T any](o *xcache.Op) ([]Scored[T], error) { return readScoredOf[T](o, o.Reply()) }

func readScoredOf[T any](o *xcache.Op, r *driver.Reply) ([]Scored[T], error) {
	stored, err := r.AsScoredMembers()
	if err != nil || len(stored) == 0 {
		return nil, err
	}
	members := make([]Scored[T], len(stored))
	for i := range stored {
		member := driver.DataReply(stored[i].Member)
		members[i].Score = stored[i].Score
		if members[i].Member, err = xcache.ReadValue[T](o, &member); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// readScoredOne reads the only member of a list. An empty list is ErrNotFound.
func readScoredOne[T any](o *xcache.Op) (Scored[T], error) {
	members, err := readScored[T](o)
	if err != nil {
		return Scored[T]{}, err
	}
	if len(members) == 0 {
		return Scored[T]{}, xcache.ErrNotFound
	}
	return members[0], nil
}

// readScoresFound reads the scores of the members in the arguments of the operation. Some
// scores may be nil.
func readScoresFound[T any](o *xcache.Op) ([]Scored[T], error) {
	items, err := o.Reply().AsArray()
	asked := o.Args()[1:]
	if err == nil && len(items) != len(asked) {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered for other members than it was asked for"))
	}
	if err != nil {
		return nil, err
	}
	var found []Scored[T]
	for i := range items {
		if items[i].IsNil() {
			continue
		}
		score, err := items[i].AsFloat()
		if err != nil {
			return nil, err
		}
		stored := driver.DataReply(asked[i].Data)
		member, err := xcache.ReadValue[T](o, &stored)
		if err != nil {
			return nil, err
		}
		found = append(found, Scored[T]{member, score})
	}
	return found, nil
}

// readRanked reads a rank and a score. A nil is ErrNotFound.
func readRanked(o *xcache.Op) (Ranked, error) {
	if o.Reply().IsNil() {
		return Ranked{}, xcache.ErrNotFound
	}
	items, err := o.Reply().AsArray()
	if err == nil && len(items) != 2 {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered something else where a rank and a score were expected"))
	}
	if err != nil {
		return Ranked{}, err
	}
	rank, err := items[0].AsInt()
	if err != nil {
		return Ranked{}, err
	}
	score, err := items[1].AsFloat()
	return Ranked{int(rank), score}, err
}

// readPoppedScored reads a key and a list of members. A nil is ErrNotFound.
func readPoppedScored[T any](o *xcache.Op) (PoppedScored[T], error) {
	var popped PoppedScored[T]
	full, taken, err := readTaken(o)
	if err != nil {
		return popped, err
	}
	popped.Key, _ = o.UserKey(full)
	popped.Members, err = readScoredOf[T](o, taken)
	return popped, err
}
