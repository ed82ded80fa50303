package sentinel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A candidate is a server that a sentinel names as the primary.
type candidate struct {
	addr string
	// epoch is the highest epoch that a sentinel tells for the candidate; 0 if no
	// sentinel tells an epoch.
	epoch int64
	votes int
}

// ranked returns the candidates, the most credible first: the candidate of the latest
// failover. A sentinel that was cut off knows only older failovers.
func ranked(heard []answer) []candidate {
	var list []candidate
	for i := range heard {
		a := &heard[i]
		if a.primary == "" {
			continue
		}
		at := slices.IndexFunc(list, func(c candidate) bool { return c.addr == a.primary })
		if at < 0 {
			at = len(list)
			list = append(list, candidate{addr: a.primary})
		}
		list[at].votes++
		list[at].epoch = max(list[at].epoch, a.epoch)
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.epoch, a.epoch), cmp.Compare(b.votes, a.votes))
	})
	return list
}

// A poll is one question to all sentinels, with the answers so far.
type poll struct {
	asked int
	heard []answer
}

// mayReplace reports whether the answers are enough to replace a primary of an epoch by a
// candidate. A candidate of a later failover needs nothing more. A candidate of the same
// failover needs a majority of all sentinels or, after the last answer, a majority of the
// sentinels that name a primary. A candidate of an older failover needs a majority of all
// sentinels, after the last answer.
func (p *poll) mayReplace(c candidate, epoch int64) bool {
	all, most := len(p.heard) == p.asked, 2*c.votes > p.asked
	switch {
	case c.epoch > epoch:
		return true
	case c.epoch < epoch:
		return all && most
	}
	answered := 0
	for i := range p.heard {
		if p.heard[i].primary != "" {
			answered++
		}
	}
	return most || all && 2*c.votes > answered
}

// lateAnswerTimeout bounds the time for late answers in a poll with waiting calls. Late
// answers are heard after a poll in which one sentinel knew more than the other
// sentinels.
const lateAnswerTimeout = 50 * time.Millisecond

// stragglerTimeout bounds the wait for the last sentinels when most have answered, and no
// candidate can be followed. A slow sentinel answers in that time, a frozen sentinel
// never.
const stragglerTimeout = time.Second

// hearLateAnswers takes the answers that a poll did not need, because one sentinel may
// know more than most. hearLateAnswers ends when a call begins to wait for the poll.
func (w *watcher) hearLateAnswers(p *poll, answers <-chan answer, suspected bool) {
	wake, timeout := w.wake, (<-chan time.Time)(nil)
	if suspected {
		wake, timeout = nil, time.After(lateAnswerTimeout)
	}
	for len(p.heard) < p.asked {
		select {
		case a := <-answers:
			p.heard = append(p.heard, a)
		case <-wake:
			w.pollSoon() // again
			return
		case <-timeout:
			return
		}
	}
}

// The reasons not to follow a candidate.
var (
	errOutdated   = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("the sentinels that answer may not know of the last failover yet"))
	errSuperseded = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced)
)

// pollSentinels asks the sentinels for the primary, and installs the primary. With
// suspected, the primary of before has to confirm its role. The error tells why there is
// no primary.
func (w *watcher) pollSentinels(suspected bool) error {
	answers, asked := w.sentinels.ask(w.ctx, &w.running, w.replicas != nil)
	p := poll{asked: asked}
	suspected = suspected || w.current.Load() == nil
	refused := map[string]error{}
	defer func() {
		w.sentinels.learn(p.heard, &w.running)
		w.primaryDown = slices.ContainsFunc(p.heard, func(a answer) bool { return a.down })
		w.superseded = w.isReplaced(&p)
	}()
	var enough <-chan time.Time // the end of the wait for answers
	for len(p.heard) < asked {
		if enough == nil && 2*len(p.heard) > asked {
			enough = time.After(stragglerTimeout)
		}
		select {
		case a := <-answers:
			p.heard = append(p.heard, a)
		case <-enough:
			return w.endPoll(&p, refused, suspected)
		}
		if (!suspected || w.superseded) && w.credible(&p) > 0 {
			w.hearLateAnswers(&p, answers, suspected)
		}
		for _, c := range ranked(p.heard)[:w.credible(&p)] {
			if refused[c.addr] != nil {
				continue
			}
			found, err := w.follow(c, &p, suspected)
			if err == nil {
				w.told = p.heard[slices.IndexFunc(p.heard, func(a answer) bool { return a.primary == c.addr })].sentinel
				w.hearReplicas(p.heard, c.addr)
				w.install(found)
				return nil
			}
			refused[c.addr] = err
			if w.isReplaced(&p) {
				refused[w.primary.addr] = errSuperseded
			}
		}
	}
	return w.endPoll(&p, refused, suspected)
}

