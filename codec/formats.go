package codec

import "slices"

// A format is a row of the table of formats.
type format struct {
	name string
	id   byte
	// path is the package to import, or "" for a format that is always linked in.
	path string
}

const modulePath = "github.com/xcache-go/xcache/codec/"

// The formats of the library, linked in or not. Stored values contain the ids: new rows are
// allowed, changes are not.
//
// The ids of serializers are odd, so that no header is the beginning of a gob stream.
var (
	serializerFormats = []format{
		{"json", 1, ""},
		{"gob", 3, ""},
		{"raw", 5, ""},
		{"msgpack", 7, modulePath + "msgpack"},
		{"cbor", 9, modulePath + "cbor"},
		{"pickle", 11, modulePath + "pickle"},
	}
	compressorFormats = []format{
		{"gzip", 1, ""},
		{"zlib", 2, ""},
		{"zstd", 3, modulePath + "zstd"},
		{"lz4", 4, modulePath + "lz4"},
		{"brotli", 5, modulePath + "brotli"},
		{"xz", 6, modulePath + "xz"},
		{"s2", 7, modulePath + "s2"},
	}
)

const (
	noCompressor = 0   // the id of an uncompressed payload
	firstOutside = 128 // the first id for formats from outside of the library
)

func findFormat(formats []format, name string) (format, bool) {
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == name })
	if i < 0 {
		return format{}, false
	}
	return formats[i], true
}

// tagID returns the id of a member of a chain. ok is false for a member without one.
func tagID(formats []format, name string, member any) (id byte, ok bool) {
	if f, ok := findFormat(formats, name); ok {
		return f.id, true
	}
	if t, ok := member.(Tagger); ok && t.TagID() >= firstOutside {
		return t.TagID(), true
	}
	return 0, false
}

// formatName returns the name of an id, for errors.
func formatName(formats []format, id byte) string {
	i := slices.IndexFunc(formats, func(f format) bool { return f.id == id })
	if i < 0 {
		return "a format that this version does not know"
	}
	return formats[i].name
}
