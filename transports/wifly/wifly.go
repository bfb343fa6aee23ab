// Package wifly is the transport of the RN-131 family of Wi-Fi modules ("WiFly"): a radio with a TCP stack of its own
// behind a serial line, which carries one connection at a time.
//
//	t, err := wifly.Open(u, transports.Options{}) // wifly:///dev/ttyUSB0?baud=9600
//	conn, err := t.Dial(ctx, "device.example:80")
//
// Dial brings the module into command mode from whatever it was doing, gives it the settings of a session, in its RAM
// alone, and has it open the connection; Close ends that and puts the settings back. Listen waits for connections to
// the module's own server. Module gives access to the commands, which is what the provisioning of a module is made of.
//
// The package knows bytes and the module's dialogue. TLS and WebSocket run over its streams as over any other.
package wifly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/ws76/ws76/transports"
)

const scheme = "wifly"

// Opener opens the UART at a baud rate. The connection's deadlines must work, and its Close must end a Read that waits.
type Opener func(ctx context.Context, baud int) (net.Conn, error)

// Config says where a module is and how to talk to it.
type Config struct {
	Name string // of the port, for messages and as what is locked: "/dev/ttyUSB0"
	Open Opener
	Baud int  // 0: the usual rates are tried, 8 of them in some 30 seconds
	Flow bool // RTS/CTS is on: nothing is lost at high rates

	// LocalPort is where Listen waits for connections; 0 is as stored in the module, from the factory 2000.
	LocalPort int
	// LocalDNS resolves names on this computer instead of on the module.
	LocalDNS bool
	// Resolve gives addresses for names, as in transports.Options.
	Resolve transports.Resolve

	// Ledger, if not nil, knows what is not put back in the module.
	Ledger *Ledger

	// Notice, if not nil, is told what a user may not expect, before it happens: that the
	// module is rebooted, or that its rate is looked for.
	Notice func(text string)

	// Trace, if not nil, sees the dialogue in command mode; secrets are masked.
	Trace func(sent bool, text string)
}

// Transport dials over a module, or listens on it. It implements transports.Transport and transports.Listener, and may
// be used from several goroutines; but a module has one connection at a time, and a second Dial fails with ErrBusy.
type Transport struct {
	Config
	found atomic.Int64 // the rate that was found where Baud is 0
}

// New returns the transport of a module.
func New(c Config) *Transport { return &Transport{Config: c} }

// held are the ports that a Module has open in this process: the exclusive lock of a
// serial port does not keep out the one who has it.
var held = struct {
	sync.Mutex
	names map[string]bool
}{names: map[string]bool{}}

func hold(name string) (release func(), ok bool) {
	held.Lock()
	defer held.Unlock()
	if held.names[name] {
		return nil, false
	}
	held.names[name] = true
	return sync.OnceFunc(func() {
		held.Lock()
		defer held.Unlock()
		delete(held.names, name)
	}), true
}

// Module opens the port and brings the module into command mode. The caller closes
// it. Errors are *Error, or those of the Opener.
func (t *Transport) Module(ctx context.Context) (*Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	release, ok := hold(t.Name)
	if !ok {
		return nil, fail(ErrBusy, "open "+t.Name, "")
	}
	books := t.ledger().use(t)
	m, err := t.find(ctx, books)
	if err != nil {
		books.leave()
		release()
		return nil, err
	}
	m.unlock = func() {
		books.leave()
		release()
	}
	return m, nil
}

func (t *Transport) ledger() *Ledger {
	if t.Ledger != nil {
		return t.Ledger
	}
	return new(Ledger)
}

// find tries the rates that the module may be at.
func (t *Transport) find(ctx context.Context, books *books) (*Module, error) {
	if t.Baud != 0 {
		return t.try(ctx, t.Baud, syncRounds, books)
	}
	rates := usualRates
	if last := int(t.found.Load()); last != 0 {
		rates = append([]int{last}, rates...)
	}
	for i, rate := range append(rates, rates...) { // it may have booted at the first
		m, err := t.quickTry(ctx, rate, books)
		switch {
		case err == nil:
			t.found.Store(int64(rate))
			return m, nil
		case !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrWrongBaud) && !errors.Is(err, ErrReply):
			return nil, err
		case i == 0 && t.Notice != nil:
			t.Notice(fmt.Sprintf("no module answers at %d baud; the other usual rates are tried, for some 30 seconds at most (baud=N in the URL of the module saves that)", rate))
		}
	}
	e := fail(ErrNoAnswer, fmt.Sprintf("entering command mode at %d and the other usual rates", rates[0]), "")
	e.Hint = "check power, ground and that TX and RX are crossed; baud=N sets an unusual rate"
	return nil, e
}

