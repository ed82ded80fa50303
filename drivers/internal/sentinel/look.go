package sentinel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A candidate is a server that sentinels name as the primary.
type candidate struct {
	addr string
	// epoch is the highest that one of the sentinels gives with it; 0 if none
	// does.
	epoch int64
	votes int
}

// ranked returns the servers that are named, the most credible first: that of the
// latest failover, as a sentinel that was cut off knows only older ones.
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

// A poll is what the sentinels have said in one look.
type poll struct {
	asked int
	heard []answer
}

// mayReplace reports whether what was heard is enough to leave the current
// primary, of an epoch, for a candidate: a later failover has made it the
// primary, or most sentinels say so. Of a failover that may be older than the
// current one it takes most of all sentinels, else of those that answer.
func (p *poll) mayReplace(c candidate, epoch int64) bool {
	if c.epoch > epoch || 2*c.votes > p.asked {
		return true
	}
	answered := 0
	for i := range p.heard {
		if p.heard[i].primary != "" {
			answered++
		}
	}
	return c.epoch == epoch && len(p.heard) == p.asked && 2*c.votes > answered
}

// unhurried is how much longer a look that nobody waits for listens to sentinels
// when it has heard enough: the one that knows more may be a little late.
const unhurried = 50 * time.Millisecond

// hearOut takes the answers that come soon.
func (p *poll) hearOut(answers <-chan answer) {
	timeout := time.After(unhurried)
	for len(p.heard) < p.asked {
		select {
		case a := <-answers:
			p.heard = append(p.heard, a)
		case <-timeout:
			return
		}
	}
}

// errOutdated is why a candidate is not followed.
var errOutdated = errors.New("the sentinels that answer may not know of the last failover yet")

// look asks the sentinels who the primary is, and follows. If doubted it makes
// sure of a primary that is the same as before. An error says why there is none.
func (w *watcher) look(doubted bool) error {
	answers, asked := w.sentinels.ask(w.ctx, &w.running, w.replicas != nil)
	p := poll{asked: asked}
	doubted = doubted || w.current.Load() == nil
	refused := map[string]error{}
	defer func() {
		w.sentinels.learn(p.heard)
		w.uneasy = slices.ContainsFunc(p.heard, func(a answer) bool { return a.down })
	}()
	for len(p.heard) < asked {
		p.heard = append(p.heard, <-answers)
		if !doubted && w.credible(&p) > 0 {
			p.hearOut(answers)
		}
		for _, c := range ranked(p.heard)[:w.credible(&p)] {
			if refused[c.addr] != nil {
				continue
			}
			found, err := w.follow(c, &p, doubted)
			if err == nil {
				w.hearReplicas(p.heard, c.addr)
				w.install(found)
				return nil
			}
			refused[c.addr] = err
		}
	}
	if w.stays(&p, refused, doubted) {
		w.install(w.primary)
		return nil
	}
	return explain(w.settings.Master, p.heard, refused)
}

// credible returns how many of the candidates need not wait for the sentinels that
// have not answered yet, who may know better.
func (w *watcher) credible(p *poll) int {
	candidates := ranked(p.heard)
	if len(p.heard) == p.asked {
		return len(candidates)
	}
	for i, c := range candidates {
		if 2*c.votes <= p.asked && (w.primary == nil || c.epoch <= w.primary.epoch) {
			return i
		}
	}
	return len(candidates)
}

// follow returns the primary that a candidate is, if it is one and may be ours.
func (w *watcher) follow(c candidate, p *poll, doubted bool) (*primary, error) {
	ctx, cancel := context.WithTimeout(w.ctx, w.settings.ServerAt(c.addr).DialTimeout)
	defer cancel()
	if w.primary != nil && w.primary.addr == c.addr {
		if doubted {
			if err := verify(ctx, w.primary.node); err != nil {
				return nil, err
			}
		}
		w.primary.epoch = max(w.primary.epoch, c.epoch)
		return w.primary, nil
	}
	if w.primary != nil && !p.mayReplace(c, w.primary.epoch) {
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errOutdated).Retryable()
	}
	n := w.open(w.settings.ServerAt(c.addr))
	if err := verify(ctx, n); err != nil {
		_ = n.Close() // err says why it is of no use
		return nil, err
	}
	return &primary{addr: c.addr, node: n, gate: node.NewGate(), epoch: c.epoch}, nil
}

// stays reports whether the primary there was is still the one, though no
// candidate could be followed: sentinels do not answer, or know less than we do,
// and it says itself that it is a primary.
func (w *watcher) stays(p *poll, refused map[string]error, doubted bool) bool {
	if w.primary == nil || refused[w.primary.addr] != nil {
		return false
	}
	for _, c := range ranked(p.heard) {
		if p.mayReplace(c, w.primary.epoch) {
			return false
		}
	}
	if !doubted {
		return true
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.settings.ServerAt(w.primary.addr).DialTimeout)
	defer cancel()
	return verify(ctx, w.primary.node) == nil
}

// hearReplicas passes on the replicas, as a sentinel knows them that names the
// right primary.
func (w *watcher) hearReplicas(heard []answer, primary string) {
	if w.replicas == nil {
		return
	}
	for i := range heard {
		a := &heard[i]
		if a.primary != primary || a.replicas == nil {
			continue
		}
		list := make([]*settings.Settings, 0, len(a.replicas))
		for _, addr := range a.replicas {
			if addr != primary {
				list = append(list, w.settings.ServerAt(addr))
			}
		}
		w.replicas(list)
		return
	}
}

// explain returns why there is no primary, in one line.
func explain(master string, heard []answer, refused map[string]error) error {
	var (
		texts   []string
		unknown []string // to how many sentinels, and what these know instead
		denied  error
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
			unknown = append(unknown, a.masters...)
		}
	}
	switch {
	case len(refused) > 0:
	case denied != nil:
		return driver.Fail(driver.ErrAuth, driver.NotApplied,
			fmt.Errorf("sentinels have credentials of their own, sentinel_user and sentinel_password: %s", strings.Join(texts, "; ")))
	case len(unknown) > 0 || len(texts) < len(heard):
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
