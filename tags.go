package xcache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// Tags names what a value depends on, such as "user:42". InvalidateTags with one of the
// names makes the value a miss:
//
//	pages.Set(ctx, "profile", page, xcache.Tags("user:42", "templates"))
//	c.InvalidateTags(ctx, "user:42")
//
// A call may have Tags beside TTL or ExpireAt. A write without Tags stores a value without
// tags. Tags belong to the prefix and the namespace of the view, and hold for all versions.
//
// Tags needs the tagged format (format=tagged), whose header has room for the names, and a
// driver that can do "tags" (Require). Otherwise the write is an error before any I/O, as
// are an empty tag, more than 32 tags, a full key of a tag of more than 512 bytes, and
// KeepTTL beside Tags. With WithKeyFunc, tags are errors.ErrUnsupported. Touch and IncrInit
// refuse Tags.
//
// A write with Tags takes one more round trip, in which the tags get their generations. A
// read of a value with tags takes one more round trip, in which the generations are compared
// at the primary. An integer with tags cannot be counted on by the server.
func Tags(tags ...string) SetOption {
	return SetOption{kind: optionTags, tags: slices.Clone(tags)}
}

// InvalidateTags makes a miss of every value of this prefix and namespace that depends on
// one of the tags. InvalidateTags takes one round trip per server, for any number of values.
// When InvalidateTags has returned, no read that begins afterwards returns such a value, in
// any process. A value whose write or load began before the end of InvalidateTags may be
// stored later, and is a miss as well.
//
// Values stay at the server until their TTL ends or until another write. For that time,
// methods without a value as their result (Has, TTL, Touch, Keys, Replace, Rename) find
// their keys.
//
// Without tags, there is no I/O. An error leaves some tags valid, or all of them. The call
// may be repeated after any error. In a transaction, InvalidateTags is errors.ErrUnsupported.
func (c *Cache) InvalidateTags(ctx context.Context, tags ...string) error {
	ctx, call, err := c.core.startInSteps(ctx, c.core.shared.flights.UnderWay(), "invalidate tags", "", len(tags))
	if err != nil {
		return err
	}
	defer call.release()
	if c.core.tx != nil {
		return call.end(driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("a transaction only reads while its function runs: invalidate the tags when Watch has returned")))
	}
	keys, err := c.core.tagKeys(tags)
	if err != nil || len(keys) == 0 {
		return call.end(err)
	}
	began := c.core.shared.pending.Failures()
	err = c.core.shared.flights.InvalidateTags(ctx, func() error {
		_, err := c.core.shared.primary.store.Delete(ctx, keys)
		return err
	}, keys)
	c.core.wroteAll(ctx)
	return call.end(c.core.invalidated(began, keys, err))
}

const (
	// tagSpace is the key space of tags: see Cache.KeySpace.
	tagSpace = "tag"
	// maxTags and maxTagLength bound the header of a value.
	maxTags, maxTagLength = 32, 512
	// tagMargin is the time that a tag outlives the TTL of a value that is written at once.
	// A value that is written later, after a load, is a miss when its tag has expired.
	tagMargin = time.Minute
)

// tagKeys returns the full keys of tags, each once.
func (c *core) tagKeys(tags []string) ([]string, error) {
	switch {
	case len(tags) == 0:
		return nil, nil
	case slices.Contains(tags, ""):
		return nil, fmt.Errorf("%w: a tag is empty", ErrInvalidKey)
	}
	if err := c.require([]string{"tags"}); err != nil {
		return nil, err
	}
	space := *c
	space.layout.Space = tagSpace
	if err := space.layout.Prepare(); err != nil {
		return nil, err
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	keys, err := space.fullKeys(slices.Compact(tags))
	for _, key := range keys {
		if len(key) > maxTagLength {
			return nil, fmt.Errorf("%w: with prefix and namespace a tag has %d bytes, and may have %d", ErrInvalidKey, len(key), maxTagLength)
		}
	}
	return keys, err
}

// A tagging is the tags that a write gives to its values.
type tagging struct {
	keys []string
	// generations are those of the tags, if a load has read them already. The server keeps them
	// for values with this TTL.
	generations []codec.Generation
	ttl         time.Duration
}

// taggingOf returns the tags of the options of a write, or nil.
func (c *core) taggingOf(opts []SetOption) (*tagging, error) {
	var tags []string
	keeps := false
	for i := range slices.Backward(opts) {
		switch o := &opts[i]; o.kind {
		case optionTagging: // the last option
			return o.tagging, nil
		case optionTags:
			tags = append(tags, o.tags...)
		case optionKeepTTL:
			keeps = true
		}
	}
	switch {
	case len(tags) == 0:
		return nil, nil
	case len(tags) > maxTags:
		return nil, fmt.Errorf("xcache: a value has %d tags, and may have %d", len(tags), maxTags)
	case keeps:
		return nil, errors.New("xcache: Tags needs a TTL, not KeepTTL: the server keeps a tag for as long as its values")
	}
	keys, err := c.tagKeys(tags)
	if err != nil {
		return nil, err
	}
	return &tagging{keys: keys}, nil
}

// tagEntries puts the tags of a write in front of its encoded values.
func (c *core) tagEntries(ctx context.Context, entries []driver.Entry, t *tagging) error {
	if t == nil {
		return nil
	}
	ttl := time.Duration(0)
	for i := range entries {
		ttl = max(ttl, entries[i].TTL)
	}
	if ttl <= 0 {
		return nil // nothing is stored
	}
	generations, err := c.generationsFor(ctx, t, ttl)
	if err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Value, err = c.tagged(entries[i].Value, generations); err != nil {
			return err
		}
	}
	return nil
}

