// Package module is a Roving Networks RN-131C WiFly in software: the ASCII commands, the modes and guard times, the
// UART with its rate and its buffers, and behind it real TCP. Firmware that was written for the module, and drivers of
// it, talk to this one on a pseudo-terminal or a serial port:
//
//	pty, err := module.OpenPTY()
//	m, err := module.New(&module.Options{Baud: 115200, HostRate: pty.Rate})
//	err = m.Serve(ctx, pty) // the host opens pty.Path
//
// What modules do wrong in the field it does on request, see Faults. UDP, the HTTP client, FTP updates, the soft access
// point and commands that come over TCP are not there.
package module

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/internal/tcplimit"
)

// Times that a module takes, where Options do not say.
const (
	DefaultBoot  = time.Second
	DefaultAssoc = 300 * time.Millisecond
	DefaultDHCP  = 200 * time.Millisecond
	DefaultScan  = time.Second
)

const (
	guard       = 250 * time.Millisecond // silence on both sides of the escape
	bufferSize  = 1500                   // of the UART, each way: about one packet
	maxLine     = 256                    // of a command
	maxText     = 16 << 10               // that waits for the UART
	dialTimeout = 15 * time.Second
	rejoin      = 5 * time.Second // between attempts to join by itself
)

// Options of a module. A nil pointer and the zero value of every field are fine.
type Options struct {
	// Firmware is the version, one of Firmwares: it decides prompt, banner and replies. "" is DefaultFirmware.
	Firmware string
	// Settings are what is stored at power-up, as Save was given it. "" is the factory's.
	Settings string
	// Save is given the settings whenever the host says save or factory RESET, in lines "set GROUP NAME VALUE"; a
	// passphrase is among them. nil: they last as long as the module does.
	Save func(settings string) error
	// Baud replaces the rate of the settings. 0 leaves it; the factory's is 9600.
	Baud int

	// Faults is what goes wrong, Seed makes it repeatable.
	Faults Faults
	Seed   uint64

	// Dial opens connections. nil: plain TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Lookup finds the address of a name. nil: as the system does, IPv4 first.
	Lookup func(ctx context.Context, name string) (netip.Addr, error)
	// Listen opens the module's own server on "set ip localport". nil: it has none.
	Listen func(ctx context.Context, port int) (net.Listener, error)
	// IP is what the module says its address is. Zero is 127.0.0.1.
	IP netip.Addr
	// Networks are in the air. nil: any that is asked for, with any passphrase.
	Networks []Network

	// HostRate tells at which rate the host has its end; at another than the
	// module's all bytes are garbled, both ways. nil and 0: it fits.
	HostRate func() int
	// SetRate sets the rate of a port that is a real UART, at boot and on changes. With it the module leaves the pace
	// to the wire, and whether the wire has flow control to whoever opened it.
	SetRate func(rate int) error

	// Running starts a module that was switched on long ago: no boot text, joined if its settings say so.
	Running bool
	// How long booting, associating, getting a lease and scanning take. 0: DefaultBoot and so on.
	Boot, Assoc, DHCP, Scan time.Duration

	// Record is given the dialogue, an entry after the other, each when it has passed. It
	// is called from goroutines of Serve, one at a time. nil: it is not recorded.
	Record func(Record)

	// Note tells what happens, secrets masked. It is called from Serve's goroutine.
	Note func(text string)
}

// Stats counts what has passed.
type Stats struct {
	FromHost, ToHost uint64 // bytes of TCP connections
	Overruns         uint64 // from the host, for which there was no room
	Lost             uint64 // to the host, which did not take them
	// From the host, when their connection ended: those that were not handed to TCP, and
	// those of which nobody knows whether they arrived.
	Unsent, NotKnown uint64
	Undelivered      uint64 // to the host, when Serve ended
}

// mode is what the module makes of bytes from the host.
type mode uint8

const (
	booting mode = iota // ignores them
	data                // sends them to the peer
	command
	asleep // wakes up
	hung   // ignores them, for good
)

// Module is one module. Its state belongs to the goroutine of Serve.
type Module struct {
	o      Options
	fw     firmware
	faults *faultState
	flash  settings
	files  map[string]settings // other configurations, by name
	ram    settings

	ctx    context.Context
	uart   *uart
	owned  sync.WaitGroup
	posted chan func()
	timers []*timer
	boots  int
	start  time.Time // of this boot

	mode    mode
	last    time.Time // end of the last byte from the host
	escapes int       // of $$$ that are held back
	escape  *timer
	line    []byte // of a command
	long    bool   // the line is too long
	lineEnd bool   // the last byte from the host ended a command; a line feed behind it is part of that

	tx     []byte // waits for the UART
	spare  []byte // is with the UART, or free
	txBusy bool

	radio
	tcp
	counters struct{ fromHost, toHost, overruns, lost, unsent, notKnown, undelivered atomic.Uint64 }
}