// endPoll ends a poll in which no candidate could be followed.
func (w *watcher) endPoll(p *poll, refused map[string]error, suspected bool) error {
	if w.stays(refused, suspected) {
		w.install(w.primary)
		return nil
	}
	return explain(w.settings.Master, p.heard, refused)
}

// credible returns the number of candidates that may be followed before all sentinels have
// answered.
func (w *watcher) credible(p *poll) int {
	candidates := ranked(p.heard)
	if len(p.heard) == p.asked {
		return len(candidates)
	}
	for i, c := range candidates {
		most := 2*c.votes > p.asked
		switch {
		case w.primary == nil && most:
		case w.primary != nil && (c.epoch > w.primary.epoch || c.epoch == w.primary.epoch && most):
		default:
			return i
		}
	}
	return len(candidates)
}

// follow returns the primary at the address of a candidate. The error tells why the server
// is no primary, or may not be followed.
func (w *watcher) follow(c candidate, p *poll, suspected bool) (*primary, error) {
	if w.primary != nil && w.primary.addr == c.addr {
		if suspected {
			if err := w.verifyAgain(w.primary); err != nil {
				return nil, err
			}
		}
		if p.mayReplace(c, w.primary.epoch) {
			w.primary.epoch = c.epoch
		}
		return w.primary, nil
	}
	if w.primary != nil && !p.mayReplace(c, w.primary.epoch) {
		return nil, errOutdated
	}
	settings := w.settings.ServerAt(c.addr)
	n := w.open(settings)
	if err := w.verify(n); err != nil {
		_ = n.Close() // err is the error that counts
		return nil, err
	}
	return &primary{addr: c.addr, status: settings.Status, node: n, gate: node.NewGate(), epoch: c.epoch}, nil
}

// isReplaced reports whether the sentinels know of a later failover than that of the
// primary. Writes to the old primary would be lost, even if the new primary cannot be
// reached.
func (w *watcher) isReplaced(p *poll) bool {
	return w.primary != nil && slices.ContainsFunc(ranked(p.heard), func(c candidate) bool {
		return c.addr != w.primary.addr && p.mayReplace(c, w.primary.epoch)
	})
}

// stays reports whether the primary stays although no sentinel names that server: the
// sentinels do not answer, or know only older failovers. With suspected, the primary has
// to confirm its role.
func (w *watcher) stays(refused map[string]error, suspected bool) bool {
	if w.primary == nil || refused[w.primary.addr] != nil {
		return false
	}
	return !suspected || w.verifyAgain(w.primary) == nil
}

// hearReplicas passes on the replicas of one sentinel that names the right primary. A
// sentinel with replicas counts before a sentinel without.
func (w *watcher) hearReplicas(heard []answer, primary string) {
	if w.replicas == nil {
		return
	}
	var list []*settings.Settings
	told := false
	for i := range heard {
		a := &heard[i]
		if a.primary != primary || a.replicas == nil {
			continue
		}
		told = true
		for _, addr := range a.replicas {
			if addr != primary {
				list = append(list, w.settings.ServerAt(addr))
			}
		}
		if len(list) > 0 {
			break
		}
	}
	if told {
		w.replicas(list)
	}
}

// explain returns why there is no primary, in one line.
func explain(master string, heard []answer, refused map[string]error) error {
	var (
		texts   []string
		unknown []string // the names that are known to sentinels without the name
		denied  error
		// nameless and named are whether a sentinel does not know the name, and whether one does.
		nameless, named bool
	)
	for addr, err := range refused {
		texts = append(texts, fmt.Sprintf("primary %s: %s", addr, plain(err)))
	}
	slices.Sort(texts)
	for i := range heard {
		a := &heard[i]
		switch {
		case a.err != nil:
			texts = append(texts, fmt.Sprintf("sentinel %s: %s", a.sentinel, plain(a.err)))
			if isDenied(a.err) {
				denied = a.err
			}
		case a.primary == "":
			nameless = true
			unknown = append(unknown, a.masters...)
		default:
			named = true
			if len(refused) == 0 {
				texts = append(texts, fmt.Sprintf("sentinel %s: %s, which too few others name", a.sentinel, a.primary))
			}
		}
	}
	switch {
	case len(refused) > 0:
	case denied != nil:
		return driver.Fail(driver.ErrAuth, driver.NotApplied,
			fmt.Errorf("sentinels have credentials of their own, sentinel_user and sentinel_password: %s", strings.Join(texts, "; ")))
	case nameless && !named:
		slices.Sort(unknown)
		known := "nothing"
		if unknown = slices.Compact(unknown); len(unknown) > 0 {
			known = strings.Join(unknown, ", ")
		}
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied,
			fmt.Errorf("the parameter master, %s, is no name that the sentinels know; they watch %s", master, known))
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied,
		fmt.Errorf("the primary %s cannot be found: %s", master, strings.Join(texts, "; "))).Retryable()
}
