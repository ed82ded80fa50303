package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/mixins"
)

// A waitingPop is a command that waits, with its method and the type of its elements. All
// keys are in one slot.
type waitingPop struct {
	name string
	// pop takes one element, as text, from the first key that is not empty.
	pop func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (key, element string, err error)
	// oneKey means that the command takes only one key.
	oneKey bool
	// scored means that the command takes members of sorted sets.
	scored bool
}

type waitHandles struct {
	lists *mixins.Lists[string]
	zsets *mixins.SortedSets[string]
}

// push adds an element to a list, or a member to a sorted set.
func (w *waitHandles) push(p *waitingPop, key string, elements ...string) error {
	if !p.scored {
		_, err := w.lists.RPush(noDeadline, key, elements...)
		return err
	}
	for i, element := range elements {
		if _, err := w.zsets.ZAdd(noDeadline, key, mixins.Scored[string]{Member: element, Score: float64(i)}); err != nil {
			return err
		}
	}
	return nil
}

// left returns the number of elements.
func (w *waitHandles) left(p *waitingPop, key string) (int, error) {
	if p.scored {
		return w.zsets.ZCard(noDeadline, key)
	}
	return w.lists.LLen(noDeadline, key)
}

// movedTo is the destination of BLMOVE.
const movedTo = "{k}moved"

var waitingPops = []waitingPop{
	{name: "BLPOP", pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.lists.BLPop(ctx, timeout, keys...)
		return popped.Key, popped.Element, err
	}},
	{name: "BRPOP", pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.lists.BRPop(ctx, timeout, keys...)
		return popped.Key, popped.Element, err
	}},
	{name: "BLMOVE", oneKey: true, pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		element, err := w.lists.BLMove(ctx, keys[0], movedTo, mixins.Left, mixins.Right, timeout)
		return keys[0], element, err
	}},
	{name: "BLMPOP", pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.lists.BLMPop(ctx, timeout, mixins.Left, 1, keys...)
		return popped.Key, firstText(popped.Elements), err
	}},
	{name: "BZPOPMIN", scored: true, pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.zsets.BZPopMin(ctx, timeout, keys...)
		return popped.Key, popped.Member.Member, err
	}},
	{name: "BZPOPMAX", scored: true, pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.zsets.BZPopMax(ctx, timeout, keys...)
		return popped.Key, popped.Member.Member, err
	}},
	{name: "BZMPOP", scored: true, pop: func(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) (string, string, error) {
		popped, err := w.zsets.BZMPop(ctx, timeout, mixins.Lowest, 1, keys...)
		members := make([]string, len(popped.Members))
		for i, m := range popped.Members {
			members[i] = m.Member
		}
		return popped.Key, firstText(members), err
	}},
}

func firstText(elements []string) string {
	if len(elements) == 0 {
		return ""
	}
	return elements[0]
}

// waitChecks has the checks of commands that wait, on stores that run such
// commands by Commander.Do or on exclusive connections.
func waitChecks() []check {
	var checks []check
	for i := range waitingPops {
		p := &waitingPops[i]
		base := needs(commander, "RPUSH", "LLEN")
		if p.scored {
			base = needs(commander, "ZADD", "ZCARD")
		}
		checks = append(checks, check{
			name:  "command/" + p.name,
			rule:  p.name + " takes an element that is there at once, waits for one if there is none, and takes it from the key that has one; nothing within its time-out is ErrNotFound, and ErrWrongType for a string",
			needs: base,
			run:   func(s *subject) error { return s.waits(p, s.popsAndWaits) },
		}, check{
			name:  "waits/" + p.name + "-leaves",
			rule:  p.name + " ends with its context, and takes nothing that comes later; a context that has ended starts nothing",
			needs: base,
			run:   func(s *subject) error { return s.waits(p, s.leavesWaits) },
		})
	}
	blpop := &waitingPops[0]
	return append(checks, check{
		name:  "waits/lose-nothing",
		rule:  "every element reaches one caller, and no more, while callers come, wait, and leave by their context or time-out",
		needs: needs(commander, "RPUSH", "LLEN"),
		run:   func(s *subject) error { return s.waits(blpop, s.losesNothingToLeavers) },
	}, check{
		name:  "waits/first-come-first-served",
		rule:  "callers who wait for one key are served in the order in which they came",
		needs: needs(commander, "RPUSH", "LLEN"),
		run: func(s *subject) error {
			if s.caps.Exclusive != nil {
				return &inapplicableError{"commands wait in slices, on connections of callers' own"}
			}
			return s.waits(blpop, s.servesInOrder)
		},
	}, check{
		name:  "waits/hold-up-nobody",
		rule:  "calls of the store do not wait for callers who do",
		needs: needs(commander, "RPUSH", "LLEN"),
		run:   func(s *subject) error { return s.waits(blpop, s.holdsUpNoCall) },
	}, check{
		name:  "waits/not-in-pipelines",
		rule:  "a pipeline refuses a command that waits with errors.ErrUnsupported, and sends the others",
		needs: needs(commander, "RPUSH", "LLEN"),
		run:   func(s *subject) error { return s.waits(blpop, s.refusesInPipeline) },
	})
}

