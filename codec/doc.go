// Package codec turns values into the bytes that a cache stores, and back.
//
// A Chain is a list of serializers and a list of compressors. The first of
// each writes; all of them read, so that values written yesterday in one
// format stay readable while new ones are written in another:
//
//	chain, err := codec.New(codec.Config{
//		Serializers: []codec.Serializer{codec.JSON, codec.Gob},
//		Compressors: []codec.Compressor{codec.Gzip},
//	})
//
// # Plain and tagged
//
// In the plain format, the default, the stored bytes are exactly what the
// serializer or compressor of that name produces in any language. Reading
// never guesses: members that recognise their own bytes (a magic number, a
// checked header, strict validity) are asked first, and at most one member may
// be unable to. A chain in which two members could accept the same bytes is
// refused by New.
//
// The tagged format puts a short header in front that names serializer and
// compressor and carries a checksum. A tagged value is read by exactly what
// its header names, and any flipped bit is ErrCorrupt. A chain of either
// format reads values of both, so that a fleet may move from one to the other
// in any order. There are two exceptions. A plain chain of a Wildcard such as Raw
// returns all bytes as they are. And where the members of a tagged chain could not
// tell each other's plain values apart, only as many read them, from the front, as
// can; none if a Wildcard is in front of other serializers. To move plain values of
// Raw, use the tagged format with Raw alone until the last of them has expired.
//
// # Integers
//
// Values of Go's integer kinds, named types such as time.Duration included,
// are stored as decimal text in both formats, whatever the chain and whatever
// methods the type has: servers count on them, and other languages read them. So
// is a big.Int of up to MaxIntegerDigits, except by Raw. Decimal text read into an
// any is therefore an int64 (a uint64 or a *big.Int, above), also when it was
// written from a float64 by JSON. What no serializer of the chain claims is read
// into pointers to integers, and into floats that are exactly that number, as well.
// A string of digits stays a string: JSON stores it with its quotes.
//
// # What is stored comes back
//
// A value that is stored is read back equal into its type. A serializer refuses with
// ErrUnsupportedValue what it could not read back, or would store a part of: by
// the type where that tells (fields of interfaces with methods, structs without
// exported fields, one method of a pair such as MarshalJSON and UnmarshalJSON), or
// by the value. docs/codecs.md lists what each serializer refuses.
//
// # Limits
//
// A value longer than Config.MaxValue is refused when it is written and when
// it is read, before and after expansion. Values nest at most 32 levels deep
// and hold at most 1 Mi elements. Whatever the bytes are, reading gives a
// value or an error: never a panic, and never a zero value that nobody stored.
package codec
