package codec

// A Canonical is a Serializer that encodes equal values to equal bytes, in every
// process and in every release. The members of sets and sorted sets need one: a
// server finds a member by its bytes.
type Canonical interface {
	Serializer
	// Canonical marks the type; it does nothing.
	Canonical()
}

// Members returns the chain that encodes members of sets and sorted sets as c encodes
// values, but never compressed: another release of a compressor may write other bytes.
// It reads what c reads. The error is ErrUnsupportedValue if the chain's first
// serializer is not Canonical, and so writes a value differently each time.
func (c *Chain) Members() (*Chain, error) {
	s := c.serializers[0]
	if _, ok := s.(Canonical); !ok {
		return nil, &Error{
			Kind: ErrUnsupportedValue, Codec: s.Name(),
			Reason: "it may write a value differently each time, and a member of a set is found by its bytes; put a canonical serializer first, such as json, msgpack, cbor, pickle or raw",
		}
	}
	members := *c
	members.compresses = false
	return &members, nil
}
