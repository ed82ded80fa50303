// Package pickle is the serializer "pickle": plain data as Python's pickle
// module writes it, so that a Go program and Django's own Redis backend, which
// pickles whatever is not an integer, share one cache.
//
//	import _ "github.com/xcache-go/xcache/codec/pickle"
//
//	cache, err := xcache.OpenDSN("redis://localhost?serializer=pickle")
//
// A pickle is a program for a machine that can call any Python function. This
// package runs none: it knows the values below, and recognises the few calls
// that stand for them by their exact names. A pickle of anything else, such as
// an instance of a class, is ErrCorrupt, and the error names the class.
//
// # What is read
//
// Protocols 2 to 5, as CPython writes them.
//
//	Python                          read into an any      and into
//	None                            nil                   pointers, maps, slices: nil
//	bool                            bool                  bool
//	int                             int64, uint64 above,  integers and floats that hold it
//	                                or else *big.Int      exactly, big.Int
//	float                           float64               floats
//	str                             string                strings, encoding.TextUnmarshaler
//	bytes, bytearray                []byte                slices and arrays of bytes
//	list, tuple                     []any                 slices, arrays of that length
//	set, frozenset                  []any, in no order    slices, map[T]struct{}
//	dict, all of whose keys are str map[string]any        maps, structs
//	dict                            map[any]any           maps
//	datetime.datetime               time.Time             time.Time
//	datetime.date                   time.Time, midnight   time.Time
//	datetime.timedelta              time.Duration         time.Duration
//	datetime.time                   time.Duration, since  time.Duration
//	                                midnight
//
// A datetime or date without a time zone is read as UTC. Of time zones,
// datetime.timezone is read, which includes UTC; zoneinfo is not. The keys of a
// dict must be None, bool, int of 64 bits, float or str. A list that appears twice
// in a value is read twice. What Python's dict does with a key that is there
// twice, the last one wins, is done here.
//
// # What is written
//
// Protocol 4. Whatever is read into an any can be written, and
//
//	Go                                     Python
//	integers, time.Duration, big.Int       int
//	floats                                 float
//	strings, encoding.TextMarshaler        str
//	slices and arrays of bytes             bytes
//	slices, arrays                         list
//	map[T]struct{}                         set
//	maps, structs                          dict
//	time.Time                              datetime.datetime with a datetime.timezone
//	nil pointers, slices, maps, interfaces None
//
// The fields of a struct have the names that their json tags give them, and of
// those tags omitempty, omitzero and "-" count; the fields of embedded structs
// are the outer one's. Names are compared exactly. Keys that a struct has no
// field for are passed over. Keys of maps are written in order, so that equal
// values are equal bytes. Keys must be strings, numbers, bools or
// encoding.TextMarshalers.
//
// What Python could not hold is ErrUnsupportedValue rather than changed in
// silence: a string that is not valid UTF-8, a time.Time of less than a
// microsecond's precision (use Truncate) or outside the years 1 to 9999.
//
// # Limits
//
// Values nest at most 32 levels deep and hold at most 1 Mi elements, counted as
// often as they appear, so that neither a list that holds itself nor one that
// doubles itself thirty times costs anything. A pickle takes at most 3 Mi steps:
// a value takes one, an entry of a dict two, a datetime five.
package pickle
