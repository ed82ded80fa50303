package sentinel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

const (
	// urgentInterval is how often the sentinels are asked while one of them gets no answers
	// from the primary, or is replacing it.
	urgentInterval = 200 * time.Millisecond
	// minInterval is the least time between two polls, however many calls fail.
	minInterval = 100 * time.Millisecond
)

// A watcher knows who the primary is. One goroutine asks the sentinels, from the
// first call until Close, and it alone changes what is known. Others listen to what
// sentinels say unasked, and only have it ask at once.
type watcher struct {
	settings *settings.Sentinel
	open     node.Open
	timeout  time.Duration // of a call without a deadline
	template node.Node     // never connected: what all nodes have in common
	// replicas, if set, is told of the replicas.
	replicas func([]*settings.Settings)

	// current is the primary to send calls to, nil while none is known that
	// answers.
	current atomic.Pointer[primary]

	begin     sync.Once
	ctx       context.Context // ends when the store is closed
	cancel    context.CancelFunc
	running   sync.WaitGroup // the goroutine, and those that it starts
	wake      chan struct{}  // a call wants another poll
	suspected atomic.Bool    // calls have failed at the current primary

	mu      sync.Mutex
	polled  chan struct{} // closed at the end of the poll that begins next
	changed chan struct{} // closed when there is a current primary again, or another one
	failure error         // of the last poll
	lost    time.Time     // since when there is no primary; zero if there is one
	found   found         // for those who inspect the store

	// Of the goroutine:
	primary     *primary // the last one, also while it does not answer
	sentinels   sentinels
	told        string // the address of a sentinel that names the primary
	primaryDown bool   // a sentinel gets no answers from the primary
	superseded  bool   // there is another primary, which could not be reached
}

func newWatcher(s *settings.Sentinel, open node.Open) *watcher {
	w := &watcher{
		settings: s,
		open:     open,
		template: open(s.SentinelAt(s.Addrs[0])),
		timeout:  s.ServerAt(s.Addrs[0]).OpTimeout,
		wake:     make(chan struct{}, 1),
		polled:   make(chan struct{}),
		changed:  make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.sentinels.init(s, open)
	w.publish()
	return w
}

// enter returns the primary, with a call counted at its gate.
func (w *watcher) enter(ctx context.Context) (*primary, error) {
	start := time.Now()
	for {
		if p := w.current.Load(); p != nil && p.gate.Enter() {
			return p, nil
		}
		if _, err := w.await(ctx, nil, w.until(ctx, start)); err != nil {
			return nil, err
		}
	}
}

// replaced reports whether a server is no longer the one to send calls to.
func (w *watcher) replaced(p *primary) bool { return w.current.Load() != p }

// await returns the primary for a call that failed has failed, which is nil for
// one that was not sent yet. It may be failed again, if that is the primary by a
// later poll and answers. It waits until the time given, or until ctx ends, and
// not at all when no primary was found for a while or what is wrong is in the
// configuration.
func (w *watcher) await(ctx context.Context, failed *primary, until time.Time) (*primary, error) {
	w.start()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		if p := w.current.Load(); p != nil && p != failed {
			return p, nil
		}
		if failed != nil {
			w.suspected.Store(true)
		}
		w.pollSoon()
		w.mu.Lock()
		polled, changed, reason, lost := w.polled, w.changed, w.failure, w.lost
		w.mu.Unlock()
		switch {
		case w.ctx.Err() != nil:
			return nil, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
		case w.current.Load() == nil && reason != nil && (!isTransient(reason) || time.Since(lost) > gracePeriod):
			return nil, reason
		}
		select {
		case <-changed:
		case <-polled:
		case <-ctx.Done():
			return nil, failure.OfContext(ctx, false)
		case <-w.ctx.Done():
			return nil, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
		case <-timer.C:
			return nil, w.noPrimary()
		}
		if p := w.current.Load(); p != nil {
			return p, nil
		}
	}
}

// noPrimary returns why there is no primary for a call that has waited for one.
func (w *watcher) noPrimary() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return w.failure
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNoAnswer)
}

var errNoAnswer = errors.New("the sentinels have not answered yet who the primary is")

func isTransient(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Transient
}

// firstPoll waits until the sentinels have been asked once.
func (w *watcher) firstPoll(ctx context.Context) error {
	_, err := w.await(ctx, nil, w.until(ctx, time.Now()))
	return err
}

// suspect asks for a poll that does not take the primary's word for granted.
func (w *watcher) suspect() {
	w.suspected.Store(true)
	w.pollSoon()
}

// pollSoon asks for a poll that does not wait for its time.
func (w *watcher) pollSoon() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// start begins the watch.
func (w *watcher) start() {
	w.begin.Do(func() { w.running.Go(w.watch) })
}

func (w *watcher) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		began := time.Now()
		w.mu.Lock()
		polled := w.polled
		w.polled = make(chan struct{})
		w.mu.Unlock()
		w.learn(w.pollSentinels(w.suspected.Swap(false)))
		w.publish()
		close(polled)
		w.sentinels.listen(w.ctx, &w.running, w.pollSoon)

		timer.Reset(time.Until(began.Add(minInterval)))
		select {
		case <-timer.C:
		case <-w.ctx.Done():
			return
		}
		next := w.settings.Period
		if w.primaryDown {
			next = urgentInterval
		}
		timer.Reset(time.Until(began.Add(next)))
		select {
		case <-timer.C:
		case <-w.wake:
		case <-w.ctx.Done():
			return
		}
	}
}

// learn takes the result of a poll: nil if there is a primary.
func (w *watcher) learn(failure error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failure = failure
	if failure == nil {
		w.lost = time.Time{}
		return
	}
	w.current.Store(nil)
	if w.lost.IsZero() {
		w.lost = time.Now()
	}
}

// install makes a server the one that calls are sent to.
func (w *watcher) install(p *primary) {
	old := w.primary
	w.primary = p
	if w.current.Swap(p) != p {
		w.mu.Lock()
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
	if old != nil && old != p {
		p.status.Notify(driver.PrimaryChanged, fmt.Errorf("%s was the primary before", old.addr))
		w.retire(old)
	}
}

// disconnect ends the watch, and the calls under way.
func (w *watcher) disconnect() {
	w.begin.Do(func() {}) // nobody begins the watch any more
	w.cancel()
	w.running.Wait()
	if w.primary != nil {
		w.primary.node.Disconnect()
	}
}

// close ends the watch and closes all nodes. No call is under way.
func (w *watcher) close() error {
	w.cancel()
	w.running.Wait()
	errs := []error{w.template.Close(), w.sentinels.close()}
	if w.primary != nil {
		errs = append(errs, w.primary.node.Close())
	}
	w.settings.Shared().Events.Close()
	return errors.Join(errs...)
}
