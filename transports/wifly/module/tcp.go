package module

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/ws76/ws76/internal/accept"
	"github.com/ws76/ws76/internal/outq"
)

// tcp is the one connection that the module can have, and its server.
type tcp struct {
	link     *link
	dialling bool
	ended    int // connections, and attempts at one

	connections int // ever
	listener    net.Listener

	out     []byte // from the host, for the peer
	ripe    int    // of those are to leave
	sending int    // bytes that are being written
	packet  []byte // they
	flush   *timer // makes all of out ripe
	idle    *timer
	dog     *timer // of RebootIdle

	held      []byte // came in command mode; printed when it ends
	delivered int    // bytes to the host in this connection
	heard     int    // bytes from the host ever

	asked, resolved bool // the name server answered, with an address
}

// link is a connection: two goroutines that read and write what the loop gives them.
type link struct {
	conn    net.Conn
	send    chan []byte // one at a time, and one more in the end; then it is closed
	want    chan struct{}
	reading bool
	dead    bool  // hangs: nothing passes any more, and nobody is told
	ended   error // what Read said in the end
}

// async runs work in the background for at most dialTimeout, and then, in the loop, the function that it returns as
// done; or discard, where the module has rebooted, hangs or has ended meanwhile.
func (m *Module) async(work func(ctx context.Context) (done, discard func())) {
	boots, ctx := m.boots, m.ctx
	m.owned.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		done, discard := work(ctx)
		if !m.post(func() {
			if boots != m.boots || m.mode == hung {
				discard()
			} else {
				done()
			}
		}) {
			discard()
		}
	})
}

// dial connects to addr and calls done with what came of it.
func (m *Module) dial(addr string, done func(net.Conn, error)) {
	m.dialling = true
	ended := m.ended
	m.async(func(ctx context.Context) (_, _ func()) {
		conn, err := m.o.Dial(ctx, addr)
		discard := func() {
			if err == nil {
				conn.Close()
			}
		}
		return func() {
			if ended != m.ended {
				discard()
				return
			}
			m.dialling = false
			done(conn, err)
		}, discard
	})
}

// resolve finds the address of host and calls done with it.
func (m *Module) resolve(host string, done func(netip.Addr, error)) {
	if a, err := netip.ParseAddr(host); err == nil {
		done(a, nil)
		return
	}
	m.async(func(ctx context.Context) (_, _ func()) {
		var a netip.Addr
		var err error
		switch {
		case m.o.Faults.has(DNSFail):
			err = errNoAddress
		case m.o.Faults.has(DNSZero):
			a = netip.IPv4Unspecified()
		default:
			a, err = m.o.Lookup(ctx, host)
		}
		return func() {
			m.asked = true
			m.resolved = err == nil && !a.IsUnspecified()
			done(a, err)
		}, func() {}
	})
}

// attach takes conn for the connection, if the slot is free.
func (m *Module) attach(conn net.Conn) {
	l := &link{conn: conn, send: make(chan []byte, 2), want: make(chan struct{}, 1)}
	m.link = l
	m.delivered, m.held = 0, nil
	m.owned.Go(func() {
		defer conn.Close()
		for b := range l.send {
			n, err := conn.Write(b)
			m.unsent(len(b) - n)
			m.post(func() { m.written(l, err) })
		}
		waiting, _ := outq.AskStream(conn)
		m.counters.notKnown.Add(uint64(waiting.Waiting))
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	})
	m.owned.Go(func() {
		b := make([]byte, bufferSize)
		for range l.want {
			n, err := conn.Read(b)
			if !m.post(func() { m.arrived(l, b[:n], err) }) {
				m.undelivered(n)
			}
			if err != nil {
				return
			}
		}
	})
	m.busy()
}

// connected is a connection that has just been opened, by either side.
func (m *Module) connected(conn net.Conn) {
	m.attach(conn)
	m.connections++
	if m.mode == data { // no command has opened it
		m.lineEnd = false
	}
	if s := m.ram.get("comm", "open"); s != "0" && !m.faults.strikes(LostOpen) {
		m.say(s)
	}
	if s := m.ram.get("comm", "remote"); s != "0" {
		m.out = append([]byte(s), m.out...)
		m.ripe = len(m.out)
	}
}

// forward writes to the peer what is ripe.
func (m *Module) forward() {
	if m.link == nil || m.sending > 0 || m.ripe == 0 || m.mode == hung {
		return
	}
	m.packet = append(m.packet[:0], m.out[:m.ripe]...)
	m.out = append(m.out[:0], m.out[m.ripe:]...)
	m.sending, m.ripe = len(m.packet), 0
	m.link.send <- m.packet // never waits: there is one at a time
}

func (m *Module) written(l *link, err error) {
	if l != m.link || l.dead {
		return
	}
	m.sending = 0
	if err != nil {
		m.closed(err.Error())
	}
}

// fetch asks the peer for more when there is room to print it.
func (m *Module) fetch() {
	l := m.link
	if l == nil || l.reading || l.ended != nil || len(m.held) > 0 || len(m.tx) >= bufferSize || m.mode == hung || m.mode == booting {
		return
	}
	l.reading = true
	l.want <- struct{}{} // never waits: there is one at a time
}

// arrived takes what was read; b is the link's until the next fetch.
func (m *Module) arrived(l *link, b []byte, err error) {
	if l != m.link || l.dead {
		return
	}
	l.reading, l.ended = false, err
	if len(b) > 0 && m.mode == command {
		m.held = b
		return
	}
	m.deliver(b)
	m.noticeEnd()
}

