package xcachetest

import (
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// These keys are in one slot.
const (
	keyA = "{k}a"
	keyB = "{k}b"
	keyC = "{k}c"
	text = "{k}text" // the key of a string
)

// these returns elements as the result of a method.
func these(elements ...string) []string { return elements }

func isText() call { return do("texts", "Set", text, "v") }

func listScripts() []script {
	list := func(method string, args ...any) call { return do("lists", method, args...) }
	abc := list("RPush", keyA, "a", "b", "c").gives(3)
	all := func(key string, elements ...string) call { return list("LRange", key, 0, -1).gives(these(elements...)) }
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	anyOf := mixins.LPosOptions{}
	return []script{
		{"lists/push", "LPush and RPush add elements at their end, one after the other, and return the length; a string is ErrWrongType and stays", needs("LPUSH", "RPUSH", "LRANGE", "SET", "GET"), []call{
			list("LPush", keyA, "b", "a").gives(2), list("RPush", keyA, "c", "d").gives(4), all(keyA, "a", "b", "c", "d"),
			isText(), list("LPush", text, "a").fails(xcache.ErrWrongType), list("RPush", text, "a").fails(xcache.ErrWrongType), do("texts", "Get", text).gives("v"),
		}},
		{"lists/push-nothing", "a push of no elements is ErrSyntax", needs("LPUSH", "RPUSH", "LPUSHX", "RPUSHX"), []call{
			list("LPush", keyA).fails(xcache.ErrSyntax), list("RPush", keyA).fails(xcache.ErrSyntax), list("LPushX", keyA).fails(xcache.ErrSyntax), list("RPushX", keyA).fails(xcache.ErrSyntax),
		}},
		{"lists/empty-key", "an empty key is ErrInvalidKey", needs("LPUSH", "LLEN"), []call{
			list("LPush", "", "a").fails(xcache.ErrInvalidKey), list("LLen", "").fails(xcache.ErrInvalidKey),
		}},
		{"lists/pushx", "LPushX and RPushX add to a list that exists, and make none", needs("LPUSHX", "RPUSHX", "RPUSH", "LRANGE", "EXISTS"), []call{
			list("LPushX", keyB, "a").gives(0), list("RPushX", keyB, "a").gives(0), exists(keyB, false),
			abc, list("LPushX", keyA, "y", "z").gives(5), list("RPushX", keyA, "d").gives(6), all(keyA, "z", "y", "a", "b", "c", "d"),
			isText(), list("LPushX", text, "a").fails(xcache.ErrWrongType), list("RPushX", text, "a").fails(xcache.ErrWrongType),
		}},
		{"lists/pop", "LPop and RPop take the element at their end; ErrNotFound without one; a list that is emptied vanishes", needs("LPOP", "RPOP", "RPUSH", "EXISTS", "SET"), []call{
			list("LPop", keyA).fails(xcache.ErrNotFound), list("RPop", keyA).fails(xcache.ErrNotFound),
			abc, list("LPop", keyA).gives("a"), list("RPop", keyA).gives("c"), exists(keyA, true), list("RPop", keyA).gives("b"), exists(keyA, false),
			isText(), list("LPop", text).fails(xcache.ErrWrongType), list("RPop", text).fails(xcache.ErrWrongType),
		}},
		{"lists/pop-count", "with a count LPopCount and RPopCount take as many as there are, in the order of the taking; none without a list", needs("LPOP", "RPOP", "RPUSH", "EXISTS"), []call{
			list("LPopCount", keyA, 2).gives(these()), list("RPopCount", keyA, 2).gives(these()),
			abc, list("LPopCount", keyA, 0).gives(these()), list("RPopCount", keyA, 2).gives(these("c", "b")), list("LPopCount", keyA, 5).gives(these("a")), exists(keyA, false),
			list("LPopCount", keyA, -1).fails(xcache.ErrSyntax),
		}},
		{"lists/range", "LRange returns the elements between two indexes, which may be beyond the ends", needs("LRANGE", "RPUSH", "SET"), []call{
			all(keyA), abc, all(keyA, "a", "b", "c"), list("LRange", keyA, 1, 1).gives(these("b")), list("LRange", keyA, -2, 99).gives(these("b", "c")),
			list("LRange", keyA, -99, 0).gives(these("a")), list("LRange", keyA, 2, 1).gives(these()), list("LRange", keyA, 9, 12).gives(these()),
			isText(), list("LRange", text, 0, -1).fails(xcache.ErrWrongType),
		}},
		{"lists/index", "LIndex returns the element at an index, from either end; ErrNotFound beyond them", needs("LINDEX", "RPUSH", "SET"), []call{
			list("LIndex", keyA, 0).fails(xcache.ErrNotFound), abc, list("LIndex", keyA, 0).gives("a"), list("LIndex", keyA, -1).gives("c"), list("LIndex", keyA, 1).gives("b"),
			list("LIndex", keyA, 3).fails(xcache.ErrNotFound), list("LIndex", keyA, -4).fails(xcache.ErrNotFound), isText(), list("LIndex", text, 0).fails(xcache.ErrWrongType),
		}},
		{"lists/len", "LLen returns the number of elements, 0 without a list", needs("LLEN", "RPUSH", "SET"), []call{
			list("LLen", keyA).gives(0), abc, list("LLen", keyA).gives(3), isText(), list("LLen", text).fails(xcache.ErrWrongType),
		}},
		{"lists/rem", "LRem removes equal elements from the left, from the right, or all; a list that is emptied vanishes", needs("LREM", "RPUSH", "LRANGE", "EXISTS", "SET"), []call{
			list("LRem", keyA, 0, "a").gives(0), list("RPush", keyA, "a", "b", "a", "c", "a").gives(5),
			list("LRem", keyA, 1, "a").gives(1), all(keyA, "b", "a", "c", "a"), list("LRem", keyA, -1, "a").gives(1), all(keyA, "b", "a", "c"),
			list("LRem", keyA, 0, "z").gives(0), list("RPush", keyB, "x", "x", "x").gives(3), list("LRem", keyB, 0, "x").gives(3), exists(keyB, false),
			isText(), list("LRem", text, 0, "a").fails(xcache.ErrWrongType),
		}},
		{"lists/trim", "LTrim keeps the elements between two indexes; a range without any removes the list", needs("LTRIM", "RPUSH", "LRANGE", "EXISTS", "SET"), []call{
			list("LTrim", keyA, 0, 1), abc, list("LTrim", keyA, 1, -1), all(keyA, "b", "c"), list("LTrim", keyA, -99, 99), all(keyA, "b", "c"),
			list("LTrim", keyA, 5, 9), exists(keyA, false), isText(), list("LTrim", text, 0, 1).fails(xcache.ErrWrongType),
		}},
		{"lists/set", "LSet puts an element in the place of another; ErrNotFound without a list, ErrSyntax beyond its ends", needs("LSET", "RPUSH", "LRANGE", "SET"), []call{
			list("LSet", keyA, 0, "x").fails(xcache.ErrNotFound), abc, list("LSet", keyA, 0, "x"), list("LSet", keyA, -1, "z"), all(keyA, "x", "b", "z"),
			list("LSet", keyA, 3, "y").fails(xcache.ErrSyntax), list("LSet", keyA, -4, "y").fails(xcache.ErrSyntax), all(keyA, "x", "b", "z"),
			isText(), list("LSet", text, 0, "x").fails(xcache.ErrWrongType),
		}},
		{"lists/insert", "LInsert puts an element beside the first that is equal to the pivot; 0 without a list, -1 without the pivot", needs("LINSERT", "RPUSH", "LRANGE", "SET"), []call{
			list("LInsert", keyA, mixins.Before, "a", "x").gives(0), list("RPush", keyA, "a", "b", "b").gives(3),
			list("LInsert", keyA, mixins.Before, "b", "x").gives(4), list("LInsert", keyA, mixins.After, "b", "y").gives(5), all(keyA, "a", "x", "b", "y", "b"),
			list("LInsert", keyA, mixins.After, "none", "z").gives(-1), list("LInsert", keyA, mixins.Place("BESIDE"), "b", "z").fails(xcache.ErrSyntax),
			isText(), list("LInsert", text, mixins.Before, "a", "x").fails(xcache.ErrWrongType),
		}},
		{"lists/pos", "LPos finds equal elements by rank, from either end, among the first ones that it compares; ErrNotFound without one", needs("LPOS", "RPUSH", "SET"), []call{
			list("LPos", keyA, "a", anyOf).fails(xcache.ErrNotFound), list("RPush", keyA, "a", "b", "c", "b", "b").gives(5),
			list("LPos", keyA, "b", anyOf).gives(1), list("LPos", keyA, "b", mixins.LPosOptions{Rank: 2}).gives(3), list("LPos", keyA, "b", mixins.LPosOptions{Rank: -1}).gives(4),
			list("LPos", keyA, "b", mixins.LPosOptions{Rank: -3}).gives(1), list("LPos", keyA, "b", mixins.LPosOptions{Rank: 4}).fails(xcache.ErrNotFound),
			list("LPos", keyA, "c", mixins.LPosOptions{MaxLen: 2}).fails(xcache.ErrNotFound), list("LPos", keyA, "c", mixins.LPosOptions{MaxLen: 3}).gives(2),
			list("LPos", keyA, "none", anyOf).fails(xcache.ErrNotFound), list("LPos", keyA, "a", mixins.LPosOptions{MaxLen: -1}).fails(xcache.ErrSyntax),
			isText(), list("LPos", text, "a", anyOf).fails(xcache.ErrWrongType),
		}},
		{"lists/pos-count", "LPosCount returns as many indexes as it is told, all for 0, in the order of the search; none without one", needs("LPOS", "RPUSH"), []call{
			list("LPosCount", keyA, "a", 0, anyOf).gives([]int{}), list("RPush", keyA, "a", "b", "c", "b", "b").gives(5),
			list("LPosCount", keyA, "b", 0, anyOf).gives([]int{1, 3, 4}), list("LPosCount", keyA, "b", 2, anyOf).gives([]int{1, 3}),
			list("LPosCount", keyA, "b", 2, mixins.LPosOptions{Rank: -1}).gives([]int{4, 3}), list("LPosCount", keyA, "b", 0, mixins.LPosOptions{Rank: 2, MaxLen: 4}).gives([]int{3}),
			list("LPosCount", keyA, "none", 0, anyOf).gives([]int{}),
		}},
		{"lists/move", "LMove takes an element from an end of one list and puts it at an end of another, or of the same", needs("LMOVE", "RPUSH", "LRANGE", "EXISTS", "SET"), []call{
			list("LMove", keyA, keyB, mixins.Left, mixins.Right).fails(xcache.ErrNotFound), exists(keyB, false), abc,
			list("LMove", keyA, keyB, mixins.Left, mixins.Left).gives("a"), list("LMove", keyA, keyB, mixins.Right, mixins.Left).gives("c"), all(keyB, "c", "a"),
			list("LMove", keyB, keyB, mixins.Left, mixins.Right).gives("c"), all(keyB, "a", "c"),
			list("LMove", keyA, keyB, mixins.Right, mixins.Right).gives("b"), exists(keyA, false), all(keyB, "a", "c", "b"),
			isText(), list("LMove", keyB, text, mixins.Left, mixins.Left).fails(xcache.ErrWrongType), list("LMove", text, keyB, mixins.Left, mixins.Left).fails(xcache.ErrWrongType),
			list("LMove", keyB, keyA, mixins.End("MIDDLE"), mixins.Left).fails(xcache.ErrSyntax), all(keyB, "a", "c", "b"),
		}},
		{"lists/mpop", "LMPop takes elements from the first list that is not empty, and says which; ErrNotFound if all are", needs("LMPOP", "RPUSH", "LRANGE", "EXISTS", "SET"), []call{
			list("LMPop", mixins.Left, 1, keyA, keyB).fails(xcache.ErrNotFound), list("RPush", keyB, "a", "b", "c").gives(3), list("RPush", keyC, "z").gives(1),
			list("LMPop", mixins.Left, 1, keyA, keyB, keyC).gives(mixins.Popped[string]{Key: keyB, Elements: these("a")}),
			list("LMPop", mixins.Right, 9, keyA, keyB, keyC).gives(mixins.Popped[string]{Key: keyB, Elements: these("c", "b")}), exists(keyB, false), all(keyC, "z"),
			list("LMPop", mixins.Left, 1).fails(xcache.ErrSyntax), list("LMPop", mixins.Left, 0, keyC).fails(xcache.ErrSyntax),
			isText(), list("LMPop", mixins.Left, 1, text, keyC).fails(xcache.ErrWrongType),
		}},
		{"lists/ttl-stays", "what changes a list leaves its TTL", needs("RPUSH", "LPOP", "LSET", "LTRIM", "LREM", "LINSERT", "PEXPIRE", "PTTL"), []call{
			abc, do("cache", "Expire", keyA, long).gives(true), list("RPush", keyA, "d").gives(4), list("LPop", keyA).gives("a"), list("LSet", keyA, 0, "x"),
			list("LInsert", keyA, mixins.Before, "x", "w").gives(4), list("LTrim", keyA, 0, 2), list("LRem", keyA, 0, "w").gives(1), hasTTL(keyA),
		}},
		{"lists/kind", "the kind of a list is list", needs("RPUSH", "TYPE"), []call{abc, do("cache", "Type", keyA).gives(driver.KindList)}},
	}
}

// hasTTL wants a key with a TTL.
func hasTTL(key string) call {
	c := do("cache", "TTL", key)
	c.compare = func(got any) error {
		return that(got != driver.NoExpiry, "the key has lost its TTL")
	}
	return c
}
