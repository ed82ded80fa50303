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
	// urgentInterval is the time between two polls while a sentinel gets no answers from
	// the primary, or is replacing the primary.
	urgentInterval = 200 * time.Millisecond
	// minInterval is the least time between two polls, however many calls fail.
	minInterval = 100 * time.Millisecond
)

// A watcher knows the primary. One goroutine polls the sentinels, from the first call until
// Close, and alone changes the primary. Other goroutines listen to messages of sentinels,
// and only make that goroutine poll at once.
type watcher struct {
	settings *settings.Sentinel
	open     node.Open
	timeout  time.Duration // of a call without a deadline
	template node.Node     // never connected; has the limits and commands of all nodes
	// replicas, if set, is called with the replicas.
	replicas func([]*settings.Settings)

	// current is the primary for calls; nil while no answering primary is known.
	current atomic.Pointer[primary]

	begin     sync.Once
	ctx       context.Context // ends when the store is closed
	cancel    context.CancelFunc
	watching  sync.WaitGroup // the goroutine
	running   sync.WaitGroup // the goroutines that the goroutine starts
	wake      chan struct{}  // a call wants another poll
	suspected atomic.Bool    // calls have failed at the current primary

	mu      sync.Mutex
	polled  chan struct{} // closed at the end of the poll that begins next
	changed chan struct{} // closed when current becomes another primary
	failure error         // of the last poll
	lost    time.Time     // the loss of the primary; zero if there is a primary
	found   found         // for Inspect

	// Of the goroutine:
	primary     *primary // the last primary, even if that server does not answer
	sentinels   sentinels
	told        string // the address of a sentinel that names the primary
	primaryDown bool   // a sentinel gets no answers from the primary
	superseded  bool   // another primary is known, and could not be reached
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

// enter returns the primary, after counting a call at its gate.
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

// replaced reports whether another server, or none, is the current primary.
func (w *watcher) replaced(p *primary) bool { return w.current.Load() != p }

// await returns the primary for a call. failed is the server that has failed the call, or
// nil. The result may be failed again: then a later poll has confirmed that server.
//
// await waits until the given time, or until ctx ends. await does not wait if no primary
// was found for a while, or if the configuration is wrong.
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

// noPrimary returns the error of a call that has waited for a primary in vain.
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

// firstPoll waits for the end of the first poll.
func (w *watcher) firstPoll(ctx context.Context) error {
	_, err := w.await(ctx, nil, w.until(ctx, time.Now()))
	return err
}

// suspect starts a poll in which the primary has to confirm its role.
func (w *watcher) suspect() {
	w.suspected.Store(true)
	w.pollSoon()
}

// pollSoon starts a poll before its time.
func (w *watcher) pollSoon() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// start begins the watch.
func (w *watcher) start() {
	w.begin.Do(func() { w.watching.Go(w.watch) })
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

// learn takes the result of a poll. The error is nil if there is a primary.
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

// install makes a server the current primary.
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
	w.begin.Do(func() {}) // the watch cannot begin any more
	w.cancel()
	w.watching.Wait() // from here on, the primary stays
	if w.primary != nil {
		w.primary.node.Disconnect()
	}
	// The last call at a former primary may be a scan, whose caller makes calls at the primary.
	w.running.Wait()
}

// close ends the watch and closes all nodes. No call is under way.
func (w *watcher) close() error {
	w.cancel()
	w.watching.Wait()
	w.running.Wait()
	errs := []error{w.template.Close(), w.sentinels.close()}
	if w.primary != nil {
		errs = append(errs, w.primary.node.Close())
	}
	w.settings.Shared().Events.Close()
	return errors.Join(errs...)
}
