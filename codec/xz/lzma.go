package xz

import (
	"encoding/binary"
	"sync"
)

// LZMA is a sequence of literals and matches. All their parts are bits. Each bit is coded
// with a probability that adapts to the earlier bits of the same context. This file is the
// decoder of the LZMA specification.

const (
	states = 12
	// literalStates is the number of the states after a literal.
	literalStates = 7

	probabilityBits = 11
	adaption        = 5
	evenOdds        = 1 << probabilityBits / 2
	smallestSpan    = 1 << 24

	literalProbabilities = 0x300
	minMatch             = 2
	endMark              = 1<<32 - 1
)

type probability = uint16

// A model has all probabilities except the probabilities of literals.
type model struct {
	isMatch      [states][16]probability
	isRepeat     [states]probability // one of the last four distances
	isOlder      [states]probability // a distance older than the last
	isLong       [states][16]probability
	isOlderTwo   [states]probability
	isOldest     [states]probability
	slots        [4][64]probability // of the slots of distances, by length
	middle       [115]probability   // the bits of distances up to 128
	low          [16]probability    // the last four bits of longer distances
	matchLength  lengths
	repeatLength lengths
}

type lengths struct {
	not8, not16 probability
	first       [16][8]probability
	second      [16][8]probability
	others      [256]probability
}