// waits runs a check of a command that waits, if the store has the command.
func (s *subject) waits(p *waitingPop, run func(p *waitingPop, c *cached, w *waitHandles) error) error {
	if s.caps.Exclusive == nil && !s.caps.Commander.Commands().Has(p.name) || slices.Contains(s.h.ServerLacks, p.name) {
		return &inapplicableError{"the store, or its server, does not run " + p.name}
	}
	c, err := s.cache()
	if err != nil {
		return err
	}
	w := new(waitHandles)
	if p.scored {
		w.zsets, err = mixins.NewSortedSets[string](c.Cache)
	} else {
		w.lists, err = mixins.NewLists[string](c.Cache)
	}
	if err != nil {
		return err
	}
	return run(p, c, w)
}

// A popped is the result of a command that waits.
type popped struct {
	key, element string
	err          error
}

func (p *popped) want(key, element string) error {
	return that(p.err == nil && p.key == key && p.element == element, "it returned %q of %q, %v; want %q of %q", p.element, p.key, p.err, element, key)
}

// goPop pops in a goroutine of its own.
func (p *waitingPop) goPop(ctx context.Context, w *waitHandles, timeout time.Duration, keys ...string) <-chan popped {
	result := make(chan popped, 1)
	go func() {
		key, element, err := p.pop(ctx, w, timeout, keys...)
		result <- popped{key, element, err}
	}()
	return result
}

// toWait is the time that a check gives a call to begin to wait. If that is too short, no
// check fails.
const toWait = 30 * time.Millisecond

// popsAndWaits checks the replies of a command that waits.
func (s *subject) popsAndWaits(p *waitingPop, c *cached, w *waitHandles) error {
	ctx, cancel := context.WithTimeout(noDeadline, long)
	defer cancel()
	keys := []string{keyA, keyB}
	if p.oneKey {
		keys = []string{keyB}
	}
	errs := []error{w.push(p, keyB, "x")}
	key, element, err := p.pop(ctx, w, 0, keys...)
	at := popped{key, element, err}
	errs = append(errs, at.want(keyB, "x"))

	result := p.goPop(ctx, w, 0, keys...)
	time.Sleep(toWait)
	errs = append(errs, w.push(p, keyB, "y"))
	woken := <-result
	errs = append(errs, woken.want(keyB, "y"))

	_, _, err = p.pop(ctx, w, 20*time.Millisecond, keys...)
	errs = append(errs, that(errors.Is(err, xcache.ErrNotFound), "with nothing to take within the time-out: %v, want ErrNotFound", err))
	_, _, err = p.pop(ctx, w, -1, keys...)
	errs = append(errs, that(errors.Is(err, xcache.ErrSyntax), "with a time-out of -1: %v, want ErrSyntax", err))
	if err := c.texts.Set(ctx, text, "v"); err != nil {
		return err
	}
	_, _, err = p.pop(ctx, w, time.Second, text)
	errs = append(errs, that(errors.Is(err, xcache.ErrWrongType), "of a string: %v, want ErrWrongType", err))
	return errors.Join(errs...)
}

// leavesWaits checks callers who leave during a wait. On a busy machine a store may be too late with
// a reply, and return an unknown outcome: then the server may still serve the call, and the check
// begins again.
func (s *subject) leavesWaits(p *waitingPop, c *cached, w *waitHandles) error {
	const tries = 5
	for try := 1; ; try++ {
		unknown, err, served := s.callersLeave(p, w)
		if err != nil || !unknown || try == tries || s.late() {
			return errors.Join(err, served)
		}
		if _, err := c.Delete(noDeadline, keyA, movedTo); err != nil {
			return err
		}
	}
}

// callersLeave reports whether the outcome of a call is unknown. served is the failure of an element
// that a call has taken whose caller has left.
func (s *subject) callersLeave(p *waitingPop, w *waitHandles) (unknown bool, err, served error) {
	leaving, leave := context.WithCancel(noDeadline)
	defer leave()
	short, cancel := context.WithTimeout(noDeadline, 2*toWait)
	defer cancel()
	left, expired := p.goPop(leaving, w, 0, keyA), p.goPop(short, w, long, keyA)
	time.Sleep(toWait)
	leave()
	var errs []error
	for _, test := range []struct {
		result <-chan popped
		want   error
	}{{left, context.Canceled}, {expired, context.DeadlineExceeded}} {
		got := <-test.result
		unknown = unknown || errors.Is(got.err, xcache.ErrUnknownOutcome)
		errs = append(errs, that(errors.Is(got.err, test.want), "a caller who left: %v, want %v", got.err, test.want))
	}
	errs = append(errs, w.push(p, keyA, "x"))
	n, err := w.left(p, keyA)
	errs = append(errs, err)
	served = that(n == 1, "of one element that came behind the callers who left %d are there", n)
	_, _, err = p.pop(leaving, w, 0, keyA)
	n, lenErr := w.left(p, keyA)
	errs = append(errs, that(errors.Is(err, context.Canceled), "with a context that has ended: %v", err), lenErr)
	return unknown, errors.Join(errs...), errors.Join(served, that(n == 1, "a call whose context had ended took something"))
}

