package arguments

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A StreamID is the ID of an entry of a stream.
type StreamID struct{ Milliseconds, Sequence uint64 }

// MaxStreamID is the greatest ID.
var MaxStreamID = StreamID{math.MaxUint64, math.MaxUint64}

// Compare returns -1, 0 or 1, as cmp.Compare does.
func (id StreamID) Compare(other StreamID) int {
	return cmp.Or(cmp.Compare(id.Milliseconds, other.Milliseconds), cmp.Compare(id.Sequence, other.Sequence))
}

// IsZero reports whether the ID is 0-0, which no entry has.
func (id StreamID) IsZero() bool { return id == StreamID{} }

// Next returns the next greater ID. The next ID of the greatest ID is 0-0.
func (id StreamID) Next() StreamID {
	id.Sequence++
	if id.Sequence == 0 {
		id.Milliseconds++
	}
	return id
}

// previous returns the next smaller ID. The ID before 0-0 is the greatest ID.
func (id StreamID) previous() StreamID {
	if id.Sequence == 0 {
		id.Milliseconds--
	}
	id.Sequence--
	return id
}

// Append appends the text of the ID.
func (id StreamID) Append(dst []byte) []byte {
	return strconv.AppendUint(append(strconv.AppendUint(dst, id.Milliseconds, 10), '-'), id.Sequence, 10)
}

// parseStreamID parses milliseconds-sequence. The argument sequence is the default for an
// ID without a sequence.
func parseStreamID(text string, sequence uint64) (id StreamID, ok bool) {
	first, second, both := strings.Cut(text, "-")
	var err error
	if id.Milliseconds, err = strconv.ParseUint(first, 10, 64); err != nil {
		return id, false
	}
	id.Sequence = sequence
	if both {
		id.Sequence, err = strconv.ParseUint(second, 10, 64)
	}
	return id, err == nil
}

// StreamID returns argument i as an ID. The default sequence is 0.
func (l List) StreamID(i int) (StreamID, error) {
	id, ok := parseStreamID(l.Text(i), 0)
	if !ok {
		return id, l.badStreamID(i)
	}
	return id, nil
}

func (l List) badStreamID(i int) error { return l.Fail("argument %d is not the ID of an entry", i+1) }

