package driver

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// params has the parameters of a DSN, and the names that were asked for (known).
type params struct {
	values map[string][]string
	known  map[string]struct{}
	read   map[string]Parameter // the descriptions by the methods that have read them
	secret map[string]struct{}  // parameters that were read as secrets, whatever their names
	failed map[string]struct{}  // parameters with an error in errs, which has one error for each
	errs   []error
}

func newParams() *params {
	return &params{
		values: map[string][]string{},
		known:  map[string]struct{}{},
		read:   map[string]Parameter{},
		secret: map[string]struct{}{},
		failed: map[string]struct{}{},
	}
}

// count returns the number of times that a parameter was given.
func (p *params) count(name string) int {
	if p == nil {
		return 0
	}
	return len(p.values[name])
}

// write writes the parameters, sorted by name, with every secret replaced.
func (p *params) write(b *strings.Builder) {
	if p == nil {
		return
	}
	separator := byte('?')
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		_, readAsSecret := p.secret[name]
		for _, value := range p.values[name] {
			if readAsSecret || isSecret(name) {
				value = redacted
			}
			b.WriteByte(separator)
			b.WriteString(name + "=" + escape(value))
			separator = '&'
		}
	}
}

func (p *params) parse(query string) error {
	number := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		number++
		name, value, ok := strings.Cut(pair, "=")
		if !isName(name) {
			return dsnError("parameter %d has an unreadable name; names are lower-case words with _", number)
		}
		if !ok {
			// The text may be the rest of a password with a raw ? in it.
			return dsnError("parameter %d has no value; write name=value", number)
		}
		value, err := url.PathUnescape(value)
		if err != nil {
			return dsnError("the value of parameter %s has a %% that two hexadecimal digits do not follow; write %%25 for a %%", name)
		}
		p.values[name] = append(p.values[name], value)
	}
	return nil
}

// Has reports whether a parameter was given. A call of Has counts as a read of the parameter.
func (d *DSN) Has(name string) bool {
	d.params.known[name] = struct{}{}
	return len(d.params.values[name]) > 0
}

// Text returns the value of a parameter, or def if the parameter was not given. A parameter that
// was given twice is an error of Err, and Text returns def.
func (d *DSN) Text(name, def string) string {
	d.describe(Parameter{Name: name, Kind: TextParameter, Default: def})
	if !d.Has(name) {
		return def
	}
	values := d.params.values[name]
	if len(values) > 1 {
		d.fail(name, "was given %d times; give it once", len(values))
		return def
	}
	return values[0]
}

// List returns the values of a parameter that may be repeated.
func (d *DSN) List(name string) []string {
	d.describe(Parameter{Name: name, Kind: ListParameter})
	d.Has(name)
	return slices.Clone(d.params.values[name])
}

// Secret returns the value of a parameter that holds a password.
func (d *DSN) Secret(name string) Secret {
	d.describe(Parameter{Name: name, Kind: SecretParameter})
	d.params.secret[name] = struct{}{}
	return NewSecret(d.Text(name, ""))
}

// Word returns the value of a parameter that is one of words, or def.
func (d *DSN) Word(name, def string, words ...string) string {
	d.describe(Parameter{Name: name, Kind: WordParameter, Default: def, Words: words})
	value := d.Text(name, def)
	if value != def && !slices.Contains(words, value) {
		d.fail(name, "must be one of %s", strings.Join(words, ", "))
		return def
	}
	return value
}

// Bool returns the value of a parameter that is on or off (or true, false, 1,
// 0, yes, no).
func (d *DSN) Bool(name string, def bool) bool {
	d.describe(boolParameter(name, def))
	switch d.Text(name, strconv.FormatBool(def)) {
	case "on", "true", "1", "yes":
		return true
	case "off", "false", "0", "no":
		return false
	}
	d.fail(name, "must be on or off")
	return def
}

// Int returns the value of a parameter that is a whole number from low to
// high.
func (d *DSN) Int(name string, def, low, high int) int {
	d.describe(Parameter{Name: name, Kind: IntParameter, Default: strconv.Itoa(def), Low: strconv.Itoa(low), High: strconv.Itoa(high)})
	if !d.Has(name) {
		return def
	}
	n, err := strconv.Atoi(d.Text(name, strconv.Itoa(def)))
	if err != nil || n < low || n > high {
		d.fail(name, "must be a whole number from %d to %d", low, high)
		return def
	}
	return n
}

