// Package codec turns values into the bytes that a cache stores, and back.
//
// A Chain is a list of serializers and a list of compressors. The first member of each list
// writes, and all members read. So old values in one format stay readable while new values
// are written in another format:
//
//	chain, err := codec.New(codec.Config{
//		Serializers: []codec.Serializer{codec.JSON, codec.Gob},
//		Compressors: []codec.Compressor{codec.Gzip},
//	})
//
// # Plain and tagged
//
// In the plain format, the default, the stored bytes are exactly the bytes that the serializer
// or compressor has in any language. A chain never guesses at reading. Members that recognize
// their own bytes (by a magic number, a checked header or strict validity) are asked first.
// At most one member may not recognize its own bytes. New refuses a chain with two members
// that could accept the same bytes.
//
// The tagged format puts a short header in front, with the serializer, the compressor and a
// checksum. A tagged value is read by exactly the members in its header, and any flipped
// bit is ErrCorrupt.
//
// A chain of either format reads values of both formats, so that a fleet may change its
// format in any order. There are two exceptions. A plain chain of a Wildcard such as Raw
// returns all bytes unchanged. In a tagged chain the members may be unable to tell each
// other's plain values apart. Then only the first members that can do so read plain values. With
// a Wildcard in front of other serializers, no member reads plain values. A program that
// has plain values of Raw uses the tagged format with Raw alone until the last of those
// values has expired.
//
// # Integers
//
// Values of Go's integer kinds, including named types such as time.Duration, are stored as
// decimal text in both formats, whatever the chain and the methods of the type are: servers
// need that text, and other languages read it. A big.Int of up to MaxIntegerDigits is
// stored in the same way, except by Raw.
//
// Decimal text that is read into an any becomes an int64, or a uint64 or a *big.Int for
// greater numbers, also if JSON wrote it from a float64. Decimal text that no serializer of
// the chain accepts is also read into pointers to integers, and into floats that hold
// exactly that number. A string of digits stays a string: JSON stores the string with its
// quotes.
//
// # What is stored comes back
//
// A stored value is read back equal into its type. A serializer refuses a value with
// ErrUnsupportedValue if the value could not be read back, or only in part. Some values are
// refused by their type: fields of interfaces with methods, structs without exported fields,
// one method of a pair such as MarshalJSON and UnmarshalJSON.
// docs/codecs.md lists what each serializer refuses.
//
// # Limits
//
// A value longer than Config.MaxValue is refused at writing and at reading, before and
// after expansion. Values nest at most 32 levels deep, and hold at most 1 Mi elements.
// Whatever the bytes are, reading returns a value or an error, and never panics. Reading
// never returns a zero value that no program has stored.
package codec
