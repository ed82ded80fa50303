package redis

import (
	"math"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A replyClass is what is known of the reply to a command before it comes.
type replyClass uint8

const (
	anyReply  replyClass = iota
	aValue               // of GET
	values               // of MGET
	names                // keys, and what servers say of themselves
	dump                 // of DUMP, which may be longer than any value
	stored               // of SET
	storedIf             // of SET with options
	begun                // of MULTI
	queued               // of what is behind MULTI
	handshake            // what is read by go-redis, when a connection is made
	classes
)

const (
	// minString is the longest string that a reply may always have: ids, fields
	// and such are no values.
	minString = 4 << 10
	// maxNames is the longest key, and the longest text about a server.
	maxNames = 16 << 20
	// maxItems is how many elements an array of a reply may claim to have, and
	// maxHandshake how many if go-redis reads it, which takes the memory at once.
	maxItems, maxHandshake = 1 << 24, 1 << 10
)

type replyLimits [classes]resp.Limits

// newReplyLimits returns the limits of replies where values have a length at most.
func newReplyLimits(maxValue int) replyLimits {
	longest := int64(maxValue)
	stringOrNil := resp.KindsOf("$_-!")
	return replyLimits{
		anyReply:  {String: max(longest, minString), Elements: maxItems, Refused: "QUEUED\r\n"},
		aValue:    {Kinds: stringOrNil, String: longest},
		values:    {Kinds: resp.KindsOf("*-!"), Items: stringOrNil, String: longest},
		names:     {String: max(longest, maxNames), Elements: maxItems, Refused: "QUEUED\r\n"},
		dump:      {String: math.MaxInt64, Kinds: stringOrNil},
		stored:    {Kinds: resp.KindsOf("+-!"), String: minString, Text: "OK\r\n"},
		storedIf:  {Kinds: resp.KindsOf("+-!_"), String: minString, Text: "OK\r\n"},
		begun:     {Kinds: resp.KindsOf("+-!"), String: minString, Text: "OK\r\n"},
		queued:    {Kinds: resp.KindsOf("+-!"), String: minString, Text: "QUEUED\r\n"},
		handshake: {String: maxLine, Elements: maxHandshake},
	}
}

// maxLine is the longest text of a handshake.
const maxLine = 64 << 10

// classOf returns the class of the reply to a command. The driver writes names in
// upper case, go-redis its own in lower case.
func classOf(c resp.Command) replyClass {
	switch string(c.Name) {
	case "GET":
		if c.Words == 2 {
			return aValue
		}
	case "MGET":
		return values
	case "SET":
		if c.Words == 3 {
			return stored
		}
		return storedIf
	case "MULTI":
		return begun
	case "SCAN", "CLUSTER", "SENTINEL", "ROLE", "INFO", "RANDOMKEY":
		return names
	case "DUMP":
		return dump
	case "HELLO", "hello", "auth", "select", "client", "readonly":
		return handshake
	}
	return anyReply
}

// A dueReply is a reply that was asked for.
type dueReply struct {
	class replyClass
	words int        // of the command
	kinds resp.Kinds // if it may be anything, but for the command
}

// dueReplies are the replies that are to come on a connection, in their order.
type dueReplies struct {
	limits  *replyLimits
	queue   []dueReply
	read    int         // how many of the queue have begun
	unasked bool        // more may come
	own     resp.Limits // of the last reply that has begun, if they are not those of its class
}

func (d *dueReplies) add(class replyClass, c resp.Command) {
	due := dueReply{class: class, words: c.Words}
	if class == anyReply {
		due.kinds = kinds[string(c.Name)]
	}
	d.queue = append(d.queue, due)
}

// kinds are the types of reply of the commands that have always the same ones.
var kinds = func() map[string]resp.Kinds {
	kinds := make(map[string]resp.Kinds)
	for _, c := range append(driver.Commands(), driver.Command{Name: "EXEC"}, driver.Command{Name: "ASKING"}) {
		allowed := shape.Of(c.Name, nil)
		if allowed == shape.Any {
			continue
		}
		k := resp.KindsOf("-!")
		for _, kind := range "$:_*~,+" {
			if allowed.Allows(byte(kind), "OK") {
				k |= resp.KindsOf(string(kind))
			}
		}
		kinds[c.Name] = k
	}
	return kinds
}()

// left returns how many replies have not begun yet.
func (d *dueReplies) left() int { return len(d.queue) - d.read }

// maxQueue is the longest queue whose memory is kept.
const maxQueue = 1 << 10

// clear forgets the replies that have come.
func (d *dueReplies) clear() {
	if d.queue, d.read = d.queue[:0], 0; cap(d.queue) > maxQueue {
		d.queue = nil
	}
}

// Next implements resp.Due.
func (d *dueReplies) Next() *resp.Limits {
	if d.read == len(d.queue) {
		if d.unasked {
			return d.Others()
		}
		return nil
	}
	next := &d.queue[d.read]
	d.read++
	switch next.class {
	case anyReply:
		d.own = d.limits[anyReply]
		d.own.Kinds = next.kinds
		return &d.own
	case values:
		d.own = d.limits[values]
		d.own.Elements = int64(next.words - 1)
		return &d.own
	}
	return &d.limits[next.class]
}

// Others implements resp.Due.
func (d *dueReplies) Others() *resp.Limits { return &d.limits[handshake] }
