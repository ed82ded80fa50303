package xcachetest

import (
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// streamGroupScripts has the scripts of streams with groups.
func streamGroupScripts() []script {
	plain, making := mixins.XGroupCreateOptions{}, mixins.XGroupCreateOptions{MkStream: true}
	group := onStream("XGroupCreate", keyA, "g", "0", plain)
	now := mixins.XReadGroupOptions{}
	fresh, own := mixins.Behind(keyA, ">"), mixins.Behind(keyA, "0")
	read := func(consumer string, options mixins.XReadGroupOptions, entries ...streamEntry) call {
		want := streamEntries{}
		if len(entries) > 0 {
			want[keyA] = entries
		}
		return onStream("XReadGroup", "g", consumer, options, fresh).gives(want)
	}
	readOwn := func(consumer string, entries ...streamEntry) call {
		c := read(consumer, now, entries...)
		c.args = []any{"g", consumer, now, own}
		return c
	}
	pending := func(options mixins.XPendingOptions, start, stop string, count int, want ...mixins.PendingEntry) call {
		return withoutIdle(onStream("XPendingRange", keyA, "g", options, start, stop, count), want)
	}
	allPending := func(want ...mixins.PendingEntry) call {
		return pending(mixins.XPendingOptions{}, "-", "+", 10, want...)
	}
	of := func(id, consumer string, deliveries int) mixins.PendingEntry {
		return mixins.PendingEntry{ID: id, Consumer: consumer, Deliveries: deliveries}
	}
	three := addTo(keyA, "a", "b", "c")
	a, b, c := entryOf("1-0", "a"), entryOf("2-0", "b"), entryOf("3-0", "c")
	readThree := then(three, group, read("c", now, a, b, c))
	longAgo := atCall(func() any { return mixins.XClaimOptions{Time: time.Now().Add(-2 * long)} })
	anyOf, forced := mixins.XClaimOptions{}, mixins.XClaimOptions{Force: true}
	groups := needs("XADD", "XGROUP", "XREADGROUP", "XPENDING")
	with := func(more ...string) []string { return append(more, groups...) }
	return []script{
		{"streamgroups/create", "XGroupCreate makes a group, and the stream if it is told; ErrNotStored if there is the group, ErrNotFound without a stream", with("EXISTS", "SET"), then(
			group.fails(xcache.ErrNotFound), do("cache", "Has", keyA).gives(false), onStream("XGroupCreate", keyA, "g", "0", making), group.fails(xcache.ErrNotStored), onStream("XGroupCreate", keyA, "g", "$", making).fails(xcache.ErrNotStored),
			three, onStream("XGroupCreate", keyA, "h", "1-0", plain), onStream("XReadGroup", "h", "c", now, fresh).gives(streamEntries{keyA: {b, c}}), onStream("XGroupCreate", keyA, "i", "$", plain), onStream("XReadGroup", "i", "c", now, fresh).gives(streamEntries{}),
			onStream("XGroupCreate", keyA, "j", "word", plain).fails(xcache.ErrSyntax), isText(), onStream("XGroupCreate", text, "g", "0", plain).fails(xcache.ErrWrongType), onStream("XGroupCreate", "", "g", "0", plain).fails(xcache.ErrInvalidKey),
		)},
		{"streamgroups/destroy", "XGroupDestroy removes a group with what is pending, and reports whether there was one", groups, then(
			onStream("XGroupDestroy", keyA, "g").fails(xcache.ErrNotFound), readThree, onStream("XGroupDestroy", keyA, "g").gives(true), onStream("XGroupDestroy", keyA, "g").gives(false),
			onStream("XReadGroup", "g", "c", now, fresh).fails(xcache.ErrNotFound), group, allPending(),
		)},
		{"streamgroups/setid", "XGroupSetID has a group go on behind an ID; what is pending stays", groups, then(
			readThree, onStream("XGroupSetID", keyA, "g", "2-0"), read("d", now, c), allPending(of("1-0", "c", 1), of("2-0", "c", 1), of("3-0", "d", 1)), onStream("XGroupSetID", keyA, "g", "0"), onStream("XGroupSetID", keyA, "g", "$"), read("d", now),
			onStream("XGroupSetID", keyA, "none", "0").fails(xcache.ErrNotFound), onStream("XGroupSetID", keyA, "g", "word").fails(xcache.ErrSyntax),
		)},
		{"streamgroups/consumers", "XGroupCreateConsumer and XGroupDelConsumer make and remove a consumer; what was pending for it is counted, and lost to the group", with("XINFO"), then(
			three, group, onStream("XGroupCreateConsumer", keyA, "g", "c").gives(true), onStream("XGroupCreateConsumer", keyA, "g", "c").gives(false), read("c", now, a, b, c), onStream("XGroupDelConsumer", keyA, "g", "c").gives(3),
			onStream("XGroupDelConsumer", keyA, "g", "c").gives(0), allPending(), read("c", now), onStream("XGroupCreateConsumer", keyA, "none", "c").fails(xcache.ErrNotFound), onStream("XGroupDelConsumer", keyA, "none", "c").fails(xcache.ErrNotFound),
		)},
		{"streamgroups/read", "XReadGroup delivers each entry to one consumer, for whom it is pending unless NoAck is set", with("SET"), then(
			onStream("XReadGroup", "g", "c", now, fresh).fails(xcache.ErrNotFound), three, group, read("c", mixins.XReadGroupOptions{Count: 1}, a), read("d", mixins.XReadGroupOptions{Count: 1, NoAck: true}, b), read("d", now, c), read("c", now),
			readOwn("c", a), readOwn("d", c), readOwn("e"), allPending(of("1-0", "c", 2), of("3-0", "d", 2)),
			onStream("XReadGroup", "none", "c", now, fresh).fails(xcache.ErrNotFound), onStream("XReadGroup", "g", "c", now, mixins.Behind(keyA, "$")).fails(xcache.ErrSyntax), onStream("XReadGroup", "g", "c", now).fails(xcache.ErrSyntax),
			onStream("XReadGroup", "g", "c", mixins.XReadGroupOptions{Count: -1}, fresh).fails(xcache.ErrSyntax), isText(), onStream("XReadGroup", "g", "c", now, mixins.Behind(text, ">")).fails(xcache.ErrWrongType),
		)},
		{"streamgroups/read-several", "XReadGroup reads several streams, each by its own group of that name", groups, then(
			three, group, addTo(keyB, "x"), onStream("XGroupCreate", keyB, "g", "0", plain), onStream("XReadGroup", "g", "c", now, fresh, mixins.Behind(keyB, ">")).gives(streamEntries{keyA: {a, b, c}, keyB: {entryOf("1-0", "x")}}),
			onStream("XReadGroup", "g", "c", now, mixins.Behind(keyA, "2-0"), mixins.Behind(keyB, ">")).gives(streamEntries{keyA: {c}}), onStream("XReadGroup", "g", "c", now, fresh, mixins.Behind(keyC, ">")).fails(xcache.ErrNotFound),
		)},
		{"streamgroups/pending-and-gone", "an entry that is deleted or trimmed while it is pending is read without fields, and can be acknowledged", with("XDEL", "XTRIM", "XACK"), then(
			readThree, onStream("XDel", keyA, "2-0").gives(1), onStream("XTrim", keyA, mixins.MinID("3")).gives(1), readOwn("c", entryOf("1-0"), entryOf("2-0"), c), onStream("XAck", keyA, "g", "1-0", "2-0").gives(2), readOwn("c", c),
		)},
		{"streamgroups/ack", "XAck ends that entries are pending, for whomever, and returns how many were; 0 without a group", with("XACK", "SET"), then(
			onStream("XAck", keyA, "g", "1-0").gives(0), three, onStream("XAck", keyA, "g", "1-0").gives(0), group, read("c", now, a, b, c), onStream("XAck", keyA, "g", "1-0", "3", "9-9", "1-0").gives(2), allPending(of("2-0", "c", 1)),
			onStream("XAck", keyA, "g").fails(xcache.ErrSyntax), onStream("XAck", keyA, "g", "word").fails(xcache.ErrSyntax), isText(), onStream("XAck", text, "g", "1-0").fails(xcache.ErrWrongType),
		)},
		{"streamgroups/pending", "XPending returns how many entries are pending, the first, the last, and how many each consumer has", with("XACK"), then(
			onStream("XPending", keyA, "g").fails(xcache.ErrNotFound), three, group, onStream("XPending", keyA, "g").gives(mixins.PendingSummary{}), read("d", mixins.XReadGroupOptions{Count: 1}, a), read("c", now, b, c),
			onStream("XPending", keyA, "g").gives(mixins.PendingSummary{Count: 3, First: "1-0", Last: "3-0", Consumers: map[string]int{"c": 2, "d": 1}}), onStream("XPending", keyA, "none").fails(xcache.ErrNotFound),
		)},
		{"streamgroups/pending-range", "XPendingRange returns entries with their consumers, how long ago and how often they were delivered", groups, then(
			three, group, read("d", mixins.XReadGroupOptions{Count: 1}, a), read("c", now, b, c), allPending(of("1-0", "d", 1), of("2-0", "c", 1), of("3-0", "c", 1)),
			pending(mixins.XPendingOptions{}, "(1-0", "+", 1, of("2-0", "c", 1)), pending(mixins.XPendingOptions{Consumer: "d"}, "-", "+", 10, of("1-0", "d", 1)), pending(mixins.XPendingOptions{Consumer: "nobody"}, "-", "+", 10),
			pending(mixins.XPendingOptions{Idle: long}, "-", "+", 10), pending(mixins.XPendingOptions{}, "-", "+", 0), onStream("XPendingRange", keyA, "g", mixins.XPendingOptions{}, "word", "+", 1).fails(xcache.ErrSyntax),
			onStream("XPendingRange", keyA, "none", mixins.XPendingOptions{}, "-", "+", 1).fails(xcache.ErrNotFound),
		)},
		{"streamgroups/claim", "XClaim gives a consumer entries that were delivered long enough ago, and counts that; what is deleted is no more pending", with("XCLAIM", "XDEL"), then(
			onStream("XClaim", keyA, "g", "d", time.Duration(0), anyOf, "1-0").fails(xcache.ErrNotFound), readThree, onStream("XClaim", keyA, "g", "d", long, anyOf, "1-0").gives(logOf()), onStream("XClaim", keyA, "g", "d", time.Duration(0), anyOf, "1-0", "9-9").gives(logOf(a)),
			allPending(of("1-0", "d", 2), of("2-0", "c", 1), of("3-0", "c", 1)), onStream("XClaim", keyA, "g", "d", time.Duration(0), mixins.XClaimOptions{RetryCount: new(7), Idle: 2 * long}, "2-0").gives(logOf(b)),
			pending(mixins.XPendingOptions{Idle: long}, "-", "+", 10, of("2-0", "d", 7)), onStream("XClaim", keyA, "g", "e", long, longAgo, "2-0").gives(logOf(b)), pending(mixins.XPendingOptions{Idle: long}, "-", "+", 10, of("2-0", "e", 8)),
			onStream("XDel", keyA, "3-0").gives(1), onStream("XClaim", keyA, "g", "d", time.Duration(0), anyOf, "3-0").gives(logOf()), allPending(of("1-0", "d", 2), of("2-0", "e", 8)),
			onStream("XClaim", keyA, "g", "d", time.Duration(0), anyOf).fails(xcache.ErrSyntax), onStream("XClaim", keyA, "g", "d", time.Duration(0), anyOf, "FORCE").fails(xcache.ErrSyntax),
			onStream("XClaim", keyA, "g", "d", time.Duration(0), mixins.XClaimOptions{Idle: 1, Time: time.Now()}, "1-0").fails(xcache.ErrSyntax), onStream("XClaim", keyA, "g", "d", time.Duration(0), mixins.XClaimOptions{RetryCount: new(-1)}, "1-0").fails(xcache.ErrSyntax),
			onStream("XClaim", keyA, "g", "d", time.Duration(0), mixins.XClaimOptions{LastID: "JUSTID"}, "1-0").fails(xcache.ErrSyntax),
		)},
		{"streamgroups/claim-justid", "XClaimJustID claims, returns IDs, and counts no delivery; with Force it claims what is pending for nobody, and LastID moves the group", with("XCLAIM"), then(
			three, group, read("c", mixins.XReadGroupOptions{Count: 1}, a), onStream("XClaimJustID", keyA, "g", "d", time.Duration(0), anyOf, "1-0", "2-0").gives(these("1-0")), allPending(of("1-0", "d", 1)),
			onStream("XClaimJustID", keyA, "g", "d", time.Duration(0), forced, "2-0").gives(these("2-0")), onStream("XClaimJustID", keyA, "g", "d", time.Duration(0), mixins.XClaimOptions{LastID: "2-0"}, "1-0").gives(these("1-0")), read("c", now, c),
		)},
		{"streamgroups/autoclaim", "XAutoClaim claims from an ID on, returns where to go on, and the IDs of what is in the stream no more", with("XAUTOCLAIM", "XDEL"), then(
			onStream("XAutoClaim", keyA, "g", "d", time.Duration(0), "0", 0).fails(xcache.ErrNotFound), readThree, onStream("XAutoClaim", keyA, "g", "d", long, "0", 0).gives(mixins.Claimed[string]{Next: "0-0"}),
			claims(onStream("XAutoClaim", keyA, "g", "d", time.Duration(0), "0", 1), mixins.Claimed[string]{Next: "2-0", Entries: logOf(a)}), onStream("XDel", keyA, "2-0").gives(1),
			claims(onStream("XAutoClaim", keyA, "g", "d", time.Duration(0), "2-0", 0), mixins.Claimed[string]{Next: "0-0", Entries: logOf(c), Deleted: these("2-0")}), allPending(of("1-0", "d", 2), of("3-0", "d", 2)),
			onStream("XAutoClaim", keyA, "g", "d", time.Duration(0), "word", 0).fails(xcache.ErrSyntax), onStream("XAutoClaim", keyA, "g", "d", time.Duration(0), "0", -1).fails(xcache.ErrSyntax),
		)},
		{"streamgroups/autoclaim-justid", "XAutoClaimJustID claims, returns IDs, and counts no delivery", with("XAUTOCLAIM"), then(
			readThree, onStream("XAutoClaimJustID", keyA, "g", "d", time.Duration(0), "0", 2).gives(mixins.ClaimedIDs{Next: "3-0", IDs: these("1-0", "2-0"), Deleted: nil}), allPending(of("1-0", "d", 1), of("2-0", "d", 1), of("3-0", "c", 1)),
		)},
		{"streamgroups/info", "XInfoGroups and XInfoConsumers return the groups of a stream and the consumers of a group; ErrNotFound without it", with("XINFO", "XACK", "SET"), then(
			onStream("XInfoGroups", keyA).fails(xcache.ErrNotFound), onStream("XInfoConsumers", keyA, "g").fails(xcache.ErrNotFound), three, onStream("XInfoGroups", keyA).gives([]mixins.StreamGroup(nil)), onStream("XInfoConsumers", keyA, "g").fails(xcache.ErrNotFound),
			group, read("c", mixins.XReadGroupOptions{Count: 2}, a, b), onStream("XAck", keyA, "g", "1-0").gives(1),
			onStream("XInfoGroups", keyA).gives([]mixins.StreamGroup{{Name: "g", Consumers: 1, Pending: 1, LastDeliveredID: "2-0", EntriesRead: 2, Lag: 1}}).
				orUntold("entries-read", []mixins.StreamGroup{{Name: "g", Consumers: 1, Pending: 1, LastDeliveredID: "2-0", EntriesRead: mixins.NotKnown, Lag: mixins.NotKnown}}), recentConsumers(onStream("XInfoConsumers", keyA, "g"), "c", 1),
			isText(), onStream("XInfoGroups", text).fails(xcache.ErrWrongType),
		)},
	}
}

// withoutIdle wants pending entries, with any idle times.
func withoutIdle(c call, want []mixins.PendingEntry) call {
	c.compare = func(got any) error {
		entries, _ := got.([]mixins.PendingEntry)
		for i := range entries {
			if entries[i].Idle < 0 {
				return that(false, "%s was delivered %s ago", entries[i].ID, entries[i].Idle)
			}
			entries[i].Idle = 0
		}
		return that(sameResult(entries, want), "it returned %v, want %v", entries, want)
	}
	return c
}

// claims wants claimed entries. For an empty result, nil equals an empty list.
func claims(c call, want mixins.Claimed[string]) call {
	c.compare = func(got any) error {
		claimed, _ := got.(mixins.Claimed[string])
		same := claimed.Next == want.Next && sameResult(claimed.Entries, want.Entries) && sameResult(claimed.Deleted, want.Deleted)
		return that(same, "it returned %v, want %v", claimed, want)
	}
	return c
}

// recentConsumers wants one consumer with a recent request.
func recentConsumers(c call, name string, pending int) call {
	c.compare = func(got any) error {
		consumers, _ := got.([]mixins.StreamConsumer)
		ok := len(consumers) == 1 && consumers[0].Name == name && consumers[0].Pending == pending &&
			consumers[0].Idle >= 0 && consumers[0].Idle < long && consumers[0].Inactive >= mixins.NotKnown && consumers[0].Inactive < long
		return that(ok, "it returned %v, want %s with %d pending", consumers, name, pending)
	}
	return c
}
