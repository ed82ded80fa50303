package xcachetest

import (
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

type (
	streamFields  = map[string]string
	streamEntry   = mixins.StreamEntry[string]
	streamEntries = map[string][]mixins.StreamEntry[string]
)

func onStream(method string, args ...any) call { return do("streams", method, args...) }

// entryOf returns an entry with the field f, or a deleted entry without a value.
func entryOf(id string, value ...string) streamEntry {
	if len(value) == 0 {
		return streamEntry{ID: id}
	}
	return streamEntry{ID: id, Fields: streamFields{"f": value[0]}}
}

func logOf(entries ...streamEntry) []streamEntry { return entries }

// addTo adds the entries 1-0, 2-0 and so on, each with one value.
func addTo(key string, values ...string) []call {
	var calls []call
	for i, value := range values {
		id := string(rune('1'+i)) + "-0"
		calls = append(calls, onStream("XAdd", key, mixins.XAddOptions{ID: id}, streamFields{"f": value}).gives(id))
	}
	return calls
}

func wholeStream(key string, entries ...streamEntry) call {
	return onStream("XRange", key, "-", "+", 0).gives(logOf(entries...))
}

// then joins calls and lists of calls.
func then(parts ...any) []call {
	var calls []call
	for _, part := range parts {
		switch part := part.(type) {
		case call:
			calls = append(calls, part)
		case []call:
			calls = append(calls, part...)
		}
	}
	return calls
}

// streamScripts has the scripts of streams, without groups.
func streamScripts() []script {
	add := func(options mixins.XAddOptions, value string) call {
		return onStream("XAdd", keyA, options, streamFields{"f": value})
	}
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	after, now := mixins.Behind, mixins.XReadOptions{}
	first := mixins.XReadOptions{Count: 1}
	made := add(mixins.XAddOptions{}, "c")
	made.compare = func(got any) error {
		id, _ := got.(string)
		return that(len(id) >= len("100000000000-0"), "the server's ID is %q, which is no time of today", id)
	}
	return []script{
		{"streams/add", "XAdd appends an entry with the ID that it is given, or with one of the server's clock; an ID that is not greater than all before is ErrSyntax", needs("XADD", "XRANGE", "SET"), []call{
			onStream("XAdd", keyA, mixins.XAddOptions{ID: "5"}, streamFields{"g": "b", "f": "a"}).gives("5-0"), add(mixins.XAddOptions{ID: "5-*"}, "c").gives("5-1"),
			onStream("XRange", keyA, "-", "+", 0).gives(logOf(streamEntry{ID: "5-0", Fields: streamFields{"f": "a", "g": "b"}}, entryOf("5-1", "c"))),
			add(mixins.XAddOptions{ID: "5-1"}, "d").fails(xcache.ErrSyntax), add(mixins.XAddOptions{ID: "4-9"}, "d").fails(xcache.ErrSyntax), add(mixins.XAddOptions{ID: "0-0"}, "d").fails(xcache.ErrSyntax),
			add(mixins.XAddOptions{ID: "word"}, "d").fails(xcache.ErrSyntax), add(mixins.XAddOptions{ID: "MAXLEN"}, "d").fails(xcache.ErrSyntax), add(mixins.XAddOptions{ID: "9-x"}, "d").fails(xcache.ErrSyntax),
			onStream("XAdd", keyA, mixins.XAddOptions{}, streamFields{}).fails(xcache.ErrSyntax), onStream("XAdd", "", mixins.XAddOptions{}, streamFields{"f": "a"}).fails(xcache.ErrInvalidKey),
			made, onStream("XLen", keyA).gives(3), isText(), onStream("XAdd", text, mixins.XAddOptions{}, streamFields{"f": "a"}).fails(xcache.ErrWrongType),
		}},
		{"streams/add-to-none", "XAdd with NoMkStream adds to a stream that exists, and without one it is ErrNotStored", needs("XADD", "XLEN", "EXISTS"), []call{
			add(mixins.XAddOptions{ID: "1", NoMkStream: true}, "a").fails(xcache.ErrNotStored), exists(keyA, false), add(mixins.XAddOptions{ID: "1"}, "a").gives("1-0"),
			add(mixins.XAddOptions{ID: "2", NoMkStream: true}, "b").gives("2-0"), onStream("XLen", keyA).gives(2),
		}},
		{"streams/add-and-trim", "XAdd trims the stream behind the new entry, exactly unless it is told otherwise", needs("XADD", "XRANGE", "XLEN"), then(
			addTo(keyA, "a", "b"), add(mixins.XAddOptions{ID: "3", Trim: mixins.MaxLen(2)}, "c").gives("3-0"), wholeStream(keyA, entryOf("2-0", "b"), entryOf("3-0", "c")),
			add(mixins.XAddOptions{ID: "4", Trim: mixins.MinID("3")}, "d").gives("4-0"), wholeStream(keyA, entryOf("3-0", "c"), entryOf("4-0", "d")),
			add(mixins.XAddOptions{ID: "5", Trim: mixins.MaxLen(1000).Approx(0)}, "e").gives("5-0"), add(mixins.XAddOptions{ID: "6", Trim: mixins.MaxLen(1000).Approx(100)}, "f").gives("6-0"), onStream("XLen", keyA).gives(4),
			add(mixins.XAddOptions{ID: "7", Trim: mixins.MaxLen(-1)}, "g").fails(xcache.ErrSyntax), add(mixins.XAddOptions{ID: "7", Trim: mixins.MaxLen(1).Approx(-1)}, "g").fails(xcache.ErrSyntax),
			add(mixins.XAddOptions{ID: "7", Trim: mixins.MinID("word")}, "g").fails(xcache.ErrSyntax), onStream("XLen", keyA).gives(4),
			add(mixins.XAddOptions{ID: "7", Trim: mixins.MaxLen(0)}, "g").gives("7-0"), onStream("XLen", keyA).gives(0), exists(keyA, true),
		)},
		{"streams/len", "XLen returns the number of entries, 0 without a stream", needs("XADD", "XLEN", "SET"), then(
			onStream("XLen", keyA).gives(0), addTo(keyA, "a", "b"), onStream("XLen", keyA).gives(2), isText(), onStream("XLen", text).fails(xcache.ErrWrongType),
		)},
		{"streams/range", "XRange returns the entries between two IDs, which may be exclusive, up to a count", needs("XADD", "XRANGE", "SET"), then(
			wholeStream(keyA), addTo(keyA, "a", "b", "c"), wholeStream(keyA, entryOf("1-0", "a"), entryOf("2-0", "b"), entryOf("3-0", "c")),
			onStream("XRange", keyA, "2", "2", 0).gives(logOf(entryOf("2-0", "b"))), onStream("XRange", keyA, "(1-0", "(3-0", 0).gives(logOf(entryOf("2-0", "b"))),
			onStream("XRange", keyA, "-", "+", 2).gives(logOf(entryOf("1-0", "a"), entryOf("2-0", "b"))), onStream("XRange", keyA, "3", "1", 0).gives(logOf()),
			onStream("XRange", keyA, "-", "+", -1).fails(xcache.ErrSyntax), onStream("XRange", keyA, "word", "+", 0).fails(xcache.ErrSyntax), onStream("XRange", keyA, "", "+", 0).fails(xcache.ErrSyntax),
			isText(), onStream("XRange", text, "-", "+", 0).fails(xcache.ErrWrongType),
		)},
		{"streams/revrange", "XRevRange returns the entries between two IDs with the newest first", needs("XADD", "XREVRANGE", "SET"), then(
			onStream("XRevRange", keyA, "+", "-", 0).gives(logOf()), addTo(keyA, "a", "b", "c"), onStream("XRevRange", keyA, "+", "-", 1).gives(logOf(entryOf("3-0", "c"))),
			onStream("XRevRange", keyA, "(3-0", "-", 0).gives(logOf(entryOf("2-0", "b"), entryOf("1-0", "a"))), onStream("XRevRange", keyA, "1", "3", 0).gives(logOf()),
			onStream("XRevRange", keyA, "+", "-", -1).fails(xcache.ErrSyntax), isText(), onStream("XRevRange", text, "+", "-", 0).fails(xcache.ErrWrongType),
		)},
		{"streams/read", "XRead returns what is behind a place in each of several streams, without those that have nothing", needs("XADD", "XREAD", "SET"), then(
			onStream("XRead", now, after(keyA, "0")).gives(streamEntries{}), addTo(keyA, "a", "b"), addTo(keyB, "x"),
			onStream("XRead", now, after(keyA, "1-0"), after(keyB, "0"), after(keyC, "0")).gives(streamEntries{keyA: {entryOf("2-0", "b")}, keyB: {entryOf("1-0", "x")}}),
			onStream("XRead", first, after(keyA, "0"), after(keyB, "1-0")).gives(streamEntries{keyA: {entryOf("1-0", "a")}}),
			onStream("XRead", now, after(keyA, "$"), after(keyB, "9")).gives(streamEntries{}), onStream("XRead", now, after(keyA, ">")).fails(xcache.ErrSyntax), onStream("XRead", now, after(keyA, "word")).fails(xcache.ErrSyntax),
			onStream("XRead", now).fails(xcache.ErrSyntax), onStream("XRead", mixins.XReadOptions{Count: -1}, after(keyA, "0")).fails(xcache.ErrSyntax), onStream("XRead", mixins.XReadOptions{Block: -2}, after(keyA, "0")).fails(xcache.ErrSyntax),
			onStream("XRead", now, after("", "0")).fails(xcache.ErrInvalidKey), isText(), onStream("XRead", now, after(text, "0")).fails(xcache.ErrWrongType),
		)},
		{"streams/trim", "XTrim removes the oldest entries, and returns how many; the stream stays, and its TTL", needs("XADD", "XTRIM", "XRANGE", "EXISTS", "PEXPIRE", "PTTL", "SET"), then(
			onStream("XTrim", keyA, mixins.MaxLen(1)).gives(0), addTo(keyA, "a", "b", "c", "d"), do("cache", "Expire", keyA, long).gives(true), onStream("XTrim", keyA, mixins.MaxLen(3)).gives(1), onStream("XTrim", keyA, mixins.MinID("3-0")).gives(1),
			wholeStream(keyA, entryOf("3-0", "c"), entryOf("4-0", "d")), onStream("XTrim", keyA, mixins.MaxLen(1000).Approx(10)).gives(0), onStream("XTrim", keyA, mixins.Trim{}).fails(xcache.ErrSyntax),
			onStream("XTrim", keyA, mixins.MaxLen(-1)).fails(xcache.ErrSyntax), onStream("XTrim", keyA, mixins.MinID("word")).fails(xcache.ErrSyntax),
			onStream("XTrim", keyA, mixins.MaxLen(0)).gives(2), exists(keyA, true), aboutLong(do("cache", "TTL", keyA)), isText(), onStream("XTrim", text, mixins.MaxLen(0)).fails(xcache.ErrWrongType),
		)},
		{"streams/del", "XDel deletes entries, and returns how many there were; a stream without entries stays, and remembers its last ID", needs("XADD", "XDEL", "XRANGE", "EXISTS", "SET"), then(
			onStream("XDel", keyA, "1-0").gives(0), addTo(keyA, "a", "b", "c"), onStream("XDel", keyA, "2-0", "9-9", "2").gives(1), wholeStream(keyA, entryOf("1-0", "a"), entryOf("3-0", "c")),
			onStream("XDel", keyA, "1-0", "3-0").gives(2), exists(keyA, true), add(mixins.XAddOptions{ID: "3-0"}, "d").fails(xcache.ErrSyntax), onStream("XDel", keyA).fails(xcache.ErrSyntax),
			onStream("XDel", keyA, "word").fails(xcache.ErrSyntax), isText(), onStream("XDel", text, "1-0").fails(xcache.ErrWrongType),
		)},
		{"streams/info", "XInfoStream returns length, IDs, groups, and the first and the last entry; ErrNotFound without a stream", needs("XADD", "XDEL", "XGROUP", "XINFO", "SET"), then(
			onStream("XInfoStream", keyA).fails(xcache.ErrNotFound), addTo(keyA, "a", "b", "c"), onStream("XDel", keyA, "2-0").gives(1), onStream("XGroupCreate", keyA, "g", "0", mixins.XGroupCreateOptions{}),
			onStream("XInfoStream", keyA).gives(mixins.StreamInfo[string]{
				Length: 2, Groups: 1, LastGeneratedID: "3-0", First: new(entryOf("1-0", "a")), Last: new(entryOf("3-0", "c")), EntriesAdded: 3, MaxDeletedID: "2-0",
			}).orUntold("entries-added", mixins.StreamInfo[string]{
				Length: 2, Groups: 1, LastGeneratedID: "3-0", First: new(entryOf("1-0", "a")), Last: new(entryOf("3-0", "c")), EntriesAdded: mixins.NotKnown,
			}),
			onStream("XGroupCreate", keyB, "g", "$", mixins.XGroupCreateOptions{MkStream: true}), onStream("XInfoStream", keyB).gives(mixins.StreamInfo[string]{Groups: 1, LastGeneratedID: "0-0", MaxDeletedID: "0-0"}).
				orUntold("entries-added", mixins.StreamInfo[string]{Groups: 1, LastGeneratedID: "0-0", EntriesAdded: mixins.NotKnown}),
			isText(), onStream("XInfoStream", text).fails(xcache.ErrWrongType),
		)},
	}
}

// aboutLong wants about the long TTL.
func aboutLong(c call) call {
	c.compare = func(got any) error {
		ttl, _ := got.(time.Duration)
		return that(ttl <= long && ttl > long-time.Minute, "the TTL is %s, want about %s", ttl, long)
	}
	return c
}
