package resp

// Requests follows a stream of commands, as client libraries write them: arrays of
// strings. The zero value is at its start.
type Requests struct {
	args    int // of the current command, how many are to come
	skip    int // bytes of an argument and its line end to come
	header  [maxHeader]byte
	partial int // how many bytes of header are taken
	name    [maxName]byte
	named   int // how many bytes of name are taken; -1 behind it
	length  int // of the name
	words   int // of the command
}

// maxName is more than the longest name of a command that matters to anybody.
const maxName = 16

// A Command is the beginning of a command.
type Command struct {
	// Name is valid until the next call, cut if it is long.
	Name []byte
	// Words is how many words the command has, its name included.
	Words int
}

// Next takes bytes up to the end of the next name, or all, and returns how many.
// ok tells that there is one. The stream must be well-formed.
func (r *Requests) Next(p []byte) (n int, c Command, ok bool) {
	for n < len(p) {
		if r.skip == 0 && r.partial == 0 {
			if r.args > 0 && r.named < 0 {
				n += r.arguments(p[n:])
			}
			if r.args == 0 {
				taken, c, ok := r.begin(p[n:])
				if n += taken; ok {
					return n, c, true
				}
			}
			if n == len(p) {
				break
			}
		}
		switch {
		case r.skip > 0 && r.named >= 0:
			taken := min(r.skip, len(p)-n)
			c, ok = r.take(p[n:n+taken], taken == r.skip)
			r.skip -= taken
			if n += taken; ok {
				return n, c, true
			}
		case r.skip > 0:
			taken := min(r.skip, len(p)-n)
			r.skip -= taken
			n += taken
		default:
			number, taken, whole := r.line(p[n:])
			n += taken
			switch {
			case !whole:
			case r.args == 0:
				r.args, r.words, r.named = number, number, 0
			default:
				r.args--
				r.skip, r.length = number+len("\r\n"), number
			}
		}
	}
	return n, Command{}, false
}

// arguments takes the arguments that are short and all there, and returns how many
// bytes they are.
func (r *Requests) arguments(p []byte) (n int) {
	for r.args > 0 && n+1 < len(p) {
		length, header := short(p[n+1:])
		end := n + 1 + header + length + len("\r\n")
		if header == 0 || end > len(p) {
			return n
		}
		n = end
		r.args--
	}
	return n
}

// begin takes the beginning of a command up to its name, if it is short and all
// there.
func (r *Requests) begin(p []byte) (n int, c Command, ok bool) {
	if len(p) < 2 {
		return 0, c, false
	}
	words, first := short(p[1:])
	if first == 0 || 1+first+1 >= len(p) {
		return 0, c, false
	}
	from := 1 + first + 1
	length, second := short(p[from:])
	from += second
	end := from + length + len("\r\n")
	if second == 0 || end > len(p) {
		return 0, c, false
	}
	r.args, r.words, r.named, r.length = words-1, words, -1, length
	return end, Command{Name: p[from : from+length], Words: words}, true
}

// Within reports whether a command is not complete.
func (r *Requests) Within() bool { return r.args > 0 || r.skip > 0 || r.partial > 0 }

// take takes more of a name, and the line end behind it.
func (r *Requests) take(p []byte, last bool) (Command, bool) {
	whole := last && r.named == 0
	name := p
	if !whole {
		r.named += copy(r.name[min(r.named, maxName):], p)
		name = r.name[:]
	}
	if !last {
		return Command{}, false
	}
	r.named = -1
	return Command{Name: name[:min(r.length, len(name))], Words: r.words}, true
}

// line takes a line that is a type and a number.
func (r *Requests) line(p []byte) (number, n int, whole bool) {
	if r.partial == 0 {
		if value, n := short(p[1:]); n > 0 {
			return value, 1 + n, true
		}
	}
	for n < len(p) {
		b := p[n]
		n++
		if b != '\n' {
			if r.partial < maxHeader {
				r.header[r.partial] = b
				r.partial++
			}
			continue
		}
		for _, digit := range r.header[1:max(1, r.partial-1)] {
			number = number*10 + int(digit-'0')
		}
		r.partial = 0
		return number, n, true
	}
	return 0, n, false
}