// losesNothingToLeavers pushes elements to callers who leave. On a busy machine a store may
// be too late with a reply, and return an unknown outcome: then one element may be missing. With
// many unknown outcomes the check begins again.
func (s *subject) losesNothingToLeavers(p *waitingPop, c *cached, w *waitHandles) error {
	const elements, tries = 300, 3
	for try := 1; ; try++ {
		unknown, err := s.losesNothingOf(elements, p, w)
		if err != nil || unknown < elements/10 || try == tries || s.late() {
			return errors.Join(err, that(unknown < elements/10, "of %d elements, %d had an unknown outcome", elements, unknown))
		}
		if _, err := c.Delete(noDeadline, keyA, keyB); err != nil {
			return err
		}
	}
}

// losesNothingOf pushes a number of elements to callers who leave, and returns the number of unknown
// outcomes.
func (s *subject) losesNothingOf(elements int, p *waitingPop, w *waitHandles) (unknown int, err error) {
	const callers = 4
	var mu sync.Mutex
	taken := make(map[string]int)
	var unexpected []error
	working, stop := context.WithTimeout(noDeadline, long)
	defer stop()
	all := make(chan struct{})
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for n := 0; working.Err() == nil; n++ {
				ctx, cancel := context.WithTimeout(working, time.Duration(1+(i*7+n*5)%40)*time.Millisecond)
				_, element, err := p.pop(ctx, w, time.Duration((i+n)%3)*10*time.Millisecond, keyA, keyB)
				cancel()
				mu.Lock()
				if errors.Is(err, xcache.ErrUnknownOutcome) {
					unknown++
				}
				switch {
				case err == nil:
					if taken[element]++; len(taken) == elements && taken[element] == 1 {
						close(all)
					}
				case !errors.Is(err, xcache.ErrNotFound) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
					unexpected = append(unexpected, err)
				}
				mu.Unlock()
			}
		})
	}
	var errs []error
	for i := range elements {
		key := keyA
		if i%2 == 1 {
			key = keyB
		}
		errs = append(errs, w.push(p, key, fmt.Sprint(i)))
		time.Sleep(time.Millisecond) // so that calls have to wait
	}
	select {
	case <-all:
	case <-time.After(10 * time.Second): // elements that are still missing are lost
	}
	stop()
	running.Wait()
	for element, n := range taken {
		errs = append(errs, that(n == 1, "the element %s was taken %d times", element, n))
	}
	return unknown, errors.Join(append(append(errs, unexpected...), that(len(taken) >= elements-unknown, "of %d elements %d were taken; %d calls had an unknown outcome", elements, len(taken), unknown))...)
}

// servesInOrder checks that callers are served in the order of their calls.
func (s *subject) servesInOrder(p *waitingPop, _ *cached, w *waitHandles) error {
	ctx, cancel := context.WithTimeout(noDeadline, long)
	defer cancel()
	var results []<-chan popped
	for range 4 {
		results = append(results, p.goPop(ctx, w, 0, keyA))
		stopwatch.Rest(time.Second) // time enough for the call to wait, even on a slow store
	}
	if err := w.push(p, keyA, "0", "1", "2", "3"); err != nil {
		return err
	}
	var errs []error
	for i, result := range results {
		got := <-result
		errs = append(errs, got.want(keyA, fmt.Sprint(i)))
	}
	return errors.Join(errs...)
}

// holdsUpNoCall makes calls while others wait.
func (s *subject) holdsUpNoCall(p *waitingPop, c *cached, w *waitHandles) error {
	ctx, cancel := context.WithCancel(noDeadline)
	defer cancel()
	var results []<-chan popped
	for range 3 {
		results = append(results, p.goPop(ctx, w, 0, keyA))
	}
	time.Sleep(toWait)
	errs := []error{c.texts.Set(noDeadline, text, "v")}
	_, err := c.texts.Get(noDeadline, text)
	errs = append(errs, err)
	for _, result := range results {
		select {
		case got := <-result:
			errs = append(errs, fmt.Errorf("a call that was to wait returned %q, %w", got.element, got.err))
		default:
		}
	}
	cancel()
	for _, result := range results {
		<-result
	}
	return errors.Join(errs...)
}

// refusesInPipeline queues a command that waits.
func (s *subject) refusesInPipeline(_ *waitingPop, c *cached, w *waitHandles) error {
	p := c.Pipeline()
	waits := xcache.Queue(p, xcache.NewOp(c.Cache, "blpop", "BLPOP", keyA).WaitSeconds(0), func(*xcache.Op) (bool, error) { return true, nil })
	pushed := w.lists.In(p).RPush(keyA, "x")
	execErr := p.Exec(noDeadline)
	n, err := pushed.Value()
	return errors.Join(that(errors.Is(waits.Err(), errors.ErrUnsupported) && !errors.Is(waits.Err(), driver.ErrUnknownOutcome), "BLPOP in a pipeline: %v", waits.Err()),
		that(errors.Is(execErr, errors.ErrUnsupported), "Exec: %v", execErr), err, that(n == 1, "RPUSH beside it = %d", n))
}
