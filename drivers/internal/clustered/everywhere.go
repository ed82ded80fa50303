package clustered

import (
	"context"
	"slices"
	"sync"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// Flush implements driver.Flusher. Flush empties all primaries.
func (s *Store) Flush(ctx context.Context) error { return s.everywhere(ctx, flushdb) }

// Ping implements driver.Pinger. All primaries have to answer.
func (s *Store) Ping(ctx context.Context) error { return s.everywhere(ctx, "PING") }

// everywhere runs a command without keys on all primaries, in parallel. A server that
// becomes a primary meanwhile runs the command, too.
func (s *Store) everywhere(ctx context.Context, name string, args ...driver.Arg) error {
	c := s.router.begin(ctx, s.router.now())
	defer c.end()
	if _, err := s.router.known(c.context()); err != nil {
		return err
	}
	var done []*server
	for {
		var missing []*server
		for _, server := range s.router.topology.Load().primaries() {
			if !slices.Contains(done, server) {
				missing = append(missing, server)
			}
		}
		errs := c.each(missing, name, args)
		var failed error
		retry := true
		for i, server := range missing {
			errs[i] = c.router.reason(errs[i])
			v, _ := c.classify(errs[i], isReadOnly(name), server)
			switch {
			case errs[i] == nil:
				done = append(done, server)
				continue
			case v == final:
				retry = false
			}
			if failed == nil || isUnknown(errs[i]) && !isUnknown(failed) {
				failed = errs[i]
			}
		}
		if failed == nil {
			return nil
		}
		if !retry || !c.pause(false) {
			if len(done) > 0 && name == flushdb {
				failed = failure.Partly(failed)
			}
			return c.expired(failed)
		}
	}
}

// each runs a command without keys on each of the servers.
func (c *retrier) each(servers []*server, name string, args []driver.Arg) []error {
	ctx := c.context()
	errs := make([]error, len(servers))
	var running sync.WaitGroup
	for i, server := range servers {
		if !server.gate.Enter() {
			errs[i] = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errGone).Retryable()
			continue
		}
		c.router.ensureWatch()
		running.Go(func() {
			cmd := driver.NewCmd(name, args...)
			err := server.node.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
			if err == nil {
				err = cmd.Err
			}
			server.leave(err == nil, err)
			errs[i] = err
		})
	}
	running.Wait()
	return errs
}
