package memory

import "maps"

// Objects are copied before a change by a script that may be undone. Copies share the
// elements, which are never written to.

func (l *list) clone() object {
	return &list{elements: l.elements.Clone(), bytes: l.bytes}
}

func (h *hash) clone() object {
	return &hash{fields: h.fields.Clone(), bytes: h.bytes}
}

func (s *memberSet) clone() object {
	return &memberSet{members: s.members.Clone(), bytes: s.bytes}
}

func (z *sortedSet) clone() object {
	return &sortedSet{scores: z.scores.Clone(), order: z.order.Clone(same), bytes: z.bytes}
}

func (s *stream) clone() object {
	clone := *s
	clone.entries = s.entries.Clone(same)
	clone.groups = maps.Clone(s.groups)
	for name, g := range s.groups {
		clone.groups[name] = g.clone()
	}
	return &clone
}

// clone copies a group with its consumers and deliveries, which point to each other.
func (g *group) clone() *group {
	clone := *g
	consumers := make(map[*consumer]*consumer, len(g.consumers))
	clone.consumers = maps.Clone(g.consumers)
	for name, c := range g.consumers {
		copied := *c
		consumers[c] = &copied
		clone.consumers[name] = &copied
	}
	delivered := make(map[*delivery]*delivery, g.pending.Len())
	clone.pending.Sequence = g.pending.Clone(func(d *delivery) *delivery {
		copied := *d
		copied.consumer = consumers[d.consumer]
		delivered[d] = &copied
		return &copied
	})
	for c, copied := range consumers {
		copied.pending.Sequence = c.pending.Clone(func(d *delivery) *delivery { return delivered[d] })
	}
	return &clone
}

func same[T any](item T) T { return item }