// watch has peers noticed that are gone without a word.
var watch = tcplimit.New(0)

// New makes a module; nothing happens before Serve.
func New(o *Options) (*Module, error) {
	m := &Module{posted: make(chan func()), files: map[string]settings{}}
	if o != nil {
		m.o = *o
	}
	o = &m.o
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&o.Boot, DefaultBoot}, {&o.Assoc, DefaultAssoc}, {&o.DHCP, DefaultDHCP}, {&o.Scan, DefaultScan}} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if !o.IP.IsValid() {
		o.IP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return watch.Dial(ctx, "tcp", addr)
		}
	}
	if o.Lookup == nil {
		o.Lookup = lookup
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	var err error
	if m.fw, err = findFirmware(o.Firmware); err != nil {
		return nil, err
	}
	if m.flash, err = parseSettings(o.Settings); err != nil {
		return nil, err
	}
	if o.Baud != 0 {
		p, _ := find("uart", "baud")
		if err := m.flash.set(p, fmt.Sprint(o.Baud), 0); err != nil {
			return nil, err
		}
	}
	m.faults = newFaultState(o.Faults, o.Seed)
	return m, nil
}

// Stats returns the counters as they are now. Any goroutine may call it.
func (m *Module) Stats() Stats {
	c := &m.counters
	return Stats{FromHost: c.fromHost.Load(), ToHost: c.toHost.Load(), Overruns: c.overruns.Load(), Lost: c.lost.Load(),
		Unsent: c.unsent.Load(), NotKnown: c.notKnown.Load(), Undelivered: c.undelivered.Load()}
}

// State is what a module is like at a moment.
type State struct {
	Settings  string // that hold now, saved or not, as Save is given them
	Command   bool   // it is in command mode
	Hung      bool   // for good
	Connected bool   // it has a TCP connection
	Joined    bool   // it is in a network, or about to be
}

// State returns what the module is like, the zero value if Serve is not running. Any
// goroutine may call it once Serve runs.
func (m *Module) State() (s State) {
	got := make(chan State, 1)
	if m.post(func() {
		got <- State{m.ram.format(), m.mode == command, m.mode == hung, m.link != nil || m.dialling, m.associated || m.step.pending()}
	}) {
		s = <-got
	}
	return s
}

// Hang has the module stop for good, as its faults do. Any goroutine may call it once Serve runs.
func (m *Module) Hang() {
	done := make(chan struct{})
	if m.post(func() { m.hang(); close(done) }) {
		<-done
	}
}

// Serve switches the module on and runs it on port, the far end of the host's serial line, until ctx ends or the port
// fails, which it returns. It closes port and leaves no goroutine. Call it once.
func (m *Module) Serve(ctx context.Context, port io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.ctx, m.uart = ctx, newUART(port, m)
	m.powerUp()
	for _, carry := range []func(context.Context) error{m.uart.receive, m.uart.transmit} {
		m.owned.Go(func() {
			if err := carry(ctx); err != nil {
				cancel(fmt.Errorf("serial port of the module: %w", err))
			}
		})
	}
	m.loop()
	port.Close()
	defer m.uart.record.end()
	m.undelivered(len(m.held) + len(m.tx))
	m.unsent(m.escapes)
	m.hangUp()
	m.unlisten()
	m.owned.Wait()
	select {
	case b := <-m.uart.tx:
		m.undelivered(len(b))
	default:
	}
	return context.Cause(ctx)
}

// unsent and undelivered count n bytes, from any goroutine.
func (m *Module) unsent(n int)      { m.counters.unsent.Add(uint64(n)) }
func (m *Module) undelivered(n int) { m.counters.undelivered.Add(uint64(n)) }

func (m *Module) loop() {
	clock := time.NewTimer(0)
	defer clock.Stop()
	for {
		m.transmit()
		m.forward()
		m.fetch()
		rx := m.uart.rx
		if m.full() {
			rx = nil
		}
		clock.Reset(m.untilNext())
		select {
		case <-m.ctx.Done():
			return
		case p := <-rx:
			m.receive(p)
		case f := <-m.posted:
			f()
		case <-m.uart.sent:
			m.txBusy = false
		case <-clock.C:
			m.fire()
		}
	}
}

// post hands f to the loop, for the module's other goroutines; it reports false
// when there is none any more, and f will not run.
func (m *Module) post(f func()) bool {
	select {
	case m.posted <- f:
		return true
	case <-m.ctx.Done():
		return false
	}
}

func (m *Module) note(format string, args ...any) { m.o.Note(fmt.Sprintf(format, args...)) }

