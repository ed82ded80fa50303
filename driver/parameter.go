package driver

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Parameter describes a parameter of a DSN. The description comes from the method that reads
// the parameter, so that documentation made of it cannot differ from the code.
type Parameter struct {
	// Name is the name in a DSN.
	Name string
	// Kind is the form of the values.
	Kind ParameterKind
	// Default is the value of a parameter that is not given, as a DSN writes the value. Default
	// is "" for a parameter without a default. Default may be a number out of the range: some
	// readers use such a number as the sign that nothing was given.
	Default string
	// Low and High are the ends of the range of a number. Both ends belong to the range.
	Low, High string
	// Words are the values of a WordParameter.
	Words []string
}

// ParameterKind is the form of the values of a parameter, named by the method of DSN that reads
// the values.
type ParameterKind string

// The kinds of parameters. A method of the same name reads each kind.
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

// Parameters returns the parameters that were asked for so far, sorted by name. Parameters also
// returns parameters that the DSN does not have. A parameter that only Has has asked for is a
// TextParameter. If several methods have read a parameter, the first method counts, except that
// any other method replaces Text and List.
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

// describe records the method that reads a parameter. The other methods also call Text.
func (d *DSN) describe(p Parameter) {
	if known, ok := d.params.read[p.Name]; !ok || known.Kind.vague() && !p.Kind.vague() {
		d.params.read[p.Name] = p
	}
}

// vague reports whether this kind gives way to any other kind: a parameter is often read for its
// text alone.
func (k ParameterKind) vague() bool { return k == TextParameter || k == ListParameter }

func boolParameter(name string, def bool) Parameter {
	word := "off"
	if def {
		word = "on"
	}
	return Parameter{Name: name, Kind: BoolParameter, Default: word}
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// formatDuration returns d in the short form that a person writes: 5m, not 5m0s.
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