// StreamIDs returns the arguments from i on as IDs.
func (l List) StreamIDs(i int) ([]StreamID, error) {
	ids := make([]StreamID, 0, l.Count()-i)
	for ; i < l.Count(); i++ {
		id, err := l.StreamID(i)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// StreamStart returns argument i as the first ID of a range. - is the smallest ID, and ( in
// front excludes the ID.
func (l List) StreamStart(i int) (StreamID, error) {
	id, exclusive, err := l.streamEnd(i, 0)
	if err == nil && exclusive {
		if id == MaxStreamID {
			return id, l.badStreamID(i)
		}
		id = id.Next()
	}
	return id, err
}

// StreamStop returns argument i as the last ID of a range. + is the greatest ID, and ( in
// front excludes the ID.
func (l List) StreamStop(i int) (StreamID, error) {
	id, exclusive, err := l.streamEnd(i, math.MaxUint64)
	if err == nil && exclusive {
		if id.IsZero() {
			return id, l.badStreamID(i)
		}
		id = id.previous()
	}
	return id, err
}

func (l List) streamEnd(i int, sequence uint64) (id StreamID, exclusive bool, err error) {
	text, exclusive := strings.CutPrefix(l.Text(i), "(")
	switch {
	case text == "-" && !exclusive:
		return StreamID{}, false, nil
	case text == "+" && !exclusive:
		return MaxStreamID, false, nil
	}
	id, ok := parseStreamID(text, sequence)
	if !ok {
		return id, exclusive, l.badStreamID(i)
	}
	return id, exclusive, nil
}

// A StreamRange holds the arguments of XRANGE and XREVRANGE.
type StreamRange struct {
	Start, Stop StreamID
	// Count is the limit of entries, or -1 for all.
	Count int64
}

// StreamRange reads key start stop [COUNT count], or key stop start if reversed.
func (l List) StreamRange(reversed bool) (r StreamRange, err error) {
	start, stop := 1, 2
	if reversed {
		start, stop = stop, start
	}
	if r.Start, err = l.StreamStart(start); err != nil {
		return r, err
	}
	if r.Stop, err = l.StreamStop(stop); err != nil {
		return r, err
	}
	r.Count = -1
	for i := 3; i < l.Count(); i += 2 {
		if !l.Is(i, "COUNT") || i+1 == l.Count() {
			return r, l.SyntaxError()
		}
		if r.Count, err = l.Int(i + 1); err != nil {
			return r, err
		}
		r.Count = max(0, r.Count)
	}
	return r, nil
}

// A Trim tells which entries of a stream are removed.
type Trim struct {
	// Given tells that there is a bound: the smallest ID to keep if ByID, and the number of
	// entries otherwise.
	Given, ByID bool
	MaxLen      int64
	MinID       StreamID
	// Limit is the most entries to remove, or 0 for any number.
	Limit int64
}

// trim reads MAXLEN | MINID [= | ~] threshold [LIMIT count] at argument i, and returns
// the index behind the last of these arguments. An approximate bound (~) may be treated
// as an exact bound.
func (l List) trim(i int, t *Trim) (next int, err error) {
	if t.Given {
		return i, l.SyntaxError()
	}
	t.Given, t.ByID = true, l.Is(i, "MINID")
	about := false
	if i++; i+1 < l.Count() && (l.Is(i, "=") || l.Is(i, "~")) {
		about = l.Is(i, "~")
		i++
	}
	switch {
	case i >= l.Count():
		return i, l.SyntaxError()
	case t.ByID:
		t.MinID, err = l.StreamID(i)
	default:
		if t.MaxLen, err = l.Int(i); err == nil && t.MaxLen < 0 {
			err = l.Fail("MAXLEN must not be negative")
		}
	}
	i++
	if err != nil || i+1 >= l.Count() || !l.Is(i, "LIMIT") {
		return i, err
	}
	if t.Limit, err = l.Int(i + 1); err != nil {
		return i, err
	}
	if t.Limit < 0 || !about {
		return i, l.Fail("LIMIT must not be negative, and goes with ~ only")
	}
	return i + 2, nil
}

// An AddEntry holds the arguments of XADD.
type AddEntry struct {
	NoMakeStream bool
	Trim         Trim
	// ID is the ID of the entry. AutoSequence tells that the store chooses the sequence.
	// AutoID tells that the store chooses the whole ID.
	ID                   StreamID
	AutoID, AutoSequence bool
	// First is the index of the first field. Fields and values alternate from there.
	First int
}

// AddEntry reads key [NOMKSTREAM] [trim] * | ID field value [field value ...].
func (l List) AddEntry() (a AddEntry, err error) {
	i := 1
options:
	for ; i < l.Count(); i++ {
		switch {
		case l.Is(i, "NOMKSTREAM"):
			a.NoMakeStream = true
		case l.Is(i, "MAXLEN") || l.Is(i, "MINID"):
			if i, err = l.trim(i, &a.Trim); err != nil {
				return a, err
			}
			i--
		default:
			break options
		}
	}
	a.First = i + 1
	if pairs := l.Count() - a.First; pairs < 2 || pairs%2 != 0 {
		return a, l.Fail("it takes an ID, and fields and values in turn")
	}
	text := l.Text(i)
	half, isHalf := strings.CutSuffix(text, "-*")
	var ok bool
	switch {
	case text == "*":
		a.AutoID = true
		return a, nil
	case isHalf:
		a.AutoSequence = true
		a.ID.Milliseconds, err = strconv.ParseUint(half, 10, 64)
		ok = err == nil
	default:
		a.ID, ok = parseStreamID(text, 0)
	}
	switch {
	case !ok:
		return a, l.badStreamID(i)
	case a.ID.IsZero() && !a.AutoSequence:
		return a, l.Fail("the ID of an entry must be greater than 0-0")
	}
	return a, nil
}

// TrimStream reads key trim.
func (l List) TrimStream() (t Trim, err error) {
	if !l.Is(1, "MAXLEN") && !l.Is(1, "MINID") {
		return t, l.SyntaxError()
	}
	next, err := l.trim(1, &t)
	if err == nil && next != l.Count() {
		err = l.SyntaxError()
	}
	return t, err
}

// A ReadStreams holds the arguments of XREAD and XREADGROUP.
type ReadStreams struct {
	Group, Consumer string
	// Count is the limit of entries of each stream, or 0 for all.
	Count int64
	NoAck bool
	// Timeout is the time of BLOCK, or 0.
	Timeout time.Duration
	Keys    []string
	// IDs has, for each key, the ID behind which entries are read. Last tells that the ID
	// is the ID of the last entry ($). New tells that the ID is the last ID delivered to
	// the group (>).
	IDs       []StreamID
	Last, New []bool
}

// ReadStreams reads [GROUP group consumer] [COUNT count] [BLOCK ms] [NOACK] STREAMS key… ID….
func (l List) ReadStreams(grouped bool) (r ReadStreams, err error) {
	i := 0
	for ; i < l.Count() && !l.Is(i, "STREAMS"); i++ {
		switch {
		case l.Is(i, "COUNT") && i+1 < l.Count():
			i++
			if r.Count, err = l.Int(i); err != nil {
				return r, err
			}
			r.Count = max(0, r.Count)
		case l.Is(i, "BLOCK") && i+1 < l.Count():
			i++
			if r.Timeout, err = l.block(i); err != nil {
				return r, err
			}
		case l.Is(i, "GROUP") && grouped && i+2 < l.Count():
			r.Group, r.Consumer = strings.Clone(l.Text(i+1)), strings.Clone(l.Text(i+2))
			i += 2
		case l.Is(i, "NOACK") && grouped:
			r.NoAck = true
		default:
			return r, l.SyntaxError()
		}
	}
	streams := (l.Count() - i) / 2
	switch {
	case i >= l.Count() || (l.Count()-i-1)%2 != 0 || streams == 0:
		return r, l.Fail("it takes STREAMS, keys, and as many IDs")
	case grouped && !slices.ContainsFunc(l.Cmd.Args[:i], func(a driver.Arg) bool { return strings.EqualFold(a.String(), "GROUP") }):
		return r, l.Fail("it takes GROUP")
	}
	if r.Keys, err = l.Keys(i+1, i+1+streams); err != nil {
		return r, err
	}
	r.IDs, r.Last, r.New = make([]StreamID, streams), make([]bool, streams), make([]bool, streams)
	for k := range streams {
		at := i + 1 + streams + k
		switch text := l.Text(at); {
		case text == "$" && !grouped:
			r.Last[k] = true
		case text == ">" && grouped:
			r.New[k] = true
		default:
			if r.IDs[k], err = l.StreamID(at); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// StreamInfo reads STREAM key, GROUPS key or CONSUMERS key group.
func (l List) StreamInfo() error {
	want := 2
	if l.Is(0, "CONSUMERS") {
		want = 3
	} else if !l.Is(0, "STREAM") && !l.Is(0, "GROUPS") {
		return l.SyntaxError()
	}
	if l.Count() != want {
		return l.Fail("wrong number of arguments")
	}
	_, err := l.Keys(1, 2)
	return err
}

// groupSubcommands are the subcommands of XGROUP, with their numbers of arguments.
var groupSubcommands = []struct {
	name        string
	least, most int
}{
	{"CREATE", 4, Unlimited}, {"SETID", 4, Unlimited}, {"DESTROY", 3, 3}, {"CREATECONSUMER", 4, 4}, {"DELCONSUMER", 4, 4},
}

// GroupSubcommand reads CREATE, SETID, DESTROY, CREATECONSUMER or DELCONSUMER, and the
// key behind that word.
func (l List) GroupSubcommand() (string, error) {
	for _, s := range groupSubcommands {
		if !l.Is(0, s.name) {
			continue
		}
		if l.Count() < s.least || s.most != Unlimited && l.Count() > s.most {
			return "", l.Fail("wrong number of arguments")
		}
		_, err := l.Keys(1, 2)
		return s.name, err
	}
	return "", l.SyntaxError()
}

// A Group holds the arguments of XGROUP CREATE and SETID.
type Group struct {
	ID StreamID
	// Last tells that the ID is the ID of the last entry ($).
	Last       bool
	MakeStream bool
	// Read is the number of entries that the group counts as read, or -1 for unknown.
	Read int64
}

// Group reads CREATE | SETID key group ID | $ [MKSTREAM] [ENTRIESREAD count].
func (l List) Group(create bool) (g Group, err error) {
	g.Read = -1
	if l.Text(3) == "$" {
		g.Last = true
	} else if g.ID, err = l.StreamID(3); err != nil {
		return g, err
	}
	for i := 4; i < l.Count(); i++ {
		switch {
		case l.Is(i, "MKSTREAM") && create:
			g.MakeStream = true
		case l.Is(i, "ENTRIESREAD") && i+1 < l.Count():
			i++
			if g.Read, err = l.Int(i); err != nil {
				return g, err
			}
			if g.Read < -1 {
				return g, l.Fail("ENTRIESREAD must be -1 or more")
			}
		default:
			return g, l.SyntaxError()
		}
	}
	return g, nil
}

// A Pending holds the arguments of XPENDING.
type Pending struct {
	// Summary tells that the command has no range.
	Summary  bool
	Range    StreamRange
	Idle     time.Duration
	Consumer string
	// Only tells that the command asks for the entries of one consumer.
	Only bool
}

// Pending reads key group [[IDLE milliseconds] start stop count [consumer]].
func (l List) Pending() (p Pending, err error) {
	i := 2
	if l.Count() == i {
		p.Summary = true
		return p, nil
	}
	if l.Is(i, "IDLE") && l.Count() > i+1 {
		ms, err := l.Int(i + 1)
		if err != nil {
			return p, err
		}
		p.Idle = Milliseconds(max(0, ms))
		i += 2
	}
	if rest := l.Count() - i; rest != 3 && rest != 4 {
		return p, l.SyntaxError()
	}
	if p.Range.Count, err = l.Int(i + 2); err != nil {
		return p, err
	}
	p.Range.Count = max(0, p.Range.Count)
	if p.Range.Start, err = l.StreamStart(i); err != nil {
		return p, err
	}
	if p.Range.Stop, err = l.StreamStop(i + 1); err != nil {
		return p, err
	}
	if p.Only = l.Count()-i == 4; p.Only {
		p.Consumer = l.Text(i + 3)
	}
	return p, nil
}

// A Claim holds the arguments of XCLAIM and XAUTOCLAIM.
type Claim struct {
	Idle   time.Duration
	JustID bool

	// IDs are the entries for XCLAIM.
	IDs []StreamID
	// Delivered is the new delivery time in milliseconds since 1970, or -1 for now. Retries
	// is the new delivery count, or -1 for the old count plus 1.
	Delivered, Retries int64
	Force              bool
	LastID             StreamID

	// Start is the first ID for XAUTOCLAIM, and Count the limit of entries.
	Start StreamID
	Count int64
}

// Claim reads key group consumer idle ID… [IDLE milliseconds | TIME millisecond]
// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID ID].
func (l List) Claim(now int64) (c Claim, err error) {
	c.Delivered, c.Retries = -1, -1
	ms, err := l.Int(3)
	if err != nil {
		return c, err
	}
	c.Idle = Milliseconds(max(0, ms))
	i := 4
	for ; i < l.Count(); i++ {
		id, ok := parseStreamID(l.Text(i), 0)
		if !ok {
			break
		}
		c.IDs = append(c.IDs, id)
	}
	for ; i < l.Count(); i++ {
		var n int64
		switch more := i+1 < l.Count(); {
		case l.Is(i, "FORCE"):
			c.Force = true
		case l.Is(i, "JUSTID"):
			c.JustID = true
		case more && (l.Is(i, "IDLE") || l.Is(i, "TIME") || l.Is(i, "RETRYCOUNT")):
			if n, err = l.Int(i + 1); err != nil {
				return c, err
			}
			switch {
			case l.Is(i, "RETRYCOUNT"):
				c.Retries = max(-1, n)
			case l.Is(i, "IDLE"):
				c.Delivered = now - n
			default:
				c.Delivered = n
			}
			i++
		case more && l.Is(i, "LASTID"):
			i++
			if c.LastID, err = l.StreamID(i); err != nil {
				return c, err
			}
		default:
			return c, l.SyntaxError()
		}
	}
	if c.Delivered < 0 || c.Delivered > now {
		c.Delivered = now
	}
	return c, nil
}

// maxAutoClaim bounds the time that an XAUTOCLAIM takes.
const maxAutoClaim = 1 << 20

// AutoClaim reads key group consumer idle start [COUNT count] [JUSTID].
func (l List) AutoClaim() (c Claim, err error) {
	ms, err := l.Int(3)
	if err != nil {
		return c, err
	}
	c.Idle, c.Count, c.Retries = Milliseconds(max(0, ms)), 100, -1
	if c.Start, err = l.StreamStart(4); err != nil {
		return c, err
	}
	for i := 5; i < l.Count(); i++ {
		switch {
		case l.Is(i, "JUSTID"):
			c.JustID = true
		case l.Is(i, "COUNT") && i+1 < l.Count():
			i++
			if c.Count, err = l.Int(i); err != nil {
				return c, err
			}
			if c.Count < 1 {
				return c, l.Fail("COUNT must be greater than 0")
			}
			c.Count = min(c.Count, maxAutoClaim)
		default:
			return c, l.SyntaxError()
		}
	}
	return c, nil
}