// powerUp is the state in which the host finds the module.
func (m *Module) powerUp() {
	m.boot()
	stale, connected := m.faults.find(StaleOpen)
	left := m.o.Faults.has(StaleCommand) || connected
	if f, ok := m.faults.find(HangAfter); ok && f.N == 0 {
		m.hang()
		return
	}
	if m.o.Faults.has(EscapeChanged) {
		m.flash["comm $"], m.ram["comm $"] = "1", "1"
	}
	if m.o.Faults.has(BootSilent) || !m.o.Running && !left {
		return
	}
	// As it was left by whoever had it before.
	m.timers = nil
	m.last = time.Now().Add(-guard)
	m.ssid = m.ram.get("wlan", "ssid")
	if n, ok := m.findNetwork(m.ssid); ok && m.admitted(n) && (m.ram.num("wlan", "join") == 1 || left) {
		m.associated, m.network = true, n
		if !m.o.Faults.has(DHCPFailed) {
			m.up()
		}
	}
	m.mode = data
	if m.o.Faults.has(StaleCommand) {
		m.mode = command
	}
	m.chatter()
	if connected {
		m.dial(stale.Addr, func(conn net.Conn, err error) {
			if err == nil {
				m.attach(conn)
			}
		})
	}
}

// boot starts over with what is stored.
func (m *Module) boot() {
	m.mode = booting
	m.timers = nil
	m.hangUp()
	m.unlisten()
	m.ram = settings{}
	maps.Copy(m.ram, m.flash)
	m.radio = radio{}
	m.asked, m.resolved = false, false
	m.escapes, m.line, m.long = 0, m.line[:0], false
	m.tx = m.tx[:0]
	m.start = time.Now()
	m.boots++
	m.setLine(m.ram.num("uart", "baud"))
	m.after(m.o.Boot, func() {
		if m.o.Faults.has(BootGarbage) {
			m.say(string(m.faults.noise(40)))
		}
		m.note("module: booted, %d baud", m.uart.rate.Load())
		m.say("\r\n" + m.fw.banner + "\r\nMAC Addr=" + macAddr + "\r\n*READY*\r\n")
		if m.o.Faults.has(BootSilent) {
			m.hang()
			return
		}
		m.mode = data
		m.chatter()
		if join := m.ram.num("wlan", "join"); join == 1 {
			m.join(m.ram.get("wlan", "ssid"), false)
		}
	})
}

// setLine sets the UART to rate, unless a fault keeps it elsewhere.
func (m *Module) setLine(rate int) {
	if f, ok := m.faults.find(WrongBaud); ok && f.N > 0 {
		rate = int(f.N)
	}
	m.uart.flow.Store(m.ram.num("uart", "flow")&1 != 0)
	m.setRate(rate)
}

func (m *Module) setRate(rate int) {
	m.uart.rate.Store(int64(rate))
	if m.o.SetRate == nil {
		return
	}
	if err := m.o.SetRate(rate); err != nil {
		m.note("setting the serial port to %d baud: %v", rate, err)
	}
}

// hang is the module stopping for good. What it has printed still leaves.
func (m *Module) hang() {
	m.mode = hung
	m.timers = nil
}

// reboot prints why and boots once that has left the wire.
func (m *Module) reboot(why string) {
	m.say(why)
	m.mode = booting
	m.timers = nil
	m.hangUp()
	m.after(m.uart.wireTime(len(m.tx))+50*time.Millisecond, m.boot)
}

// say prints to the host. What one that does not read leaves no room for is lost.
func (m *Module) say(text string) {
	switch {
	case m.mode == hung:
	case len(m.tx)+len(text) > maxText:
		m.counters.lost.Add(uint64(len(text)))
	default:
		m.tx = append(m.tx, text...)
	}
}

// transmit gives the UART what there is to print.
func (m *Module) transmit() {
	if m.txBusy || len(m.tx) == 0 {
		return
	}
	m.txBusy = true
	m.uart.tx <- m.tx // never waits: the UART has nothing under way
	m.tx, m.spare = m.spare[:0], m.tx
}

// chatter is the text that some modules print by themselves.
func (m *Module) chatter() {
	if f, ok := m.faults.find(Chatter); ok {
		m.after(f.Every, func() {
			if m.mode == data && m.link == nil {
				m.say("Auto-Assoc " + m.ram.get("wlan", "ssid") + " chan=0 mode=NONE FAILED\r\n")
			}
			m.chatter()
		})
	}
}

var errNoAddress = errors.New("the name has no address")

func lookup(ctx context.Context, name string) (netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			return a, nil
		}
	}
	if len(addrs) == 0 {
		return netip.Addr{}, errNoAddress
	}
	return addrs[0].Unmap(), nil
}