// quickTry is try at one of several rates: for a module that answers at once, or is heard.
func (t *Transport) quickTry(ctx context.Context, baud int, books *books) (*Module, error) {
	m, err := t.tryBy(ctx, baud, books, func(m *Module) error { return m.syncWithin(ctx, 1, enterLate, enterLate) })
	var e *Error
	if errors.As(err, &e) && e.spoke && ctx.Err() == nil {
		return t.try(ctx, baud, syncRounds, books)
	}
	return m, err
}

func (t *Transport) try(ctx context.Context, baud, rounds int, books *books) (*Module, error) {
	return t.tryBy(ctx, baud, books, func(m *Module) error { return m.sync(ctx, rounds) })
}

func (t *Transport) tryBy(ctx context.Context, baud int, books *books, sync func(m *Module) error) (*Module, error) {
	port, err := t.Open(ctx, baud)
	if err != nil {
		return nil, err
	}
	books.setBaud(baud)
	m := &Module{line: newLine(port, baud), open: t.Open, trace: t.Trace, notice: t.Notice, books: books}
	if err := sync(m); err != nil {
		m.traceHeard()
		m.line.close()
		return nil, err
	}
	return m, nil
}

// Close puts back what entering command mode has changed, leaves it and gives the port free.
func (m *Module) Close() error {
	err := m.bounded(m.putBack)
	return errors.Join(err, m.closePort())
}

// putBack restores the settings and leaves command mode.
func (m *Module) putBack(ctx context.Context) error {
	err := m.restore(ctx)
	if err != nil && !errors.Is(err, ErrReply) {
		return err
	}
	return cmp.Or(err, m.quit(ctx))
}

// closePort gives the port free.
func (m *Module) closePort() error {
	m.traceHeard()
	err := m.line.close()
	if m.unlock != nil {
		m.unlock()
		m.unlock = nil
	}
	return err
}

// abandon closes a module that something went wrong with: if it still answers its
// settings are put back, if not it is left after some six seconds. It returns err.
func (m *Module) abandon(err error) error {
	defer m.closePort()
	if errors.Is(err, ErrRebooted) { // nothing is left to put back
		m.forgot()
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	m.recover(ctx, err)
	return err
}

// recover has a module that something went wrong with be as it was, if it still answers.
func (m *Module) recover(ctx context.Context, err error) error {
	for _, gone := range []error{ErrUnplugged, ErrHung, ErrNoAnswer} {
		if errors.Is(err, gone) {
			return err
		}
	}
	rounds := 0
	if m.opens { // maybe, and an empty line would be part of the stream
		rounds = 2
	} else if _, err := m.enterLine(ctx); err != nil {
		rounds = 1
	}
	if rounds > 0 {
		if err := m.sync(ctx, rounds); err != nil {
			return err
		}
	}
	if err := m.hangUp(ctx); err != nil {
		return err
	}
	return m.putBack(ctx)
}

// Dial has the module open a TCP connection to addr, "host:port". The error is a
// *transports.DialError, in most cases around an *Error.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := t.dial(ctx, addr)
	if err != nil {
		var e *Error
		var port *transports.DialError // of the port
		local := errors.As(err, &e) && e.Local() || errors.As(err, &port) && port.Local
		return nil, &transports.DialError{Transport: scheme, Addr: addr, Local: local, Err: err}
	}
	return conn, nil
}

