package pickle

import (
	"math/big"
	"sync"

	"github.com/xcache-go/xcache/codec"
)

// The limits of reading and of writing.
const (
	maxDepth    = 32
	maxElements = 1 << 20
	maxSteps    = 3 * maxElements
)

var (
	errDepth    = tooLarge("it nests more than %d levels deep, or holds itself", maxDepth)
	errElements = tooLarge("it holds more than %d elements", maxElements)
	errDigits   = tooLarge("an int has more than %d digits", codec.MaxIntegerDigits)
	errSteps    = tooLarge("it takes more than %d steps", maxSteps)
)

// size counts elements.
type size struct{ elements int }

// enter counts the elements of a container at a depth.
func (s *size) enter(depth, elements int) error {
	if depth >= maxDepth {
		return errDepth
	}
	if s.elements += elements; s.elements > maxElements {
		return errElements
	}
	return nil
}

// maxIntBytes is the length of the longest accepted int.
const maxIntBytes = 1786

// tooManyDigits returns the smallest integer with more than codec.MaxIntegerDigits.
var tooManyDigits = sync.OnceValue(func() *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(codec.MaxIntegerDigits), nil)
})

func withinDigits(v *big.Int) bool {
	return v.BitLen() <= 8*(maxIntBytes-1) || v.CmpAbs(tooManyDigits()) < 0
}