// Float returns the value of a parameter that is a number from low to high.
func (d *DSN) Float(name string, def, low, high float64) float64 {
	d.describe(Parameter{Name: name, Kind: FloatParameter, Default: formatFloat(def), Low: formatFloat(low), High: formatFloat(high)})
	if !d.Has(name) {
		return def
	}
	f, err := strconv.ParseFloat(d.Text(name, "0"), 64)
	if err != nil || !(f >= low && f <= high) {
		d.fail(name, "must be a number from %v to %v", low, high)
		return def
	}
	return f
}

// Duration returns the value of a parameter that is a positive duration with
// its unit, such as 300s, 1.5h or 20ms.
func (d *DSN) Duration(name string, def time.Duration) time.Duration {
	d.describe(Parameter{Name: name, Kind: DurationParameter, Default: formatDuration(def)})
	if !d.Has(name) {
		return def
	}
	v, err := time.ParseDuration(d.Text(name, def.String()))
	if err != nil || v <= 0 {
		d.fail(name, "must be a positive duration with its unit, such as 300s or 20ms")
		return def
	}
	return v
}

// TTL returns the value of a parameter that is a positive duration, or none
// for NoExpiry.
func (d *DSN) TTL(name string, def time.Duration) time.Duration {
	d.describe(Parameter{Name: name, Kind: TTLParameter, Default: formatDuration(def)})
	if d.Has(name) && d.Text(name, "") == "none" {
		return NoExpiry
	}
	return d.Duration(name, def)
}

// Size returns the value of a parameter that is a number of bytes: a whole
// number, with KiB, MiB or GiB behind it if wanted.
func (d *DSN) Size(name string, def int64) int64 {
	d.describe(Parameter{Name: name, Kind: SizeParameter, Default: formatSize(def)})
	if !d.Has(name) {
		return def
	}
	digits, shift := d.Text(name, strconv.FormatInt(def, 10)), 0
	for unit, bits := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if number, ok := strings.CutSuffix(digits, unit); ok {
			digits, shift = number, bits
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		d.fail(name, "must be a number of bytes, such as 4096, 256KiB or 64MiB")
		return def
	}
	return n << shift
}

// Refuse records that a parameter has a bad value. Err then returns an error with the name of
// the parameter and, behind the name, reason. reason tells the form of a good value, and never
// repeats the bad value.
func (d *DSN) Refuse(name, reason string) { d.fail(name, "%s", reason) }

// Err returns the errors of all bad parameters that were read so far, joined, or nil.
func (d *DSN) Err() error { return errors.Join(d.params.errs...) }

// Unread returns an error that names the given parameters that no method has asked for, or nil.
// The error has the nearest known name for each of these parameters, or all known names.
func (d *DSN) Unread() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(d.params.values)) {
		if _, ok := d.params.known[name]; ok {
			continue
		}
		if near := d.nearest(name); near != "" {
			errs = append(errs, fmt.Errorf("xcache: bad DSN: unknown parameter %s; did you mean %s?", name, near))
		} else {
			errs = append(errs, fmt.Errorf("xcache: bad DSN: unknown parameter %s; known are %s", name,
				strings.Join(slices.Sorted(maps.Keys(d.params.known)), ", ")))
		}
	}
	return errors.Join(errs...)
}

// fail records an error of a parameter. Only the first error of a parameter counts, because a
// parameter may be read several times.
func (d *DSN) fail(name, format string, args ...any) {
	if _, again := d.params.failed[name]; again {
		return
	}
	d.params.failed[name] = struct{}{}
	d.params.errs = append(d.params.errs, dsnError("parameter %s "+format, append([]any{name}, args...)...))
}

// nearest returns the known name with the fewest edits to name, or "" if no known name is near
// enough.
func (d *DSN) nearest(name string) string {
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, known := range slices.Sorted(maps.Keys(d.params.known)) {
		if n := editDistance(name, known); n < bestDistance {
			best, bestDistance = known, n
		}
	}
	return best
}

// editDistance is the Levenshtein distance of two short ASCII words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitution := diagonal
			if a[i] != b[j] {
				substitution++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitution, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