func (t *Transport) dial(ctx context.Context, addr string) (net.Conn, error) {
	host, port, err := t.target(ctx, addr)
	if err != nil {
		return nil, err
	}
	m, err := t.Module(ctx)
	if err != nil {
		return nil, err
	}
	rest, err := m.connect(ctx, host, port)
	if err != nil {
		return nil, m.abandon(err)
	}
	m.line.stream(m.newFilter(), rest)
	c := newConn(m, address(t.Name), address(addr))
	c.flow = t.Flow
	c.finish = func(gone error, _ []byte) error {
		m.books.setOpen(gone != errClosed && gone != ErrRebooted) // of a port that failed nobody knows
		if gone == ErrRebooted {
			m.forgot()
		}
		if gone != nil && gone != errClosed { // nothing to end, nobody to put anything back
			return errors.Join(c.ending(gone, nil), m.closePort())
		}
		err := errors.Join(m.bounded(m.leave), m.closePort())
		c.lost.Store(err == nil && !m.stands.associated())
		return err
	}
	m.books.setCommand(false)
	m.books.endsBy(func() { c.Close() })
	return c, nil
}

// leave ends the connection, if there is one still, puts the settings back and leaves command mode.
func (m *Module) leave(ctx context.Context) error {
	if err := m.sync(ctx, 2); err != nil {
		return err
	}
	if err := m.remembers(ctx); err != nil {
		return err
	}
	if err := m.hangUp(ctx); err != nil {
		return err
	}
	return m.putBack(ctx)
}

// remembers is an error if the module has rebooted. That it has said *READY* may have
// been in a message; that it has forgotten its settings is certain.
func (m *Module) remembers(ctx context.Context) error {
	if !m.booted {
		return nil
	}
	comm, err := m.get(ctx, "comm")
	if err != nil || comm["close"] == m.closing {
		return err
	}
	m.forgot()
	m.exit(ctx)
	return fail(ErrRebooted, "", "")
}

// bounded runs f, which puts the module back, within closeWait.
func (m *Module) bounded(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	err := f(ctx)
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &e):
		e = fail(ErrHung, "", "")
	case !errors.As(err, &e):
		return err
	}
	late := *e
	late.Doing = "close the connection"
	return &late
}

// target says what the module is to open for addr: a name if it is to resolve it.
func (t *Transport) target(ctx context.Context, addr string) (host, port string, err error) {
	if host, port, err = splitAddr(addr); err != nil {
		return "", "", err
	}
	if list, ok := t.Resolve.Lookup(addr); ok {
		for _, a := range list {
			if a.Unmap().Is4() {
				return a.Unmap().String(), port, nil
			}
		}
		return "", "", fmt.Errorf("the module knows IPv4 only, and what is given for %q is not", addr)
	}
	if t.LocalDNS {
		list, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return "", "", err
		}
		return list[0].Unmap().String(), port, nil
	}
	return host, port, nil
}

// connect goes from command mode to an open connection. What may be a fault that
// passes is tried twice: a module that reboots, and one that is still busy.
func (m *Module) connect(ctx context.Context, host, port string) (rest []byte, err error) {
	for again := true; ; again = false {
		rest, err = m.connectOnce(ctx, host, port)
		if err == nil || !again {
			return rest, err
		}
		switch {
		case errors.Is(err, ErrRebooted):
			// It has said *READY*; what was set is gone.
			if m.forgot(); m.sync(ctx, syncRounds) != nil {
				return nil, err
			}
		case errors.Is(err, ErrReply), errors.Is(err, ErrBusy):
			if m.sync(ctx, syncRounds) != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

func (m *Module) connectOnce(ctx context.Context, host, port string) ([]byte, error) {
	if err := m.hangUp(ctx); err != nil { // of whoever was here before
		return nil, err
	}
	if err := m.configure(ctx, false); err != nil {
		return nil, err
	}
	if err := m.link(ctx); err != nil {
		return nil, err
	}
	addr, err := m.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	return m.openTCP(ctx, addr, port)
}

// address is the name of a port, or what was dialled.
type address string

func (address) Network() string  { return scheme }
func (a address) String() string { return string(a) }

var _ net.Conn = (*conn)(nil)

// Reaches is for transports.Reacher: the port, and what the module dials.
func (t *Transport) Reaches(addr string, listen bool) []transports.Reach {
	port := transports.Reach{Kind: "serial", Target: t.Name}
	if listen { // where is said in the URL, or stored in the module
		return []transports.Reach{port}
	}
	return append(transports.ReachesAddr(addr, "tcp", false), port)
}
