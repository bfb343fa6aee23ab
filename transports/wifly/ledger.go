package wifly

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Ledger knows which modules are in use and what in their RAM is not as it was, for who has to say so in the end. The
// zero value is ready; transports may share one, and any goroutine may ask it.
type Ledger struct {
	mu      sync.Mutex
	modules []*books
}

// Left is a module that was not put back as it was.
type Left struct {
	URL      string   // of the module
	Settings []string // that are another now, until it reboots: "comm open"
	Commands []string // that put back all of it: "close", "set comm open *OPEN*", "join", or "reboot"
	Open     bool     // its TCP connection may be open
	Away     bool     // it was told to leave its network, and may not be in it again
	Command  bool     // it is in command mode, and in use, or did not leave that
	Saved    bool     // its new settings may be stored, and were not verified
}

// Left returns the modules that are not as they were, or may not be.
func (l *Ledger) Left() (all []Left) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.modules {
		left := Left{URL: b.url(), Command: b.command && (b.free != nil || b.stuck), Saved: b.saved, Open: b.open, Away: b.away}
		if b.open {
			left.Commands = append(left.Commands, "close")
		}
		for _, s := range b.changes {
			left.Settings = append(left.Settings, s.name)
		}
		for _, s := range slices.Backward(b.changes) {
			left.Commands = append(left.Commands, "set "+s.name+" "+s.was)
		}
		if b.away {
			left.Commands = append(left.Commands, "join")
		}
		if slices.ContainsFunc(b.changes, func(s change) bool { return s.was == "" }) {
			left.Commands = []string{"reboot"}
		}
		if len(left.Settings) > 0 || left.Command || left.Saved || left.Open || left.Away {
			all = append(all, left)
		}
	}
	return all
}

// shutWait bounds Settle: a connection is closed within that.
const shutWait = drainWait + closeWait + time.Second

// Settle closes the connections and listeners that are open still and waits, in bounded
// time, until all modules are out of use. A Dial under way is to be ended by its context.
func (l *Ledger) Settle() {
	ctx, cancel := context.WithTimeout(context.Background(), shutWait)
	defer cancel()
	l.mu.Lock()
	var used []books
	for _, b := range l.modules {
		if b.free != nil {
			used = append(used, books{end: b.end, free: b.free})
		}
	}
	l.mu.Unlock()
	for _, b := range used {
		if b.end != nil {
			go b.end() // it is bounded
		}
	}
	for _, b := range used {
		select {
		case <-b.free:
		case <-ctx.Done():
			return
		}
	}
}

// books are what a Ledger has of one module.
type books struct {
	l    *Ledger
	port string
	flow bool

	// Under l.mu:
	baud    int
	end     func()        // closes what uses it; nil: that ends by itself
	free    chan struct{} // closed when it is out of use; nil: it is
	command bool
	stuck   bool // in command mode: it did not leave that
	saved   bool
	open    bool     // there may be a TCP connection
	away    bool     // from its network, maybe
	changes []change // the oldest first
}

// change is a setting that is another now.
type change struct {
	name string // after "set"
	was  string // as set takes it; "" is not known
	sure bool   // the module has accepted another value
}

// use opens the books of a module, and says that it is in use until they are left.
func (l *Ledger) use(t *Transport) *books {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.modules, func(b *books) bool { return b.port == t.Name })
	if i < 0 {
		i = len(l.modules)
		l.modules = append(l.modules, &books{l: l, port: t.Name})
	}
	b := l.modules[i]
	b.flow, b.free, b.end = t.Flow, make(chan struct{}), nil
	return b
}

func (b *books) leave() {
	b.l.mu.Lock()
	defer b.l.mu.Unlock()
	close(b.free)
	b.free, b.end = nil, nil
}

// note changes what is known of the module.
func (b *books) note(f func(b *books)) {
	b.l.mu.Lock()
	defer b.l.mu.Unlock()
	f(b)
}

func (b *books) endsBy(end func()) { b.note(func(b *books) { b.end = end }) }
func (b *books) setBaud(baud int)  { b.note(func(b *books) { b.baud = baud }) }
func (b *books) setCommand(entered bool) {
	b.note(func(b *books) { b.command, b.stuck = entered, false })
}
func (b *books) setStuck(stuck bool) { b.note(func(b *books) { b.command, b.stuck = stuck, stuck }) }
func (b *books) setOpen(maybe bool)  { b.note(func(b *books) { b.open = maybe }) }
func (b *books) setAway(maybe bool)  { b.note(func(b *books) { b.away = maybe }) }
func (b *books) setSaved(maybe bool) { b.note(func(b *books) { b.saved = maybe }) }

// forget says that nothing but the settings of these names is left to put back.
func (b *books) forget(but ...string) {
	b.note(func(b *books) {
		b.changes = slices.DeleteFunc(b.changes, func(c change) bool { return !slices.Contains(but, c.name) })
	})
}

// begins says that a setting will be given another value.
func (b *books) begins(name, was string) {
	b.note(func(b *books) {
		if b.find(name) == nil {
			b.changes = append(b.changes, change{name: name, was: was})
		}
	})
}

// accepted says that the module has taken a value.
func (b *books) accepted(name, value string) {
	b.note(func(b *books) {
		switch c := b.find(name); {
		case c == nil:
		case c.was != "" && sameValue(name, c.was, value):
			b.drop(name)
		default:
			c.sure = true
		}
	})
}

// refused says that it has not.
func (b *books) refused(name string) {
	b.note(func(b *books) {
		if c := b.find(name); c != nil && !c.sure {
			b.drop(name)
		}
	})
}

func (b *books) find(name string) *change {
	for i := range b.changes {
		if b.changes[i].name == name {
			return &b.changes[i]
		}
	}
	return nil
}

func (b *books) drop(name string) {
	b.changes = slices.DeleteFunc(b.changes, func(c change) bool { return c.name == name })
}

// was returns what a setting was before it was changed, "" if it was not.
func (b *books) was(name string) (value string) {
	b.note(func(b *books) {
		if c := b.find(name); c != nil {
			value = c.was
		}
	})
	return value
}

// list returns the changes as they are now.
func (b *books) list() (changes []change) {
	b.note(func(b *books) { changes = slices.Clone(b.changes) })
	return changes
}

// url is how the module is reached. The caller holds l.mu.
func (b *books) url() string {
	u := url.URL{Scheme: scheme, RawQuery: "baud=" + strconv.Itoa(b.baud)}
	if strings.HasPrefix(b.port, "/") {
		u.Path = b.port
	} else {
		u.Opaque = url.PathEscape(b.port)
	}
	if b.flow {
		u.RawQuery += "&flow=rtscts"
	}
	return u.String()
}
