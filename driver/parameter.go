package driver

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Parameter is what the code knows of a parameter of a DSN, from the method that reads
// it. It is for documentation that cannot differ from the code.
type Parameter struct {
	// Name is the name in a DSN.
	Name string
	// Kind says what values look like.
	Kind ParameterKind
	// Default is the value of a parameter that is not given, as a DSN writes it. It is ""
	// where there is none, and may be a number out of the range where the reader uses
	// that as a sign that nothing was given.
	Default string
	// Low and High are the ends of the range of a number; both belong to it.
	Low, High string
	// Words are the values of a WordParameter.
	Words []string
}

// ParameterKind is what the values of a parameter look like: which method of DSN reads them.
type ParameterKind string

// The kinds of parameters, each of which is read by the method of the same name.
const (
	TextParameter     ParameterKind = "text"
	ListParameter     ParameterKind = "list"
	SecretParameter   ParameterKind = "secret"
	WordParameter     ParameterKind = "word"
	BoolParameter     ParameterKind = "bool"
	IntParameter      ParameterKind = "int"
	FloatParameter    ParameterKind = "float"
	DurationParameter ParameterKind = "duration"
	TTLParameter      ParameterKind = "ttl"
	SizeParameter     ParameterKind = "size"
)

// Parameters returns the parameters that were asked for so far, whether the DSN has them or
// not, sorted by name. A parameter that was only looked for, by Has, is a TextParameter. Of
// a parameter that was read in several ways the first one counts, but Text and List give
// way to all others.
func (d *DSN) Parameters() []Parameter {
	var all []Parameter
	for _, name := range slices.Sorted(maps.Keys(d.params.known)) {
		p, ok := d.params.read[name]
		if !ok {
			p = Parameter{Name: name, Kind: TextParameter}
		}
		p.Words = slices.Clone(p.Words)
		all = append(all, p)
	}
	return all
}

// describe records how a parameter is read. The other methods read by Text.
func (d *DSN) describe(p Parameter) {
	if known, ok := d.params.read[p.Name]; !ok || known.Kind.vague() && !p.Kind.vague() {
		d.params.read[p.Name] = p
	}
}

// vague reports whether a parameter is often read as this kind for its text alone.
func (k ParameterKind) vague() bool { return k == TextParameter || k == ListParameter }

func boolParameter(name string, def bool) Parameter {
	word := "off"
	if def {
		word = "on"
	}
	return Parameter{Name: name, Kind: BoolParameter, Default: word}
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// formatDuration returns d in the form that a person writes: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	switch d {
	case 0:
		return ""
	case NoExpiry:
		return "none"
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

func formatSize(n int64) string {
	for _, unit := range []struct {
		name string
		bits int
	}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n > 0 && n%(1<<unit.bits) == 0 {
			return strconv.FormatInt(n>>unit.bits, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