// release prints what came in while the host was in command mode.
func (m *Module) release() {
	b := m.held
	m.held = nil
	if m.link != nil {
		m.deliver(b)
		m.noticeEnd()
	}
}

func (m *Module) noticeEnd() {
	if m.link == nil || m.link.ended == nil || len(m.held) > 0 {
		return
	}
	why := "the peer closed"
	if err := m.link.ended; err != io.EOF {
		why = err.Error()
	}
	m.closed(why)
}

// closed ends the connection and tells the host, or an attempt at one.
func (m *Module) closed(why string) {
	connected := m.link != nil
	if !connected && !m.dialling {
		return
	}
	m.note("connection closed: %s", why)
	m.hangUp()
	if s := m.ram.get("comm", "close"); connected && s != "0" {
		m.say(s)
	}
	m.reconnect()
}

// reconnect opens a connection to the stored peer after the time of sys autoconn, from
// 2 seconds on; not behind the back of a host that is in command mode.
func (m *Module) reconnect() {
	s := m.ram.num("sys", "autoconn")
	if s < 2 {
		return
	}
	m.after(time.Duration(s)*time.Second, func() {
		switch {
		case m.link != nil || m.dialling:
		case m.mode == data:
			m.open("", "")
		default:
			m.reconnect()
		}
	})
}

// hangUp ends the connection, or an attempt at one, without a word to the host. What the host sent before still leaves.
func (m *Module) hangUp() {
	l := m.link
	m.link, m.dialling, m.held = nil, false, nil
	m.ended++
	if l != nil {
		l.conn.SetDeadline(time.Now().Add(time.Second))
		if len(m.out) > 0 && m.mode != booting {
			l.send <- m.out // never waits: there is one before it at most
			m.out = nil
		}
		close(l.send) // the writer closes the connection, which ends the reader
		close(l.want)
	}
	m.forget()
	m.sending = 0
	m.packet = nil
	m.flush.stop()
	m.idle.stop()
	m.dog.stop()
}

// forget drops what the host sent to a peer that is not there.
func (m *Module) forget() {
	m.unsent(len(m.out))
	m.out, m.ripe = m.out[:0], 0
}

// open connects to host and port, or to those that are stored.
func (m *Module) open(host, port string) {
	if host == "" {
		if host = m.ram.get("ip", "host"); host == "0.0.0.0" {
			host = m.ram.get("dns", "name")
		}
	}
	if port == "" {
		port = m.ram.get("ip", "remote")
	}
	failed := func(err error) {
		m.note("open %s %s: %v", host, port, err)
		m.say("Connect FAILED\r\n")
		if m.fw.failPrompt && m.mode == command {
			m.say(m.prompt())
		}
		m.forget()
		if m.mode == data {
			m.reconnect()
		}
	}
	switch {
	case m.faults.strikes(OpenCrash):
		m.note("fault: crashed by open")
		m.reboot("")
	case m.faults.strikes(ConnectSilent):
		m.note("fault: open without an answer")
	case m.link != nil || m.dialling || m.faults.strikes(SlotBusy):
		m.say("ERR:Connected!\r\n")
	case !m.hasIP:
		failed(fmt.Errorf("no address: not joined"))
	case m.faults.strikes(ConnectFailed):
		failed(fmt.Errorf("fault"))
	default:
		m.dialling = true
		ended := m.ended
		m.resolve(host, func(addr netip.Addr, err error) {
			if ended != m.ended {
				return
			}
			if err == nil && addr.IsUnspecified() {
				err = errNoAddress
			}
			if err != nil {
				m.dialling = false
				failed(err)
				return
			}
			m.dial(net.JoinHostPort(addr.String(), port), func(conn net.Conn, err error) {
				if err != nil {
					failed(err)
					return
				}
				m.note("connected to %s", net.JoinHostPort(host, port))
				m.connected(conn)
				m.mode = data
			})
		})
	}
}

// listen opens the module's server; a port that cannot be had is noted.
func (m *Module) listen() {
	if m.o.Listen == nil || m.listener != nil {
		return
	}
	port := m.ram.num("ip", "localport")
	l, err := m.o.Listen(m.ctx, port)
	if err != nil {
		m.note("listening on port %d: %v", port, err)
		return
	}
	m.listener = l
	m.note("listening on %s", l.Addr())
	m.owned.Go(func() {
		err := accept.Each(m.ctx, l, func(err error) { m.note("%v", err) }, func(conn net.Conn) {
			take := func() bool {
				taken := make(chan bool, 1)
				return m.post(func() { taken <- m.incoming(l, conn) }) && <-taken
			}
			if !take() && !(sleepUntil(m.ctx, time.Now().Add(handover)) && take()) {
				conn.Close()
			}
		})
		if err != nil && !errors.Is(err, net.ErrClosed) { // by unlisten
			m.note("%v", err)
		}
	})
}

// handover is how long a connection waits for the slot: the end of the one before may
// have come first, and not be known yet.
const handover = 50 * time.Millisecond

// incoming takes a connection to the module's server, if the slot is free.
func (m *Module) incoming(l net.Listener, conn net.Conn) bool {
	if l != m.listener || m.link != nil || m.dialling || m.ram.num("ip", "proto")&2 == 0 || m.mode == hung {
		m.note("refused %s: no free slot", conn.RemoteAddr())
		return false
	}
	m.note("connection from %s", conn.RemoteAddr())
	m.connected(conn)
	return true
}

func (m *Module) unlisten() {
	if m.listener != nil {
		m.listener.Close()
		m.listener = nil
	}
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
