package xcachetest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// These stores read from a replica that never has the last write of a key.

func TestReplicatedStorePasses(t *testing.T) {
	open := func() driver.Store { return sameData{newCorrect()} }
	h := inProcess(open)
	h.Lacks = lackedBy(open())
	wantAllPassed(t, runChecks(t, h))
}

func TestBrokenReplicatedStoresAreCaught(t *testing.T) {
	for _, broken := range []struct {
		name   string
		open   func() driver.Store
		caught []string
	}{
		{"Primary reads from the replica", func() driver.Store { return &primaryLags{newLagging()} }, []string{"replicated/primary-sees-every-write", "cache/read-primary"}},
		{"Primary is another store each time", func() driver.Store { return primaryAnew{newCorrect()} }, []string{"replicated/primary-is-like-the-store"}},
		{"Primary lost its features", func() driver.Store { return primaryIsBare{newCorrect()} }, []string{"replicated/primary-is-like-the-store"}},
		{"Primary is replicated", func() driver.Store { return primaryIsReplicated{newCorrect()} }, []string{"replicated/primary-is-like-the-store"}},
		{"ReadPrimary gets lost", func() driver.Store { return newLagging() }, []string{"cache/read-primary"}},
		{"CompareAndSwap compares with the replica", func() driver.Store { return casLags{newLagging()} }, []string{"replicated/writes-see-every-write"}},
		{"Scan lists the keys of the replica", func() driver.Store { return scanLags{newLagging()} }, []string{"replicated/scan-sees-every-write"}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			for _, r := range runChecks(t, inProcess(broken.open), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

// sameData declares replicas that never lag.
type sameData struct{ correct }

func (s sameData) Primary() driver.Store { return s.correct }

// lagging reads from a replica, which gets each write with the next write. lagging has no
// Primary.
type lagging struct {
	correct
	replica correct
	behind  []driver.Entry
}

func newLagging() *lagging { return &lagging{correct: newCorrect(), replica: newCorrect()} }

func (s *lagging) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.replica.Get(ctx, keys, dst)
}

func (s *lagging) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.replica.Set(ctx, s.behind)
	s.behind = nil
	for _, e := range entries {
		e.Value = append([]byte(nil), e.Value...)
		s.behind = append(s.behind, e)
	}
	return errors.Join(err, s.correct.Set(ctx, entries))
}

func (s *lagging) Close() error { return errors.Join(s.correct.Close(), s.replica.Close()) }

type primaryLags struct{ *lagging }

func (s *primaryLags) Primary() driver.Store { return s.lagging }

type primaryAnew struct{ correct }

func (s primaryAnew) Primary() driver.Store { return &sameData{s.correct} }

type primaryIsBare struct{ correct }

func (s primaryIsBare) Primary() driver.Store { return struct{ driver.Store }{s.correct} }

type primaryIsReplicated struct{ correct }

func (s primaryIsReplicated) Primary() driver.Store { return s }

type casLags struct{ *lagging }

func (s casLags) Primary() driver.Store { return s.correct }

func (s casLags) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	return s.replica.CompareAndSwap(ctx, e, old)
}

type scanLags struct{ *lagging }

func (s scanLags) Primary() driver.Store { return s.correct }

func (s scanLags) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return s.replica.Scan(ctx, pattern)
}