// A decoder decodes LZMA.
type decoder struct {
	in         []byte
	at         int // may be beyond the end of in, which counts as zeros
	span, code uint32

	literalContext uint   // the number of bits of the byte before that select the context
	literalMask    uint32 // the bits of the position that select the context
	positionMask   uint32

	state     uint32
	distances [4]uint32 // the last four distances, less one, the latest first
	model     model
	literals  [literalProbabilities << maxLiteralBits]probability
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// fresh is a decoder in its initial state. A copy of fresh is several times as fast as
// setting each probability. The speed matters because a few bytes of input can ask for a
// reset.
var fresh = sync.OnceValue(func() *decoder {
	d := new(decoder)
	m := &d.model
	even := func(all []probability) {
		for i := range all {
			all[i] = evenOdds
		}
	}
	for i := range states {
		even(m.isMatch[i][:])
		even(m.isLong[i][:])
	}
	for _, all := range [][]probability{m.isRepeat[:], m.isOlder[:], m.isOlderTwo[:], m.isOldest[:], m.middle[:], m.low[:], d.literals[:]} {
		even(all)
	}
	for i := range m.slots {
		even(m.slots[i][:])
	}
	for _, l := range []*lengths{&m.matchLength, &m.repeatLength} {
		l.not8, l.not16 = evenOdds, evenOdds
		even(l.others[:])
		for i := range l.first {
			even(l.first[i][:])
			even(l.second[i][:])
		}
	}
	return d
})

func splitProperties(p byte) (lc, lp, pb uint) { return uint(p % 9), uint(p / 9 % 5), uint(p / 45) }

func (d *decoder) setProperties(p byte) {
	lc, lp, pb := splitProperties(p)
	d.literalContext, d.literalMask, d.positionMask = lc, 1<<lp-1, 1<<pb-1
}

func (d *decoder) reset() {
	clean := fresh()
	d.state, d.distances, d.model = 0, [4]uint32{}, clean.model
	copy(d.literals[:literalProbabilities*(int(d.literalMask)+1)<<d.literalContext], clean.literals[:])
}

// decodeChunk decodes in, and fills text from at to its end. decodeChunk fails if in has
// bytes left over.
func (d *decoder) decodeChunk(text []byte, at int, in []byte, dictionary uint32) bool {
	if len(in) < 5 || in[0] != 0 {
		return false
	}
	dictionary = max(dictionary, minDictionary)
	d.in, d.at = in, 5
	d.span, d.code = 1<<32-1, binary.BigEndian.Uint32(in[1:])
	for at < len(text) {
		if d.at > len(d.in) {
			return false
		}
		position := uint32(at) & d.positionMask
		if d.bit(&d.model.isMatch[d.state][position]) == 0 {
			text[at] = d.literal(text, at)
			at++
			continue
		}
		length, ok := d.match(position)
		if !ok || d.distances[0] >= dictionary || uint64(d.distances[0]) >= uint64(at) || length > len(text)-at {
			return false
		}
		// The source of the copy may overlap with its target.
		from, end := at-int(d.distances[0])-1, at+length
		for at < end {
			at += copy(text[at:end], text[from:at])
		}
	}
	return d.at == len(d.in) && d.code == 0
}

// literal decodes the next byte of text.
func (d *decoder) literal(text []byte, at int) byte {
	before := byte(0)
	if at > 0 {
		before = text[at-1]
	}
	context := (uint32(at)&d.literalMask)<<d.literalContext | uint32(before)>>(8-d.literalContext)
	all := (*[literalProbabilities]probability)(d.literals[literalProbabilities*context:])
	symbol := uint32(1)
	if d.state >= literalStates {
		// The byte after a match differs from the byte that would continue the match. The
		// bits of the latter select the context, up to the first different bit.
		other := uint32(text[at-int(d.distances[0])-1])
		for symbol < 0x100 {
			expected := other >> 7 & 1
			other <<= 1
			got := d.bit(&all[(1+expected)<<8|symbol])
			symbol = symbol<<1 | got
			if got != expected {
				break
			}
		}
	}
	for symbol < 0x100 {
		symbol = symbol<<1 | d.bit(&all[symbol])
	}
	switch {
	case d.state < 4:
		d.state = 0
	case d.state < 10:
		d.state -= 3
	default:
		d.state -= 6
	}
	return byte(symbol)
}

// match decodes a match, and makes its distance the first. match fails at an end marker,
// because LZMA2 has none.
func (d *decoder) match(position uint32) (length int, ok bool) {
	m, state := &d.model, d.state
	next := func(afterLiteral, otherwise uint32) {
		d.state = otherwise
		if state < literalStates {
			d.state = afterLiteral
		}
	}
	if d.bit(&m.isRepeat[state]) == 0 {
		next(7, 10)
		length = d.length(&m.matchLength, position)
		distance := d.distance(length)
		d.distances = [4]uint32{distance, d.distances[0], d.distances[1], d.distances[2]}
		return length, distance != endMark
	}
	was := d.distances
	switch {
	case d.bit(&m.isOlder[state]) == 0:
		if d.bit(&m.isLong[state][position]) == 0 {
			next(9, 11)
			return 1, true
		}
	case d.bit(&m.isOlderTwo[state]) == 0:
		d.distances = [4]uint32{was[1], was[0], was[2], was[3]}
	case d.bit(&m.isOldest[state]) == 0:
		d.distances = [4]uint32{was[2], was[0], was[1], was[3]}
	default:
		d.distances = [4]uint32{was[3], was[0], was[1], was[2]}
	}
	next(8, 11)
	return d.length(&m.repeatLength, position), true
}

func (d *decoder) length(l *lengths, position uint32) int {
	switch {
	case d.bit(&l.not8) == 0:
		return minMatch + int(d.tree(l.first[position][:]))
	case d.bit(&l.not16) == 0:
		return minMatch + 8 + int(d.tree(l.second[position][:]))
	}
	return minMatch + 16 + int(d.tree(l.others[:]))
}

// distance decodes the distance of a match, less one. The slot of a distance gives its
// first two bits, and the number of the following bits.
func (d *decoder) distance(length int) uint32 {
	const (
		firstMiddle = 4
		firstLarge  = 14
		lowBits     = 4
	)
	slot := d.tree(d.model.slots[min(length-minMatch, len(d.model.slots)-1)][:])
	if slot < firstMiddle {
		return slot
	}
	bits := slot/2 - 1
	distance := (2 | slot&1) << bits
	if slot < firstLarge {
		return distance + d.reversed(d.model.middle[distance-slot:], bits)
	}
	large := d.even(bits - lowBits)
	return distance + large<<lowBits + d.reversed(d.model.low[:], lowBits)
}

// bit decodes a bit, and adapts its probability.
func (d *decoder) bit(p *probability) uint32 {
	bit := uint32(0)
	bound := d.span >> probabilityBits * uint32(*p)
	if d.code < bound {
		d.span = bound
		*p += (1<<probabilityBits - *p) >> adaption
	} else {
		d.span -= bound
		d.code -= bound
		*p -= *p >> adaption
		bit = 1
	}
	if d.span < smallestSpan {
		d.fill()
	}
	return bit
}

// fill takes the next byte.
func (d *decoder) fill() {
	d.span <<= 8
	d.code <<= 8
	if d.at < len(d.in) {
		d.code |= uint32(d.in[d.at])
	}
	d.at++
}

// tree decodes a number, the highest bit first. The length of all is the number of possible
// values.
func (d *decoder) tree(all []probability) uint32 {
	n := uint32(1)
	for n < uint32(len(all)) {
		n = n<<1 | d.bit(&all[n])
	}
	return n - uint32(len(all))
}

// reversed decodes bits of a number, the lowest bit first.
func (d *decoder) reversed(all []probability, bits uint32) uint32 {
	n, node := uint32(0), uint32(1)
	for i := range bits {
		bit := d.bit(&all[node])
		node = node<<1 | bit
		n |= bit << i
	}
	return n
}

// even decodes bits with even probabilities, the highest bit first.
func (d *decoder) even(bits uint32) uint32 {
	n := uint32(0)
	for range bits {
		d.span >>= 1
		n <<= 1
		if d.code >= d.span {
			d.code -= d.span
			n |= 1
		}
		if d.span < smallestSpan {
			d.fill()
		}
	}
	return n
}
