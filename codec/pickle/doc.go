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
//	int of up to 4300 digits        int64, uint64 above,  integers and floats that hold it
//	                                or else *big.Int      exactly, big.Int
//	float                           float64               floats
//	str, Django's SafeString        string                strings, encoding.TextUnmarshaler
//	bytes, bytearray                []byte                slices and arrays of bytes
//	list, tuple, deque, a named row []any                 slices, arrays of that length
//	of values_list
//	set, frozenset                  []any, in no order    slices, map[T]struct{}
//	dict, all of whose keys are str map[string]any        maps, structs
//	dict                            map[any]any           maps
//	OrderedDict, defaultdict,       as a dict
//	Counter
//	datetime.datetime               time.Time             time.Time
//	datetime.date                   time.Time, midnight   time.Time
//	datetime.timedelta              time.Duration         time.Duration
//	datetime.time                   time.Duration, since  time.Duration
//	                                midnight
//	Django's SimpleLazyObject       as what it stands for
//
// A datetime or date without a time zone is read as UTC. Of time zones,
// datetime.timezone, zoneinfo and pytz are read; a zone that has only a name is
// looked up in the time zone database of the program, and a value is refused if it
// is not there (import time/tzdata to have one). The keys of a
// dict must be None, bool, int of 64 bits, float or str; their order is lost, as
// Go's maps have none. A list that appears twice
// in a value is read twice. What Python's dict does with a key that is there
// twice, the last one wins, is done here.
//
// Not plain data, among others: the member of an enum such as Django's TextChoices
// (store its value), a Decimal, a UUID and a lazy translation (store the str of it), a
// model (store a dict of its fields) and a QuerySet (store the list of its values),
// and instances of a program's own classes, those that extend str, int or dict, named
// tuples and dataclasses too. A class or the member of an enum, which a pickle only
// names, may stand under a key that a struct has no field for; any other object has
// the whole value refused.
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
// So is what could not be read back as it was. Of a type that is said with the
// first value of it, and without one for a view of an interface: interfaces other
// than any, channels, functions and complex numbers, keys that hold pointers, as
// times do, a type that has only one of MarshalText and UnmarshalText (and, if that
// is UnmarshalText, is a string), big.Float, structs that are embedded by a pointer
// to an unexported type, structs with no exported field, and structs whose
// unexported fields only methods that pickle does not use would write, such as
// MarshalJSON. Of a value: a pointer to a nil pointer, slice, map or interface, a
// field that is not zero and that another one of its name hides, a field beside an
// embedded type whose MarshalText knows nothing of it, a struct that is the text of
// an embedded time whose zone is not whole minutes from UTC, a key in an interface
// that is not of a type that the first table reads into an any. What else is in an
// any loses its type and comes back as the first table says. Other unexported fields
// are not stored.
//
// # Limits
//
// Values nest at most 32 levels deep and hold at most 1 Mi elements, counted as
// often as they appear, so that neither a list that holds itself nor one that
// doubles itself thirty times costs anything. A pickle takes at most 3 Mi steps:
// a value takes one, an entry of a dict two, a datetime five. An int has at most
// 4300 digits, as in Python (codec.MaxIntegerDigits).
package pickle
