package pickle

// The limits of reading and of writing.
const (
	maxDepth    = 32
	maxElements = 1 << 20
	maxSteps    = 3 * maxElements
)

var (
	errDepth    = tooLarge("it nests more than %d levels deep, or holds itself", maxDepth)
	errElements = tooLarge("it holds more than %d elements", maxElements)
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
