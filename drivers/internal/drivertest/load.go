package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A load is many writers and readers of a store. The writers and readers remember
// the answers to their calls while servers fail. In the end the answers are
// compared with the data of the servers.
//
// A writer stores keys that nobody else writes, each once, and counts in counters
// of its own. A reader reads the key that a writer has stored last. Writers and
// readers pause between calls, because the machine has the servers to run, too.
type load struct {
	store   driver.Store
	name    string
	tags    []string // one for each slot that is used, if there are slots
	began   time.Time
	watch   *stopwatch.Watch // times calls and recoveries: a busy machine is not the store's fault
	ended   chan struct{}
	keys    string // in words, if the load is on a part of the keys
	running sync.WaitGroup
	writers []*loadWriter
	readers []*loadReader

	mu          sync.Mutex
	lastSuccess time.Time // of a write
	longestGap  time.Duration
	fault       time.Time     // when the last fault began
	faultWatch  time.Duration // the same on the stopwatch
	affected    func(tag string) bool
	recovered   time.Duration // from the fault to the first success of a later write, on the stopwatch; 0 before
	errs        map[string]int
	foreign     []error // errors with another cause than servers that fail
}

const (
	loadWriters = 32 // and as many readers
	loadPause   = 10 * time.Millisecond
	// tagsPerWriter is how many counters a writer has, each of its own slot.
	tagsPerWriter = 8
)

// loadTags returns tags for the keys of a load. The tags are the same each
// time, so that a test can tell in advance which server of a cluster has a tag.
func loadTags() []string {
	tags := make([]string, loadWriters*tagsPerWriter)
	for i := range tags {
		tags[i] = "{" + strconv.Itoa(i) + "}"
	}
	return tags
}

// A loadCall is a call that has ended.
type loadCall struct {
	began time.Time
	took  time.Duration // by the load's stopwatch
}

// A loadWriter is one of the writers. Other goroutines read the fields that are not atomic
// only when the load has ended.
type loadWriter struct {
	last      atomic.Pointer[string] // the key that was stored last, for readers
	succeeded atomic.Int64           // writes of either kind

	stored  []loadKey
	refused []string // keys that are said not to be stored
	unknown int      // writes of either kind
	failed  int
	counted map[string]*loadCount // by key
	calls   []loadCall
}

// A loadKey is a key whose write was acknowledged, with the time of the answer.
type loadKey struct {
	key string
	at  time.Time
}

// A loadCount has the outcomes of the increments of a counter.
type loadCount struct {
	acknowledged, unknown int
	highest               int64 // highest value in an answer
}

// A loadReader is one of the readers.
type loadReader struct {
	found, missing, failed int
	calls                  []loadCall
}

// startLoad starts so many writers, and as many readers, on keys of the tags.
// startLoad returns when all writers have written with success.
func startLoad(t testing.TB, store driver.Store, callers int, tags []string) *load {
	t.Helper()
	l := &load{store: store, tags: tags, began: time.Now(), watch: stopwatch.Start(), ended: make(chan struct{}), errs: map[string]int{}}
	l.name = Key(t, fmt.Sprintf("%p:", l)) // two loads of a test have no key in common
	l.lastSuccess = l.began
	for i := range callers {
		w := &loadWriter{counted: map[string]*loadCount{}}
		l.writers = append(l.writers, w)
		l.running.Go(func() { l.write(w, i, callers) })
	}
	for _, w := range l.writers {
		r := &loadReader{}
		l.readers = append(l.readers, r)
		l.running.Go(func() { l.read(t, r, w) })
	}
	t.Cleanup(l.stop)
	l.awaitProgress(t)
	return l
}

// stop ends the load and waits for the calls that are under way.
func (l *load) stop() {
	l.mu.Lock()
	first := false
	select {
	case <-l.ended:
	default:
		first = true
		close(l.ended)
	}
	l.mu.Unlock()
	l.running.Wait()
	if first {
		l.watch.Stop()
	}
}

// pause waits, and reports false at the end of the load.
func (l *load) pause() bool {
	select {
	case <-l.ended:
		return false
	case <-time.After(loadPause):
		return true
	}
}

// write runs a writer until the end of the load. The writer has a number below the number of
// writers.
func (l *load) write(w *loadWriter, number, writers int) {
	for i := 0; l.pause(); i++ {
		tag := l.tags[(number+i/2*writers)%len(l.tags)]
		key := tag + l.name + strconv.Itoa(number)
		if i%2 == 0 {
			l.set(w, tag, key+"-"+strconv.Itoa(i))
		} else {
			l.count(w, tag, key)
		}
	}
}

// set stores a key. The value is the name of the key.
func (l *load) set(w *loadWriter, tag, key string) {
	entries := []driver.Entry{{Key: key, Value: []byte(key), TTL: driver.NoExpiry}}
	began := l.now()
	err := l.store.Set(context.Background(), entries)
	if err == nil {
		err = entries[0].Err
	}
	switch l.record(w, tag, began, err) {
	case acknowledged:
		w.stored = append(w.stored, loadKey{key, time.Now()})
		w.last.Store(&key)
	case refused:
		w.refused = append(w.refused, key)
	}
}

