package xcache

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// addTags keeps the tags of the options for Exec. ttl is the TTL of the value.
func (o *Op) addTags(opts []SetOption, ttl time.Duration) *Op {
	tags, err := o.cache.taggingOf(opts)
	if err != nil {
		return o.fail(err)
	}
	if tags != nil && ttl > 0 {
		o.tagging, o.tagTTL = tags, ttl
	}
	return o
}

// inSteps reports whether the batch may take several calls of the store: for the tags of values that
// are written, and for those of values that are read.
func (b *batch) inSteps() bool {
	return slices.ContainsFunc(b.queue, func(q queued) bool {
		o := q.operation()
		return o.tagging != nil || o.cache.chain != nil && o.cache.chain.Format() == codec.Tagged && o.held.Command().Group == driver.GroupStrings
	})
}

// tag puts the tags of all writes in front of their values. tag takes one round trip for the
// generations of all tags, or none without tags. A write whose value is too large then is
// refused, and is not sent.
func (b *batch) tag(ctx context.Context, c *core) error {
	var ttls map[string]time.Duration
	for _, q := range b.queue {
		o := q.operation()
		if o == nil || o.tagging == nil || o.err != nil {
			continue
		}
		if ttls == nil {
			ttls = make(map[string]time.Duration)
		}
		for _, key := range o.tagging.keys {
			ttls[key] = max(ttls[key], o.tagTTL)
		}
	}
	if ttls == nil {
		return nil
	}
	keys := slices.Sorted(maps.Keys(ttls))
	generations, err := c.generations(ctx, keys, func(key string) time.Duration { return ttls[key] })
	if err != nil {
		return err
	}
	for _, q := range b.queue {
		o := q.operation()
		if o == nil || o.tagging == nil || o.err != nil {
			continue
		}
		if o.err = o.tag(generations); o.err != nil {
			b.refused = true
			b.cmds = slices.DeleteFunc(b.cmds, func(cmd *driver.Cmd) bool { return cmd == &o.held })
		}
	}
	return nil
}

// tag puts those of the generations that the operation has tags of in front of its last
// value.
func (o *Op) tag(generations []codec.Generation) (err error) {
	own := make([]codec.Generation, 0, len(o.tagging.keys))
	for _, g := range generations {
		if slices.Contains(o.tagging.keys, g.Name) {
			own = append(own, g)
		}
	}
	for i := range slices.Backward(o.held.Args) {
		if a := &o.held.Args[i]; a.Role == driver.RoleValue {
			a.Data, err = o.cache.tagged(a.Data, own)
			return err
		}
	}
	return nil
}

// tagNow puts the tags of an operation that runs on its own in front of its value.
func (o *Op) tagNow(ctx context.Context) error {
	generations, err := o.cache.generationsFor(ctx, o.tagging, o.tagTTL)
	if err != nil {
		return err
	}
	return o.tag(generations)
}

// checkTags is core.checkTags for the values in the replies, in one round trip for all
// operations of one view.
func (b *batch) checkTags(ctx context.Context) {
	var replies map[*core][]taggedReply
	for _, q := range b.queue {
		o := q.operation()
		if o == nil || o.held.Err != nil {
			continue
		}
		if tagged := o.taggedReplies(); len(tagged) > 0 {
			if replies == nil {
				replies = make(map[*core][]taggedReply)
			}
			replies[o.cache] = append(replies[o.cache], tagged...)
		}
	}
	for c, of := range replies {
		c.checkReplies(ctx, of)
	}
	for _, q := range b.queue {
		if o := q.operation(); o != nil && o.held.Err == nil && replies[o.cache] != nil {
			o.held.Err = o.unreadTags()
		}
	}
}

// checkTags is core.checkTags for the values in the reply. The error is that of unreadTags.
func (o *Op) checkTags(ctx context.Context) error {
	tagged := o.taggedReplies()
	if len(tagged) == 0 {
		return nil
	}
	o.cache.checkReplies(ctx, tagged)
	return o.unreadTags()
}

// unreadTags returns the error of a read that has a value whose tags could not be read. Such a
// read has failed, and may fail open.
func (o *Op) unreadTags() error {
	if !o.readsOnly() {
		return nil
	}
	if r := &o.held.Reply; r.Kind == driver.ReplyError {
		return r.Err
	}
	for i := range o.held.Reply.Items {
		if r := &o.held.Reply.Items[i]; r.Kind == driver.ReplyError {
			return r.Err
		}
	}
	return nil
}

// taggedReplies returns the values with tags that a command of strings has answered.
func (o *Op) taggedReplies() (tagged []taggedReply) {
	if o.held.Command().Group != driver.GroupStrings {
		return nil
	}
	if codec.HasGenerations(o.held.Reply.Data) {
		tagged = append(tagged, taggedReply{&o.held.Reply, !o.readsOnly()})
	}
	for i := range o.held.Reply.Items {
		if r := &o.held.Reply.Items[i]; codec.HasGenerations(r.Data) {
			tagged = append(tagged, taggedReply{r, !o.readsOnly()})
		}
	}
	return tagged
}
