package module

import (
	"bytes"
	"time"
)

// receive takes a piece from the host.
func (m *Module) receive(p piece) {
	quiet := p.start.Sub(m.last) >= guard
	m.last = p.end
	if f, ok := m.faults.find(HangAfter); ok && m.mode != hung {
		if m.heard += len(p.data); m.heard >= int(f.N) {
			m.note("fault: hung")
			m.hang()
		}
	}
	for b := p.data; len(b) > 0; quiet = false {
		n, ended := len(b), m.lineEnd
		m.lineEnd = false
		switch {
		case ended && b[0] == '\n': // of the command, whatever that has begun meanwhile
			n = 1
		case m.mode == asleep: // these bytes are lost, but wake it up
			m.note("module: woken by the host")
			m.boot()
		case m.mode == data:
			n = m.receiveData(b, quiet)
		case m.mode == command:
			n = m.receiveCommand(b)
		}
		b = b[n:]
	}
}

// receiveData takes bytes in data mode: all for the peer but an escape, three
// characters with silence before and after. It returns how many it took.
func (m *Module) receiveData(b []byte, quiet bool) int {
	char := byte(m.ram.num("comm", "$"))
	if quiet && m.escapes > 0 { // the timer was late
		m.endEscape()
		if m.mode != data {
			return 0
		}
	}
	n := 0
	if quiet || m.escapes > 0 {
		for n < len(b) && m.escapes < 3 && b[n] == char {
			m.escapes++
			n++
		}
	}
	if m.escapes > 0 {
		m.escape.stop()
		if n == len(b) {
			m.escape = m.after(time.Until(m.last.Add(guard)), m.endEscape)
			return n
		}
		m.releaseEscape()
	}
	m.send(b[n:])
	return len(b)
}

// endEscape is the silence behind characters of an escape.
func (m *Module) endEscape() {
	if m.escapes < 3 {
		m.releaseEscape()
		return
	}
	m.escapes = 0
	m.escape.stop()
	if m.o.Faults.has(HangEscape) && m.connections > 0 {
		m.note("fault: hung by the escape")
		m.hang()
		return
	}
	m.mode = command
	m.line, m.long = m.line[:0], false
	m.note("module: command mode")
	m.inTime(func() { m.reply("CMD\r\n") }, SlowReply)
	if m.o.Faults.has(CommandSilent) {
		m.hang()
	}
}

// releaseEscape sends what was held back: it was no escape.
func (m *Module) releaseEscape() {
	held := bytes.Repeat([]byte{byte(m.ram.num("comm", "$"))}, m.escapes)
	m.escapes = 0
	m.escape.stop()
	m.send(held)
}

// send puts bytes of the host in line for the peer.
func (m *Module) send(b []byte) {
	if len(b) == 0 {
		return
	}
	if m.link == nil && !m.dialling {
		if m.ram.num("uart", "mode")&2 == 0 {
			return // nobody is there
		}
		m.open("", "") // "connect on UART data": these bytes are its first
	}
	b = m.faults.dropBytes(DropRx, b)
	if room := m.room(); len(b) > room && !m.uart.flow.Load() {
		m.counters.overruns.Add(uint64(len(b) - max(room, 0)))
		b = b[:max(room, 0)]
	}
	m.counters.fromHost.Add(uint64(len(b)))
	before := len(m.out)
	m.out = append(m.out, b...)
	if match := m.ram.num("comm", "match"); match != 0 {
		if i := bytes.LastIndexByte(b, byte(match)); i >= 0 {
			m.ripe = before + i + 1
		}
	}
	if len(m.out)-m.ripe >= m.ram.num("comm", "size") {
		m.ripe = len(m.out)
	}
	m.flush.stop()
	if wait := m.ram.num("comm", "time"); wait > 0 && m.ripe < len(m.out) {
		m.flush = m.after(time.Duration(wait)*time.Millisecond, func() { m.ripe = len(m.out) })
	}
	m.busy()
}

// room is what the buffer towards the peer has left.
func (m *Module) room() int { return bufferSize - len(m.out) - m.sending }

// full reports that the host has to wait: it honours RTS, and the next piece might not fit.
func (m *Module) full() bool {
	return m.mode == data && m.uart.flow.Load() && (m.link != nil || m.dialling) && m.room() < m.uart.atOnce()
}

// deliver prints bytes of the peer.
func (m *Module) deliver(b []byte) {
	for _, after := range []struct {
		kind FaultKind
		do   func()
	}{{ClosAfter, func() { m.closed("fault: " + string(ClosAfter)) }}, {RebootAfter, func() { m.note("fault: watchdog"); m.reboot("") }}, {AssocLostAfter, m.lose}} {
		f, ok := m.faults.find(after.kind)
		if ok && m.delivered+len(b) >= int(f.N) && m.faults.times[after.kind] == 0 {
			m.faults.times[after.kind] = 1
			m.print(b[:max(int(f.N)-m.delivered, 0)])
			after.do()
			return
		}
	}
	m.print(b)
	m.busy()
}

func (m *Module) print(b []byte) {
	m.delivered += len(b)
	b = m.faults.dropBytes(DropTx, b)
	m.counters.toHost.Add(uint64(len(b)))
	m.tx = append(m.tx, b...)
}

// busy puts off the end by comm idle, and that by a fault.
func (m *Module) busy() {
	m.idle.stop()
	m.dog.stop()
	if f, ok := m.faults.find(RebootIdle); ok && m.link != nil && m.faults.times[RebootIdle] == 0 {
		m.dog = m.after(f.Every, func() {
			m.faults.times[RebootIdle] = 1
			m.note("fault: watchdog")
			m.reboot("")
		})
	}
	if s := m.ram.num("comm", "idle"); s > 0 && m.link != nil {
		m.idle = m.after(time.Duration(s)*time.Second, func() { m.closed("idle") })
	}
}