// count adds 1 to a counter.
func (l *load) count(w *loadWriter, tag, key string) {
	c := w.counted[key]
	if c == nil {
		c = &loadCount{}
		w.counted[key] = c
	}
	incr := driver.NewCmd("INCR", driver.Key(key))
	began := l.now()
	err := do(context.Background(), l.store, driver.Plain, incr)[0]
	switch l.record(w, tag, began, err) {
	case acknowledged:
		c.acknowledged++
		c.highest = max(c.highest, incr.Reply.Int)
	case unknown:
		c.unknown++
	}
}

type answer uint8

const (
	acknowledged answer = iota
	unknown
	refused
)

// silence returns the time since the last success of a write.
func (l *load) silence() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.lastSuccess)
}

// A moment is a time on the clock and on the load's stopwatch.
type moment struct {
	clock time.Time
	watch time.Duration
}

func (l *load) now() moment { return moment{time.Now(), l.watch.Elapsed()} }

// record notes the answer to a writer.
func (l *load) record(w *loadWriter, tag string, began moment, err error) answer {
	now := l.now()
	w.calls = append(w.calls, loadCall{began.clock, now.watch - began.watch})
	if err == nil {
		w.succeeded.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.longestGap = max(l.longestGap, now.clock.Sub(l.lastSuccess))
		l.lastSuccess = now.clock
		if l.recovered == 0 && !l.fault.IsZero() && began.clock.After(l.fault) && l.affected(tag) {
			l.recovered = max(1, now.watch-l.faultWatch)
		}
		return acknowledged
	}
	l.failed("write", err)
	if errors.Is(err, driver.ErrUnknownOutcome) {
		w.unknown++
		return unknown
	}
	w.failed++
	return refused
}

// failed counts a failure. Every failure should be one of the servers', and any other failure
// is noted in foreign. l.mu is held.
func (l *load) failed(what string, err error) {
	l.errs[what+": "+ports.ReplaceAllString(err.Error(), ":…")]++
	if !errors.Is(err, driver.ErrUnavailable) && !errors.Is(err, driver.ErrReadOnly) {
		l.foreign = append(l.foreign, fmt.Errorf("%s: %w", what, err))
	}
}

// hasFailedWrites reports whether a write has failed.
func (l *load) hasFailedWrites() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range l.errs {
		if strings.HasPrefix(text, "write: ") {
			return true
		}
	}
	return false
}

// read reads the last key that a writer has stored, again and again.
func (l *load) read(t testing.TB, r *loadReader, w *loadWriter) {
	values := make([]driver.Value, 1)
	for l.pause() {
		key := w.last.Load()
		if key == nil {
			continue
		}
		values[0] = driver.Value{}
		began := l.now()
		err := l.store.Get(context.Background(), []string{*key}, values)
		r.calls = append(r.calls, loadCall{began.clock, l.watch.Elapsed() - began.watch})
		if err == nil {
			err = values[0].Err
		}
		switch {
		case err == nil && string(values[0].Data) != *key:
			t.Errorf("%s holds %q", *key, values[0].Data)
		case err == nil:
			r.found++
		case errors.Is(err, driver.ErrNotFound):
			r.missing++
		default:
			r.failed++
			l.mu.Lock()
			l.failed("read", err)
			l.mu.Unlock()
		}
	}
}

// faultBegan notes that a fault has begun. affected tells whether the fault makes the
// keys of a tag unavailable; nil stands for all tags.
func (l *load) faultBegan(affected func(tag string) bool) {
	if affected == nil {
		affected = func(string) bool { return true }
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.fault, l.faultWatch, l.affected, l.recovered = now.clock, now.watch, affected, 0
}

// awaitRecovery waits until a write of a key that the fault affects succeeds.
// awaitRecovery returns the time from the fault to this success, by the stopwatch.
// The test fails if the time is longer than limit.
func (l *load) awaitRecovery(t testing.TB, limit time.Duration) time.Duration {
	t.Helper()
	var took time.Duration
	Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		took = l.recovered
		return took > 0
	}, func() string { return "no write succeeds after the fault" })
	if took > limit {
		t.Errorf("the first write succeeded %v after the fault, want at most %v", took, limit)
	}
	return took
}

// awaitProgress waits until every writer has written to all of its tags, with
// success.
func (l *load) awaitProgress(t testing.TB) {
	t.Helper()
	from := make([]int64, len(l.writers))
	for i, w := range l.writers {
		from[i] = w.succeeded.Load()
	}
	Eventually(t, func() bool {
		for i, w := range l.writers {
			if w.succeeded.Load() < from[i]+2*tagsPerWriter {
				return false
			}
		}
		return true
	}, func() string { return "writes do not succeed" })
}

