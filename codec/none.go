package codec

import "slices"

// None is the Compressor that compresses nothing. None stands first in Config.Compressors
// if the other compressors only read: new values are not compressed, and compressed old
// values stay readable.
var None Compressor = none{}

type none struct{}

func (none) Name() string { return "none" }

// A chain leaves None out, and never calls these methods.

func (none) Append(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }

func (none) Decompress(dst, src []byte, limit int) ([]byte, error) {
	if len(src) > limit {
		return dst, tooLarge("", limit)
	}
	return append(dst, src...), nil
}

// withoutNone returns the compressors that read. compresses tells that the first of these
// compressors also writes.
func withoutNone(compressors []Compressor) (readers []Compressor, compresses bool, err error) {
	readers, compresses = compressors, len(compressors) > 0
	if compresses && compressors[0] == None {
		readers, compresses = compressors[1:], false
	}
	if slices.Contains(readers, None) {
		return nil, false, configError("compressor none says that nothing is written compressed, so it must come first, and only once")
	}
	return readers, compresses, nil
}