// tagged returns an encoded value with generations in front.
func (c *core) tagged(value []byte, generations []codec.Generation) ([]byte, error) {
	value = codec.AppendGenerations(nil, generations, value)
	if limit := c.target.caps.Limits.ValueSize; limit > 0 && len(value) > limit {
		return nil, driver.Fail(ErrTooLarge, driver.NotApplied, fmt.Errorf("encoded and with its tags it has %d bytes, the driver takes %d", len(value), limit))
	}
	return value, nil
}

// generationsFor returns the generations of the tags of a write. Those of a load are from
// before it, and the server keeps them for longer if the loader has chosen a longer TTL.
func (c *core) generationsFor(ctx context.Context, t *tagging, ttl time.Duration) ([]codec.Generation, error) {
	if t.generations != nil && ttl <= t.ttl {
		return t.generations, nil
	}
	now, err := c.generations(ctx, t.keys, func(string) time.Duration { return ttl })
	if t.generations != nil {
		return t.generations, err
	}
	return now, err
}

// generations returns the generations of the tags with these full keys. The server keeps each
// tag for as long as values with the TTL that ttlOf returns.
func (c *core) generations(ctx context.Context, keys []string, ttlOf func(key string) time.Duration) ([]codec.Generation, error) {
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		candidate, ttl := strconv.FormatUint(rand.Uint64(), 36), ttlOf(key)
		if ttl < NoExpiry-tagMargin {
			ttl += tagMargin
		}
		cmds[i] = driver.NewCmd(driver.CmdGeneration, driver.Key(key), driver.Field(candidate), driver.TTLArg(ttl))
	}
	if err := c.shared.primary.caps.Commander.Do(ctx, cmds, driver.Plain); err != nil {
		return nil, withoutValue(err)
	}
	generations := make([]codec.Generation, len(cmds))
	for i, cmd := range cmds {
		if cmd.Err != nil {
			return nil, withoutValue(cmd.Err)
		}
		id, err := cmd.Reply.AsBytes()
		if err != nil {
			return nil, err
		}
		generations[i] = codec.Generation{Name: keys[i], ID: string(id)}
	}
	return generations, nil
}

// withoutValue returns the failure of a command for tags as that of the write that needs them:
// the value was not sent, whatever became of the tags.
func withoutValue(err error) error {
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return err
	}
	return driver.Fail(failure.Kind, driver.NotApplied, failure.Err)
}

// ofTags returns the value without its tags, if all of them are valid. ErrNotFound is a value
// with a tag that was invalidated.
func (c *core) ofTags(ctx context.Context, stored []byte) ([]byte, error) {
	if !codec.HasGenerations(stored) {
		return stored, nil
	}
	values := [1]driver.Value{{Data: stored}}
	if err := c.checkTags(ctx, values[:]); err != nil {
		return nil, err
	}
	return values[0].Data, values[0].Err
}

