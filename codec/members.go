package codec

// A Canonical is a Serializer that encodes equal values to equal bytes, in every process
// and in every release. Members of sets and sorted sets need a Canonical, because a server
// finds a member by its bytes.
type Canonical interface {
	Serializer
	// Canonical marks the type, and does nothing.
	Canonical()
}

// Members returns the chain that encodes members of sets and sorted sets. The chain writes
// as c does, but never compressed, because another release of a compressor may write other
// bytes. The chain reads all that c reads. The error is ErrUnsupportedValue if the first
// serializer is not Canonical.
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
