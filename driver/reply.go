package driver

import (
	"errors"
	"fmt"
	"strconv"
)

// A Reply is the answer of a server to a command. RESP2 and RESP3 have different shapes for
// some answers; a driver gives both the same shape. A score is a ReplyFloat. A map, and a list of
// members and scores, is flat: each name with its value behind it. A whole number may come as
// text. The methods also accept the other shapes, which custom commands may have.
//
// A reply of a shape that a method does not accept is ErrUnavailable: the other end is no server
// that works. The outcome is Unknown, because a reply does not know its command; see
// Cmd.Misread.
type Reply struct {
	Kind ReplyKind
	// Int is the number of a ReplyInt. A boolean is 0 or 1.
	Int int64
	// Float is the number of a ReplyFloat.
	Float float64
	// Data is the bytes of a ReplyData, immutable and lasting.
	Data []byte
	// Items are the elements of a ReplyArray. For a map, Items are the keys and values in
	// turn.
	Items []Reply
	// Err is the error of a ReplyError: an element of an array that failed.
	Err error
}

// ReplyKind tells which field of a Reply counts.
type ReplyKind uint8

// The kinds of replies.
const (
	ReplyNil ReplyKind = iota
	ReplyInt
	ReplyFloat
	ReplyData
	ReplyArray
	ReplyError
)

// IntReply returns a number as a reply.
func IntReply(n int64) Reply { return Reply{Kind: ReplyInt, Int: n} }

// FloatReply returns a floating-point number as a reply.
func FloatReply(f float64) Reply { return Reply{Kind: ReplyFloat, Float: f} }

// DataReply returns bytes as a reply.
func DataReply(data []byte) Reply { return Reply{Kind: ReplyData, Data: data} }

// ArrayReply returns a list as a reply.
func ArrayReply(items ...Reply) Reply { return Reply{Kind: ReplyArray, Items: items} }

// IsNil reports whether the server answered nil.
func (r *Reply) IsNil() bool { return r.Kind == ReplyNil }

// AsInt returns the reply as a number.
func (r *Reply) AsInt() (int64, error) {
	switch r.Kind {
	case ReplyInt:
		return r.Int, nil
	case ReplyData:
		if n, err := strconv.ParseInt(string(r.Data), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, r.unexpected("an integer")
}

// AsFloat returns the reply as a floating-point number.
func (r *Reply) AsFloat() (float64, error) {
	switch r.Kind {
	case ReplyFloat:
		return r.Float, nil
	case ReplyInt:
		return float64(r.Int), nil
	case ReplyData:
		if f, err := strconv.ParseFloat(string(r.Data), 64); err == nil {
			return f, nil
		}
	}
	return 0, r.unexpected("a number")
}

// AsBytes returns the reply's bytes, immutable and lasting. A nil is ErrNotFound.
func (r *Reply) AsBytes() ([]byte, error) {
	switch r.Kind {
	case ReplyData:
		return r.Data, nil
	case ReplyInt:
		return strconv.AppendInt(nil, r.Int, 10), nil
	case ReplyNil:
		return nil, ErrNotFound
	}
	return nil, r.unexpected("bytes")
}

// AsArray returns the reply's elements. A nil has no elements.
func (r *Reply) AsArray() ([]Reply, error) {
	switch r.Kind {
	case ReplyArray:
		return r.Items, nil
	case ReplyNil:
		return nil, nil
	}
	return nil, r.unexpected("an array")
}

func (r *Reply) unexpected(want string) error {
	if r.Kind == ReplyError {
		return r.Err
	}
	kinds := [...]string{"nil", "an integer", "a float", "bytes", "an array", "an error"}
	return Fail(ErrUnavailable, Unknown, fmt.Errorf("the server answered %s where %s was expected", kinds[r.Kind], want))
}

// AsOK returns nil for OK, the reply of a command without a result.
func (r *Reply) AsOK() error {
	switch {
	case r.Kind != ReplyData:
		return r.unexpected("OK")
	case string(r.Data) != "OK":
		return Fail(ErrUnavailable, Unknown, errors.New("the server answered other bytes where OK was expected"))
	}
	return nil
}

// AsFlag returns true for the reply 1, and false for the reply 0.
func (r *Reply) AsFlag() (bool, error) {
	n, err := r.AsInt()
	if err == nil && n != 0 && n != 1 {
		err = Fail(ErrUnavailable, Unknown, errors.New("the server answered another number where 0 or 1 was expected"))
	}
	return n == 1, err
}

// Misread returns err, the error of a method of c.Reply or of a part of c.Reply. Misread corrects
// the outcome of err for a command that only reads: such a command has changed nothing.
func (c *Cmd) Misread(err error) error {
	misread, ok := errors.AsType[*Error](err)
	if !ok || !c.Command().ReadOnly || misread.Outcome == NotApplied {
		return err
	}
	unchanged := *misread
	unchanged.Outcome = NotApplied
	return &unchanged
}
