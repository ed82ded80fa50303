package soak

import "sync"

// A window is a state that begins and ends. Several causes may keep a window on at once.
// Callers ask whether the window was on at any moment since a mark.
type window struct {
	mu      sync.Mutex
	on      int
	changes int
}

// A mark is a moment of a window.
type mark struct {
	on      bool
	changes int
}

func (w *window) begin() { w.add(1) }
func (w *window) end()   { w.add(-1) }

func (w *window) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on += n
	w.changes++
}

func (w *window) now() mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	return mark{w.on > 0, w.changes}
}

func (w *window) since(m mark) bool { return m.on || w.now() != m }

// losses is the window in which servers may lose acknowledged data. Faults open the
// window, and so do servers that change their roles by themselves.
type losses struct {
	window
	look func() (roles string, settled bool) // nil if the servers have no roles

	looking   sync.Mutex
	roles     string // the last settled roles
	unsettled bool
	own       int // changes of roles without a fault
}

// since is the window's since, after a look at the roles of the servers.
func (l *losses) since(m mark) bool {
	if l.window.since(m) {
		return true
	}
	l.refresh()
	return l.window.since(m)
}

// refresh opens the window if the roles of the servers have changed.
func (l *losses) refresh() {
	if l.look == nil {
		return
	}
	l.looking.Lock()
	defer l.looking.Unlock()
	if l.now().on && !l.unsettled {
		return // a fault has opened the window, and a frozen server would not answer
	}
	roles, settled := l.look()
	switch {
	case !settled && !l.unsettled:
		l.begin()
		l.unsettled = true
		l.own++
	case settled && l.unsettled:
		l.end()
		l.unsettled, l.roles = false, roles
	case settled && roles != l.roles:
		if l.roles != "" {
			l.own++
		}
		l.begin()
		l.end()
		l.roles = roles
	}
}

// fault opens the window for a fault, and returns the function that closes the window.
func (l *losses) fault() (end func()) {
	l.begin()
	return func() {
		if l.look != nil {
			l.looking.Lock()
			if roles, settled := l.look(); settled {
				l.roles = roles
			}
			l.looking.Unlock()
		}
		l.end()
	}
}
