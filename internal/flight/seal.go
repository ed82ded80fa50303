package flight

import "context"

// Seal makes a flight take no callers until Unseal. Callers who come meanwhile share another
// flight, which waits. That flight begins when the sealed one ends or is detached. After Unseal,
// the waiting flight gets the result of the other one, and its own function does not run.
//
// An answer of a server is for callers who came before the question: an invalidation in
// another process may have come between the answer and a later caller. So a function seals its
// flight before the question whose answer is the result. late tells that the flight was neither
// sealed nor detached, and that callers have joined it: some may have come behind an earlier
// question.
func (f *Group) Seal(fl *Flight) (late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	late = fl.joined && !fl.sealed && !fl.detached
	fl.sealed = true
	return late
}

// Unseal makes a flight take callers again, as its function goes on. Callers who came since
// Seal get the result of the flight.
func (f *Group) Unseal(fl *Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.sealed = false
	if fl.detached { // the flights behind may begin
		return
	}
	for _, next := range f.byKey[fl.key.Full] {
		if next.behind == fl && !next.detached {
			next.behind, next.leader = nil, fl
			fl.followers = append(fl.followers, next)
			fl.joined = true
			next.detached = true
			next.wait(fl)
			next.cancel(nil) // its function does not run
		}
	}
	f.open(fl)
}

// Joined reports whether a caller has joined the flight after the begin of its function.
func (f *Group) Joined(fl *Flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fl.joined
}

// Final reports whether nobody joins a flight that is sealed, and whether its function need not
// ask what has happened since its begin: nobody has joined since, or the process itself has
// detached the flight. The caller who has begun the flight may have left, so a caller who waits
// alone may have joined.
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

// A turn is that of a flight behind a sealed one, or of a flight that begins at once.
type turn struct {
	behind *Flight         // the sealed flight, or nil
	opened <-chan struct{} // is closed when the flight may begin
}

// mayBegin waits for the turn of a flight, or for the end of its context. mayBegin returns false
// if the flight has become a follower. first has the context of the function.
func (f *Group) mayBegin(ctx context.Context, fl, first *Flight, t turn) bool {
	if t.behind == nil {
		return true
	}
	select {
	case <-t.opened:
	case <-ctx.Done():
	}
	first.waited(t.behind)
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.leader != nil {
		return false
	}
	fl.joined = false
	if fl.behind != nil {
		fl.behind = nil
		f.left(t.behind)
	}
	return true
}
