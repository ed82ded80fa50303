package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// A command is one command on its way to the server.
type command struct {
	wire     once
	word     word
	reply    *replyReader // where the reply goes, unless wire keeps it
	readOnly bool
	firstKey int8 // where in the arguments the first key stands, if not behind the name

	// What became of it, after request.settle: whether a reply came, and nil if
	// that is no error.
	replied bool
	err     error
}

// cmder returns what goes to a client. One of ours neither repeats commands nor
// answers from a cache, and has no hooks that look at them. The reply that a client
// of the program's reads goes to c.reply.
func (c *command) cmder(to *client) goredis.Cmder {
	if to.network != nil {
		return c.wire.Cmder
	}
	c.wire.Cmder = goredis.NewRawWriteToCmd(context.Background(), c.reply, words(c.wire.Args())...)
	if c.firstKey > 0 {
		c.wire.SetFirstKeyPos(c.firstKey)
	}
	return &c.wire
}

// words returns arguments as values that hooks know how to print.
func words(args []any) []any {
	list := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case *string:
			list[i] = *arg
		case *int64:
			list[i] = *arg
		case *bytesArg:
			list[i] = []byte(*arg)
		default:
			list[i] = arg
		}
	}
	return list
}

// once is a command that go-redis does not send a second time, whatever happens
// to the first, and does not answer from a cache.
type once struct{ goredis.Cmder }

// NoRetry implements goredis.Cmder.
func (*once) NoRetry() bool { return true }

// String returns the words, without the number of bytes that go-redis would call the
// result.
func (o *once) String() string {
	text := o.Cmder.String()
	if end := strings.LastIndex(text, ": "); o.Err() == nil && end >= 0 {
		text = text[:end]
	}
	return text
}

// word is the name of a command, its first argument. go-redis asks it for its
// bytes when it begins to write the command, and not before: that is how the
// driver knows that nothing was sent.
type word struct {
	text    []byte
	request *request
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (w *word) MarshalBinary() ([]byte, error) {
	if !w.request.begin() {
		return nil, errAbandoned
	}
	return w.text, nil
}

// String is what go-redis' hooks see.
func (w *word) String() string { return string(w.text) }

// bytesArg is an argument that needs no allocation to become an interface.
type bytesArg []byte

// MarshalBinary implements encoding.BinaryMarshaler.
func (b *bytesArg) MarshalBinary() ([]byte, error) { return *b, nil }

// The names of the commands that are not taken from a driver.Cmd.
var (
	get     = []byte("GET")
	mget    = []byte("MGET")
	set     = []byte("SET")
	unlink  = []byte("UNLINK")
	eval    = []byte("EVAL")
	evalsha = []byte("EVALSHA")
	multi   = []byte("MULTI")
	exec    = []byte("EXEC")
)

// name gives c its name and request, and returns the first argument.
func (c *command) name(r *request, text []byte) *word {
	c.word = word{text: text, request: r}
	return &c.word
}

// reset makes c ready to be sent, for the first time or again.
func (c *command) reset() {
	c.wire.SetErr(nil)
	if c.reply != nil {
		c.reply.reset()
	}
	c.replied, c.err = false, nil
}

// A generalCommand is a command whose reply may be anything.
type generalCommand struct {
	command
	reader replyReader
}

// init makes c ready to send a name and arguments: pointers (*string, *int64,
// *bytesArg) or constants, as go-redis takes both and neither costs an
// allocation. args[0] is left to the name.
func (c *generalCommand) init(r *request, text []byte, args ...any) {
	args[0] = c.name(r, text)
	c.reply = &c.reader
	c.wire.Cmder = goredis.NewRawWriteToCmd(context.Background(), c.reply, args...)
}
