package codec

// A plain value does not name the member that wrote the value. This file decides which
// members of a chain can tell their own plain values from values of other members.

// ambiguity returns the reason why members cannot tell each other's plain values apart, in
// words that follow "in the plain format ". The reason is "" if the members can.
func ambiguity(serializers []Serializer, compressors []Compressor) string {
	members := len(serializers) + len(compressors)
	unrecognized := ""
	check := func(name string, member any) string {
		if _, ok := member.(Wildcard); ok && members > 1 {
			other := ""
			for _, s := range serializers {
				if s.Name() != name {
					other = s.Name()
				}
			}
			for _, c := range compressors {
				other = c.Name()
			}
			return name + " accepts any bytes, so its values cannot be told from those of " + other
		}
		if _, ok := member.(Recognizer); ok {
			return ""
		}
		if unrecognized != "" {
			return "the values of " + unrecognized + " and " + name + " cannot be told apart, as neither has a mark of its own"
		}
		unrecognized = name
		return ""
	}
	for _, s := range serializers {
		if why := check(s.Name(), s); why != "" {
			return why
		}
	}
	for _, c := range compressors {
		if why := check(c.Name(), c); why != "" {
			return why
		}
	}
	return ""
}

// plainMembers returns the members of a tagged chain that read plain values: from the
// front, as many as can tell each other's values apart. A Wildcard in front of other
// serializers leaves no member, because the Wildcard would accept the values of the other
// serializers, and another serializer might accept a value of the Wildcard.
func plainMembers(serializers []Serializer, compressors []Compressor) ([]Serializer, []Compressor) {
	if _, ok := serializers[0].(Wildcard); ok && len(serializers) > 1 {
		return nil, nil
	}
	var s []Serializer
	var c []Compressor
	for _, member := range serializers {
		if ambiguity(append(s, member), nil) == "" {
			s = append(s, member)
		}
	}
	for _, member := range compressors {
		if ambiguity(s, append(c, member)) == "" {
			c = append(c, member)
		}
	}
	return s, c
}
