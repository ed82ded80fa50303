package clustered

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache/driver"
)

// Scan implements driver.Scanner.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if s.router.topology.Load() == nil {
			if err := s.router.learn(ctx); err != nil {
				yield("", err)
				return
			}
		}
		for _, server := range s.router.topology.Load().primaries() {
			for key, err := range server.node.Scan(ctx, pattern) {
				if !yield(key, err) || err != nil {
					return
				}
			}
		}
	}
}

var _ driver.Scanner = (*Store)(nil)
