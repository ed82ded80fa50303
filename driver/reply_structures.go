package driver

import "errors"

// This file reads replies with different shapes in RESP2 and RESP3. RESP2 has flat lists, and
// numbers as text. RESP3 has maps, nested pairs and floating-point numbers.

// A Pair is a name with its value: a field of a hash with its value, or a stream with its
// entries.
type Pair struct {
	// Name is immutable and lasting.
	Name []byte
	// Value is part of the reply that the pair was read from.
	Value *Reply
}

// AsPairs returns the pairs of a reply, in their order. The reply is a map, a flat list of names
// and values in turn, or a list of lists of two. A nil has no pairs.
func (r *Reply) AsPairs() ([]Pair, error) {
	items, err := r.AsArray()
	if err != nil || len(items) == 0 {
		return nil, err
	}
	if items[0].Kind == ReplyArray { // no name is a list
		return nestedPairs(items)
	}
	if len(items)%2 != 0 {
		return nil, misshapen("an odd number of elements where pairs were expected")
	}
	pairs := make([]Pair, 0, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		if pairs, err = appendPair(pairs, &items[i], &items[i+1]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func nestedPairs(items []Reply) ([]Pair, error) {
	pairs := make([]Pair, 0, len(items))
	for i := range items {
		if items[i].Kind != ReplyArray || len(items[i].Items) != 2 {
			return nil, misshapen("a list where lists of two were expected")
		}
		var err error
		if pairs, err = appendPair(pairs, &items[i].Items[0], &items[i].Items[1]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func appendPair(pairs []Pair, name, value *Reply) ([]Pair, error) {
	if name.IsNil() {
		return nil, name.unexpected("a name")
	}
	text, err := name.AsBytes()
	return append(pairs, Pair{text, value}), err
}

// A ScoredMember is a member of a sorted set with its score.
type ScoredMember struct {
	// Member is immutable and lasting.
	Member []byte
	Score  float64
}

// AsScoredMembers returns the members and scores of a reply, such as a reply to ZRANGE …
// WITHSCORES or ZPOPMIN. A nil has no members.
func (r *Reply) AsScoredMembers() ([]ScoredMember, error) {
	pairs, err := r.AsPairs()
	if err != nil || len(pairs) == 0 {
		return nil, err
	}
	members := make([]ScoredMember, len(pairs))
	for i, pair := range pairs {
		members[i].Member = pair.Name
		if members[i].Score, err = pair.Value.AsFloat(); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// A StreamEntry is one entry of a stream.
type StreamEntry struct {
	// ID is milliseconds and a sequence number: "1526919030474-55".
	ID string
	// Fields are the fields of the entry, in their order. Fields is nil for a deleted entry that
	// is still pending for a consumer.
	Fields []Pair
}

// AsStreamEntries returns the entries of a reply about one stream, such as a reply to XRANGE. A
// nil has no entries. XREAD answers with pairs (AsPairs), each of a stream and its entries. Some
// servers answer nil for an entry that was deleted meanwhile; AsStreamEntries leaves such an
// entry out.
func (r *Reply) AsStreamEntries() ([]StreamEntry, error) {
	items, err := r.AsArray()
	if err != nil || len(items) == 0 {
		return nil, err
	}
	entries := make([]StreamEntry, 0, len(items))
	for i := range items {
		if items[i].IsNil() {
			continue
		}
		if items[i].Kind != ReplyArray || len(items[i].Items) != 2 {
			return nil, misshapen("something else where the entry of a stream was expected")
		}
		id, fields := &items[i].Items[0], &items[i].Items[1]
		if id.Kind != ReplyData {
			return nil, id.unexpected("the ID of an entry")
		}
		pairs, err := fields.AsPairs()
		if err != nil {
			return nil, err
		}
		entries = append(entries, StreamEntry{ID: string(id.Data), Fields: pairs})
	}
	return entries, nil
}

// misshapen returns the error of a reply whose parts do not fit together.
func misshapen(what string) error {
	return Fail(ErrUnavailable, Unknown, errors.New("the server answered "+what))
}
