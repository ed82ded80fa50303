// Package pickle is the serializer "pickle": plain data in the format of Python's pickle
// module. A Go program and Django's own Redis backend can share a cache, because this
// backend pickles every value except integers.
//
//	import _ "github.com/xcache-go/xcache/codec/pickle"
//
//	cache, err := xcache.OpenDSN("redis://localhost?serializer=pickle")
//
// A pickle is a program for a machine that can call any Python function. This package calls
// no function. The package reads the values below, and recognises the calls that make them
// by exact names. A pickle of any other value, such as an instance of a class, is
// ErrCorrupt, and the error names the class.
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
//	Django's SimpleLazyObject       as the object that it wraps
//
// A datetime or date without a time zone is read as UTC. Time zones of datetime.timezone,
// zoneinfo and pytz are read. A zone with only a name is looked up in the program's time
// zone database, and an unknown name makes the value refused. A program can import
// time/tzdata to have the database.
//
// The keys of a dict must be None, bool, int of 64 bits, float or str. The order of keys is
// lost, because Go's maps have no order. For a key that appears twice, the last value wins,
// as in Python. A list that appears twice in a value is read twice.
//
// These values, among others, are not plain data: the member of an enum such as Django's
// TextChoices (store its value), a Decimal, a UUID and a lazy translation (store its str), a
// model (store a dict of its fields), and a QuerySet (store the list of its values).
// Instances of a program's own classes are not plain data either, including subclasses of
// str, int or dict, named tuples and dataclasses. A class or the member of an enum may be the
// value of a key without a field in the struct, because a pickle only names them. Any other
// object makes the whole value refused.
//
// # What is written
//
// The protocol is 4. Every value that was read into an any can be written. These types can
// be written:
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
// The fields of a struct have the names of their json tags. The options omitempty and
// omitzero, and the name "-", have their usual effect. The fields of embedded structs are
// fields of the outer struct. Names are compared exactly. Keys without a field in the
// struct are skipped. Keys of maps are written in order, so that equal values are equal
// bytes. Keys must be strings, numbers, bools or encoding.TextMarshalers.
//
// A value that Python cannot hold is ErrUnsupportedValue: a string that is not valid UTF-8,
// and a time.Time with a fraction of a microsecond (use Truncate) or outside of the years 1
// to 9999.
//
// A value that would not be read back unchanged is ErrUnsupportedValue, too. If the type
// alone decides, the error comes with the first value of the type, or, for a view of an
// interface type, without a value. The refused types are:
//
//   - interfaces other than any, channels, functions and complex numbers;
//   - keys that hold pointers, as a time.Time does;
//   - types with only one of the methods MarshalText and UnmarshalText. A type with only
//     UnmarshalText is refused if its kind is string;
//   - big.Float;
//   - structs that are embedded by a pointer to an unexported type;
//   - structs without an exported field;
//   - structs with unexported fields that only other methods write, such as MarshalJSON.
//
// Other values are refused one by one:
//
//   - a pointer to a nil pointer, slice, map or interface;
//   - a non-zero field that another field of the same name hides;
//   - a field beside an embedded type, if the MarshalText of that type omits the field;
//   - a struct with the text of an embedded time, if the zone of the time is not a whole
//     number of minutes from UTC;
//   - a key in an interface, if the first table reads no such type into an any.
//
// Any other value in an any loses its type, and is read back as the first table says. Other
// unexported fields are not stored.
//
// # Limits
//
// Values nest at most 32 levels deep and have at most 1 Mi elements, counted as often as
// they appear. So a list that holds itself, and a list that is doubled thirty times, are
// refused at no cost. A pickle takes at most 3 Mi steps: a value takes one step, an entry
// of a dict two, a datetime five. An int has at most 4300 digits, as in Python
// (codec.MaxIntegerDigits).
package pickle
