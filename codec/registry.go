package codec

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// registry has the members that are linked into the program, by name.
var registry = struct {
	sync.RWMutex
	serializers map[string]Serializer
	compressors map[string]Compressor
}{
	serializers: map[string]Serializer{"json": JSON, "gob": Gob, "raw": Raw},
	compressors: map[string]Compressor{"gzip": Gzip, "zlib": Zlib},
}

// Register registers a serializer by its name, for DSNs. A package for a format calls
// Register from its init function. Register panics if s is nil, if its name is not a
// lower-case word, or if the name is taken.
func Register(s Serializer) {
	registry.Lock()
	defer registry.Unlock()
	if s == nil {
		panic("xcache: codec.Register of a nil serializer")
	}
	register(registry.serializers, s.Name(), s, "codec.Register of serializer ")
}

// RegisterCompressor is Register for a compressor.
func RegisterCompressor(c Compressor) {
	registry.Lock()
	defer registry.Unlock()
	if c == nil {
		panic("xcache: codec.RegisterCompressor of a nil compressor")
	}
	if c.Name() == None.Name() {
		panic("xcache: codec.RegisterCompressor of compressor none: the name stands for no compression")
	}
	register(registry.compressors, c.Name(), c, "codec.RegisterCompressor of compressor ")
}

func register[M any](members map[string]M, name string, member M, what string) {
	if !isName(name) {
		panic("xcache: " + what + strconv.Quote(name) + ": a name is a lower-case word")
	}
	if _, taken := members[name]; taken {
		panic("xcache: " + what + name + ": the name is taken")
	}
	members[name] = member
}

// Serializers returns the names of the serializers linked into the program,
// sorted.
func Serializers() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.serializers))
}

// Compressors returns the names of the compressors linked into the program,
// sorted.
func Compressors() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.compressors))
}

// LookupSerializer returns the serializer with a name. The error for a format of the
// library that is not linked in names the package to import. Any other error lists the
// known names.
func LookupSerializer(name string) (Serializer, error) {
	registry.RLock()
	s, ok := registry.serializers[name]
	registry.RUnlock()
	if !ok {
		return nil, unknownFormat("serializer", name, serializerFormats, Serializers())
	}
	return s, nil
}

// LookupCompressor is LookupSerializer for a compressor. A level may follow the name, as in
// "gzip:9". "none" is None.
func LookupCompressor(name string) (Compressor, error) {
	name, levelText, leveled := strings.Cut(name, ":")
	registry.RLock()
	c, ok := registry.compressors[name]
	registry.RUnlock()
	if name == None.Name() {
		c, ok = None, true
	}
	if !ok {
		return nil, unknownFormat("compressor", name, compressorFormats, append(Compressors(), None.Name()))
	}
	if !leveled {
		return c, nil
	}
	leveler, ok := c.(Leveler)
	if !ok {
		return nil, configError("compressor %s has no levels; write compressor=%s", name, name)
	}
	level, err := strconv.Atoi(levelText)
	if err != nil {
		return nil, configError("the level of compressor %s must be a whole number, such as %s:5", name, name)
	}
	return leveler.WithLevel(level)
}

// Parse returns the members in two lists of names, in the form of a DSN: "json,gob" and
// "zstd:3,gzip", or "none,zstd" if zstd only reads. An empty list has no members.
func Parse(serializers, compressors string) ([]Serializer, []Compressor, error) {
	s, err := parseList(serializers, LookupSerializer)
	if err != nil {
		return nil, nil, err
	}
	c, err := parseList(compressors, LookupCompressor)
	if err != nil {
		return nil, nil, err
	}
	return s, c, nil
}

func parseList[M any](names string, lookup func(string) (M, error)) ([]M, error) {
	if names == "" {
		return nil, nil
	}
	var members []M
	for name := range strings.SplitSeq(names, ",") {
		member, err := lookup(name)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

func unknownFormat(kind, name string, formats []format, linked []string) error {
	if f, ok := findFormat(formats, name); ok {
		return configError("%s %s is not linked into this program; add import _ %q", kind, name, f.path)
	}
	known := linked
	for _, f := range formats {
		if !slices.Contains(known, f.name) {
			known = append(known, f.name)
		}
	}
	slices.Sort(known)
	if !isName(name) {
		// Text that is not a name may be a part of a secret.
		return configError("a %s has an unreadable name; write one of %s, with commas and no spaces between them", kind, strings.Join(known, ", "))
	}
	return configError("unknown %s %s; known are %s", kind, name, strings.Join(known, ", "))
}

func isName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
		case i > 0 && (r >= '0' && r <= '9' || r == '_' || r == '-'):
		default:
			return false
		}
	}
	return true
}