// checkTags takes the tags off the values that have some, and makes misses of values with a
// tag that was invalidated. checkTags takes one round trip, or none without tags. Bytes that
// only look like a value with tags stay as they are, for the codec to refuse.
func (c *core) checkTags(ctx context.Context, values []driver.Value) error {
	var keys []string
	index := map[string]int{}
	var cut map[int][]codec.Generation
	for i := range values {
		if values[i].Err != nil || !codec.HasGenerations(values[i].Data) || !c.chain.TellsFormats() {
			continue
		}
		generations, value, ok := codec.CutGenerations(values[i].Data)
		if !ok {
			continue
		}
		values[i].Data = value
		if cut == nil {
			cut = map[int][]codec.Generation{}
		}
		cut[i] = generations
		for _, g := range generations {
			if _, known := index[g.Name]; !known {
				index[g.Name] = len(keys)
				keys = append(keys, g.Name)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	now := make([]driver.Value, len(keys))
	if err := c.shared.primary.store.Get(ctx, keys, now); err != nil {
		return err
	}
	for i, generations := range cut {
		for _, g := range generations {
			current := &now[index[g.Name]]
			switch {
			case current.Err == nil && string(current.Data) == g.ID:
				continue
			case current.Err == nil || errors.Is(current.Err, ErrNotFound):
				values[i] = driver.Value{Err: ErrNotFound}
			default:
				values[i] = driver.Value{Err: current.Err}
			}
			break
		}
	}
	return nil
}

// A taggedReply is a reply, or an element of one, that is a value with tags.
type taggedReply struct {
	*driver.Reply
	// taken tells that the command has changed the key, so that the value is nowhere else.
	taken bool
}

// checkReplies is checkTags for replies. A value whose tags cannot be read becomes that error,
// which keeps a value that was taken.
func (c *core) checkReplies(ctx context.Context, replies []taggedReply) {
	values := make([]driver.Value, len(replies))
	for i, r := range replies {
		values[i].Data = r.Data
	}
	err := c.checkTags(ctx, values)
	for i, r := range replies {
		switch failed := cmp.Or(err, values[i].Err); {
		case failed == nil:
			r.Data = values[i].Data
		case errors.Is(failed, ErrNotFound):
			*r.Reply = driver.Reply{}
		case r.taken:
			*r.Reply = driver.Reply{Kind: driver.ReplyError, Err: &UnreadReplyError{Reply: *r.Reply, Err: failed}}
		default:
			*r.Reply = driver.Reply{Kind: driver.ReplyError, Err: failed}
		}
	}
}

// withGenerations returns the options of a write with the generations that its tags have now.
func (c *core) withGenerations(ctx context.Context, key string, t *tagging, opts []SetOption) ([]SetOption, error) {
	ctx, call, err := c.start(ctx, "tags", key, len(t.keys))
	if err != nil {
		return nil, err
	}
	defer call.release()
	ttl, err := c.ttlOf(driver.IfAbsent, opts)
	if err != nil {
		return nil, call.end(err)
	}
	dated := &tagging{keys: t.keys, ttl: max(c.buffered(ttl), 1)}
	dated.generations, err = c.generations(ctx, t.keys, func(string) time.Duration { return dated.ttl })
	return append(slices.Clip(opts), SetOption{kind: optionTagging, tagging: dated}), call.end(err)
}

// unchanged reports whether the tags have the same generations as in the options still. A
// failure to read them is no change: each reader of a value that was stored compares.
func (c *core) unchanged(ctx context.Context, key string, opts []SetOption) bool {
	t, err := c.taggingOf(opts)
	if err != nil || t == nil {
		return true
	}
	ctx, call, err := c.start(ctx, "tags", key, len(t.keys))
	if err != nil {
		return true
	}
	defer call.release()
	values := [1]driver.Value{{Data: codec.AppendGenerations(nil, t.generations, nil)}}
	err = call.end(c.checkTags(ctx, values[:]))
	return err != nil || !errors.Is(values[0].Err, ErrNotFound)
}

// addOverInvalid stores e, whose key has a value, if that value has tags of which one was
// invalidated: to readers the key has none. The error is ErrNotStored otherwise, or that of the read
// if the tags cannot be checked: then nobody knows whether the value counts.
func (c *core) addOverInvalid(ctx context.Context, e *driver.Entry) error {
	swapper := c.target.caps.Swapper
	if c.chain.Format() != codec.Tagged || swapper == nil || !errors.Is(e.Err, ErrNotStored) {
		return e.Err
	}
	stored, err := getFrom(ctx, &c.shared.primary, e.Key)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrWrongType), err == nil && !codec.HasGenerations(stored):
		return e.Err
	case err != nil:
		return err
	}
	if _, err := c.ofTags(ctx, stored); err == nil {
		return e.Err
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	replaced, err := swapper.CompareAndSwap(ctx, e, stored)
	if err == nil && !replaced {
		err = ErrNotStored
	}
	return err
}
