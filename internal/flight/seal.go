package flight

import "context"

// Seal makes a flight take no new callers until Unseal. Callers who come meanwhile share a
// flight that begins at the end of the sealed one.
//
// An answer of a server is for callers who came before the question: an invalidation in
// another process may have come between the answer and a later caller. So a function seals its
// flight before the question whose answer is the result. late tells that callers have joined
// the flight before this Seal, and perhaps after a question that was asked before.
func (f *Group) Seal(fl *Flight) (late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	late = fl.joined && !fl.sealed && !fl.detached
	fl.sealed = true
	return late
}

// Unseal makes a flight take callers again, as its function goes on. Callers who came since
// Seal wait for the flight.
func (f *Group) Unseal(fl *Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.sealed = false
	if fl.detached { // the flights behind have begun
		return
	}
	for _, next := range f.byKey[fl.key.Full] {
		if next.behind == fl && !next.detached {
			next.leader = fl
			fl.followers = append(fl.followers, next)
			fl.waiting++
			fl.joined = true
			next.detached = true
			next.wait(fl)
		}
	}
	f.open(fl)
}

// Joined reports whether a caller has joined the flight after its begin.
func (f *Group) Joined(fl *Flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fl.joined
}

// Final reports whether the result of a sealed flight is good for all its callers, whatever has
// happened since its begin: nobody has joined the flight since, or the flight was detached. The
// caller who has begun the flight may have left, so a caller who waits alone may have joined.
func (f *Group) Final(fl *Flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fl.detached || !fl.joined
}

// open lets the flights behind a flight begin, except for its followers.
func (f *Group) open(fl *Flight) {
	if fl.opened != nil {
		close(fl.opened)
		fl.opened = nil
	}
}

// mayBegin waits for the turn of a flight, or for the end of its context. mayBegin returns false
// if the flight has become a follower.
func (f *Group) mayBegin(ctx context.Context, fl *Flight, turn <-chan struct{}) bool {
	if turn == nil {
		return true
	}
	select {
	case <-turn:
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.behind = nil
	return fl.leader == nil
}