// callsBetween returns the durations of writes and reads, by the stopwatch and in
// order. Only calls that began between from and to count. callsBetween is for loads
// that have ended.
func (l *load) callsBetween(from, to time.Time) []time.Duration {
	var took []time.Duration
	add := func(calls []loadCall) {
		for _, c := range calls {
			if !c.began.Before(from) && c.began.Before(to) {
				took = append(took, c.took)
			}
		}
	}
	for _, w := range l.writers {
		add(w.calls)
	}
	for _, r := range l.readers {
		add(r.calls)
	}
	slices.Sort(took)
	return took
}

// percentile99 returns the 99th percentile of sorted durations.
func percentile99(sorted []time.Duration) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)*99/100]
}

// A loadResult has the figures of a load that has ended.
type loadResult struct {
	stored, counted, unknown, failed int // writes
	lost                             int // acknowledged writes that are lost
	found, missing, unread           int // reads
	longestCall, longestGap          time.Duration
}

// finish ends the load, and compares the answers to writers with the data of the
// servers. The primaries together have all keys. The test fails if an answer was
// a lie. Lost writes are counted.
func (l *load) finish(t testing.TB, primaries ...*servertest.Server) loadResult {
	t.Helper()
	l.stop()
	there := l.snapshot(t, primaries)
	result := loadResult{longestGap: l.longestGap}
	lies := 0
	var lost []time.Time // when the lost keys were stored
	for _, w := range l.writers {
		result.stored += len(w.stored)
		result.unknown += w.unknown
		result.failed += w.failed
		for _, k := range w.stored {
			if value, ok := there[k.key]; !ok {
				result.lost++
				lost = append(lost, k.at)
			} else if value != k.key {
				t.Errorf("%s holds %q", k.key, value)
			}
		}
		for _, key := range w.refused {
			if _, ok := there[key]; ok {
				lies++
			}
		}
		for key, c := range w.counted {
			result.counted += c.acknowledged
			n, _ := strconv.Atoi(there[key])
			result.lost += max(0, c.acknowledged-n)
			if n > c.acknowledged+c.unknown || c.highest > int64(c.acknowledged+c.unknown) {
				t.Errorf("counter %s stands at %d, and was at %d, after %d increments and %d of unknown outcome", key, n, c.highest, c.acknowledged, c.unknown)
			}
		}
		for _, c := range w.calls {
			result.longestCall = max(result.longestCall, c.took)
		}
	}
	if len(l.foreign) > 0 {
		t.Errorf("%d calls failed otherwise than by servers that do: %v", len(l.foreign), l.foreign[0])
	}
	if lies > 0 {
		t.Errorf("%d writes are said to have changed nothing, and have", lies)
	}
	for _, r := range l.readers {
		result.found += r.found
		result.missing += r.missing
		result.unread += r.failed
		for _, c := range r.calls {
			result.longestCall = max(result.longestCall, c.took)
		}
	}
	t.Logf("%v: %v", time.Since(l.began).Round(100*time.Millisecond), result)
	t.Attr("measured", l.measured(result))
	if len(lost) > 0 {
		slices.SortFunc(lost, time.Time.Compare)
		t.Logf("the keys that are lost were stored between %v and %v after the fault", lost[0].Sub(l.fault), lost[len(lost)-1].Sub(l.fault))
	}
	for text, n := range l.errs {
		t.Logf("%6d × %s", n, text)
	}
	return result
}

// measured returns the figures that a reader of the guides wants to know.
func (l *load) measured(r loadResult) string {
	text := l.keys
	if text != "" {
		text += ": "
	}
	text += fmt.Sprintf("%d writes and %d reads", r.stored+r.counted+r.unknown+r.failed, r.found+r.missing+r.unread)
	for _, few := range []struct {
		n    int
		what string
	}{{r.failed + r.unread, "failed"}, {r.unknown, "of unknown outcome"}, {r.lost, "lost"}} {
		if few.n > 0 {
			text += fmt.Sprintf(", %d %s", few.n, few.what)
		}
	}
	return text + fmt.Sprintf("; longest call %v, longest time without a write %v", r.longestCall.Round(time.Millisecond), r.longestGap.Round(time.Millisecond))
}

// String returns the figures for the test's log.
func (r loadResult) String() string {
	return fmt.Sprintf("%d keys stored and %d increments acknowledged, %d of these lost to replication, %d of unknown outcome, %d failed; "+
		"%d reads, %d of them of what was lost or had not arrived, %d failed; longest call %v, longest time without a write %v",
		r.stored, r.counted, r.lost, r.unknown, r.failed, r.found+r.missing+r.unread, r.missing, r.unread,
		r.longestCall.Round(time.Millisecond), r.longestGap.Round(time.Millisecond))
}

// snapshot returns all keys of the load that servers have, with their values.
func (l *load) snapshot(t testing.TB, servers []*servertest.Server) map[string]string {
	t.Helper()
	const all = `local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
	found[#found + 1] = key
	found[#found + 1] = redis.call('GET', key)
end
return found`
	there := make(map[string]string)
	for _, server := range servers {
		pairs := server.Do(t, "EVAL", all, "0", "{*}"+l.name+"*").([]any)
		for i := 0; i < len(pairs); i += 2 {
			there[pairs[i].(string)], _ = pairs[i+1].(string)
		}
	}
	return there
}
