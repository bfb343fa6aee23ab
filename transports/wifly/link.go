package wifly

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	linkPatience = 15 * time.Second // for a module that is joining by itself
	joinWait     = 20 * time.Second
	openWait     = 15 * time.Second
	openProbe    = 5 * time.Second // of silence behind open, before it is asked how that goes
	openPause    = 500 * time.Millisecond
	lookupWait   = 10 * time.Second
	exitTries    = 3
	reserve      = 3 * time.Second // of a context, to find out and say what is wrong
)

// within is wait, or less where ctx ends before that: time is left to say more than that it is up.
func within(ctx context.Context, wait time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(end)-reserve, 0))
	}
	return wait
}

// status asks for show connection.
func (m *Module) status(ctx context.Context) (status, error) {
	text, err := m.ask(ctx, "show c", func(text string) bool { _, ok := parseStatus(text); return ok })
	if err != nil {
		return 0, err
	}
	s, ok := parseStatus(text)
	if !ok {
		return 0, fail(ErrReply, "show c", text)
	}
	m.stands = s
	return s, nil
}

// up reports whether the module is in its network and has an address.
func (s status) up() bool { return s.associated() && s.tcp() != tcpNoIP }

// link sees to it that the module is in its network, with an address: it waits
// for one that is joining by itself, and has others join the stored network.
func (m *Module) link(ctx context.Context) error {
	s, err := m.status(ctx)
	if err != nil || s.up() {
		return err
	}
	wlan, err := m.get(ctx, "wlan")
	if err != nil {
		return err
	}
	if mode, ok := parseNumber(wlan["join"]); ok && mode == 0 && !s.associated() {
		return m.join(ctx)
	}
	return wepToo(wlan, m.loudly(ctx, func() error { return m.awaitLink(ctx, wlan["ssid"]) }))
}

// wepToo says of a missing lease that the key may be wrong: an access point with WEP does not have to tell.
func wepToo(wlan settings, err error) error {
	var e *Error
	if errors.Is(err, ErrDHCP) && errors.As(err, &e) && strings.EqualFold(wlan["auth"], "wep") {
		e.Hint = "with WEP a wrong key looks like that too; ws76 wifly setup --auth wep sets it"
	}
	return err
}

// loudly does what a module is to say more of than it does in a session.
func (m *Module) loudly(ctx context.Context, do func() error) error {
	sys, err := m.get(ctx, "sys")
	if err != nil {
		return err
	}
	level, known := sys["printlvl"]
	if n, ok := parseNumber(level); ok && n&1 != 0 {
		return do()
	}
	if err := m.change(ctx, "sys printlvl", "1", level); err != nil {
		return err
	}
	err = do()
	if !known || err != nil && !quietEnd(err) {
		return err
	}
	return errors.Join(err, m.change(ctx, "sys printlvl", level, "1"))
}

// quietEnd reports whether the module still answers after err: what went wrong is in its network.
func quietEnd(err error) bool {
	var e *Error
	return errors.As(err, &e) && !e.Local()
}

// awaitLink waits for a module that joins by itself. If it fails at that, or takes too long, it is told to.
func (m *Module) awaitLink(ctx context.Context, ssid string) error {
	m.said = m.said[:0]
	var s status
	for deadline := time.Now().Add(within(ctx, linkPatience)); time.Now().Before(deadline); {
		if _, err := m.receive(ctx, nil, 250*time.Millisecond); err != nil {
			return m.broken(err, "waiting for the module to join", "")
		}
		if parseJoin(m.reader("").text(wholeLines(m.said)), ssid).err != nil {
			break
		}
		var err error
		if s, err = m.status(ctx); err != nil || s.up() {
			return err
		}
	}
	if s.associated() {
		return fail(ErrDHCP, "waiting for an address", "")
	}
	return m.join(ctx)
}

// join has the module join the stored network and waits for its address. What it prints meanwhile tells what fails.
func (m *Module) join(ctx context.Context) error {
	wlan, err := m.get(ctx, "wlan")
	if err != nil {
		return err
	}
	return wepToo(wlan, m.loudly(ctx, func() error { return m.joinNetwork(ctx, wlan["ssid"]) }))
}

func (m *Module) joinNetwork(ctx context.Context, ssid string) error {
	text, rest, err := m.command(ctx, "join", nil)
	if err != nil {
		return err
	}
	if isRefusal(text) {
		return fail(ErrReply, "join", text)
	}
	r := m.reader("join")
	got, err := m.readUntil(ctx, rest, within(ctx, joinWait), func(b []byte) bool {
		text := r.text(wholeLines(b))
		s := parseJoin(text, ssid)
		return s.done || s.err != nil || isRefusal(text) || bytes.Contains(b, ready)
	})
	text = r.text(got)
	if err != nil {
		return m.broken(err, "join", text)
	}
	if bytes.Contains(got, ready) {
		return fail(ErrRebooted, "join", text)
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	state := parseJoin(text, ssid)
	if state.done {
		return nil
	}
	if isRefusal(text) {
		return fail(ErrReply, "join", text)
	}
	if state.err == nil {
		// Firmware differs in what it prints; what counts is this.
		s, err := m.status(ctx)
		switch {
		case err != nil:
			return err
		case s.up():
			return nil
		case s.associated() || state.associated:
			state.err = ErrDHCP
		default:
			state.err = ErrNotAssociated
		}
	}
	return fail(state.err, "join", text)
}

// resolve returns the address of a host as the module sees it.
func (m *Module) resolve(ctx context.Context, host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a = a.Unmap(); !a.Is4() {
			return "", &Error{Kind: ErrDNS, Doing: "resolve " + host, Hint: "the module knows IPv4 only"}
		}
		return a.String(), nil
	}
	command := "lookup " + host
	m.drop()
	if err := m.send(ctx, command+"\r"); err != nil {
		return "", err
	}
	// Success is told by NAME=ADDRESS, before or behind the prompt; failure in many ways.
	r := m.reader(command)
	got, err := m.readUntil(ctx, nil, within(ctx, lookupWait), func(b []byte) bool {
		parts, rest := r.split(b)
		if len(parts) == 0 {
			return false
		}
		return r.text(bytes.Join(parts, nil)) != "" || r.text(wholeLines(rest)) != ""
	})
	text := r.text(got)
	if err != nil {
		return "", m.broken(err, command, text)
	}
	if err := m.settle(ctx); err != nil {
		return "", err
	}
	if address := parseLookup(text); address != "" {
		return address, nil
	}
	if len(got) == 0 {
		return "", fail(ErrHung, command, "")
	}
	if strings.Contains(text, "ERR: ?") { // not the command
		return "", fail(ErrReply, command, text)
	}
	return "", fail(ErrDNS, command, text)
}

// openTCP opens a connection; rest are the first bytes of its stream. One that is refused is tried once more.
func (m *Module) openTCP(ctx context.Context, host, port string) (rest []byte, err error) {
	rest, err = m.openOnce(ctx, host, port)
	if !errors.Is(err, ErrRefused) || within(ctx, openPause) < openPause {
		return rest, err
	}
	if sleep(ctx, openPause) != nil || m.hangUp(ctx) != nil {
		return nil, err
	}
	return m.openOnce(ctx, host, port)
}

func (m *Module) openOnce(ctx context.Context, host, port string) (rest []byte, err error) {
	command := "open " + host + " " + port
	r := m.reader(command)
	m.drop()
	m.said = m.said[:0]
	m.opens = true
	m.books.setOpen(true) // soon, maybe
	defer func() { m.opens = ctx.Err() != nil }()
	if err := m.send(ctx, command+"\r"); err != nil {
		return nil, err
	}
	began := time.Now()
	told := func(b []byte) bool {
		return bytes.Contains(b, []byte(m.opening)) || m.openFailure(command, b) != nil || isRefusal(r.text(wholeLines(b)))
	}
	got, err := m.readUntil(ctx, nil, within(ctx, openProbe), told)
	for {
		text := r.text(got)
		if err != nil {
			return nil, m.broken(err, command, text)
		}
		if err := m.openFailure(command, got); err != nil {
			return nil, err
		}
		if _, rest, ok := bytes.Cut(got, []byte(m.opening)); ok {
			return rest, nil
		}
		if isRefusal(text) {
			return nil, fail(ErrReply, command, text)
		}
		s, rest, unclear := m.probe(ctx)
		late := time.Since(began) >= within(ctx, openWait)
		switch {
		case errors.Is(unclear, ErrHung) && !late: // busy with it
		case unclear != nil:
			return nil, unclear
		case bytes.Contains(m.said, []byte(m.opening)): // what it was asked with may be in the stream
			return nil, errors.Join(m.hangUp(ctx), fail(ErrReply, command, text))
		case m.openFailure(command, m.said) != nil:
			return nil, m.openFailure(command, m.said)
		case s.tcp() == tcpConnected: // the string was lost
			return rest, nil
		case !s.associated():
			return nil, fail(ErrLinkLost, command, text)
		case late || s.tcp() != tcpConnecting:
			return nil, fail(ErrRefused, command, text)
		}
		got, err = m.readUntil(ctx, nil, time.Second, told)
	}
}

// openFailure is what the module says of an open that has failed, nil if it does not.
func (m *Module) openFailure(command string, got []byte) error {
	r := m.reader(command)
	text := r.text(wholeLines(got))
	switch {
	case bytes.Contains(got, []byte(m.opening)) && !bytes.Contains(got, ready):
		return nil
	case bytes.Contains(got, ready):
		return fail(ErrRebooted, command, text)
	case bytes.Contains(got, []byte(m.closing)):
		e := fail(ErrRefused, command, "")
		e.Hint = "it was opened, and closed again at once; is that the right port?"
		return e
	}
	for _, failure := range []struct {
		word string
		kind error
	}{{"ERR:Connected!", ErrBusy}, {"Disconn", ErrLinkLost}, {"Connect FAILED", ErrRefused}} {
		if strings.Contains(text, failure.word) {
			return fail(failure.kind, command, text)
		}
	}
	return nil
}

// probe finds out how it stands with a connection of which nothing was said. If it is
// open, rest are the first bytes of its stream, and command mode is left.
func (m *Module) probe(ctx context.Context) (s status, rest []byte, err error) {
	if err := m.sync(ctx, 1); err != nil {
		return 0, nil, err
	}
	if s, err = m.status(ctx); err != nil || s.tcp() != tcpConnected {
		return s, nil, err
	}
	if bytes.Contains(m.said, []byte(m.opening)) {
		return s, nil, nil
	}
	_, rest, err = m.exit(ctx)
	return s, rest, err
}

// HangUp ends the TCP connection that the module has, if there is one.
func (m *Module) HangUp(ctx context.Context) error { return m.hangUp(ctx) }

// hangUp ends the connection that show c tells of, if there is one. Closing one that is closed has crashed modules.
func (m *Module) hangUp(ctx context.Context) error {
	s, err := m.status(ctx)
	if err != nil {
		return err
	}
	return m.end(ctx, s)
}

// end is hangUp of a module that stands so.
func (m *Module) end(ctx context.Context, s status) error {
	if s.tcp() != tcpConnected && s.tcp() != tcpConnecting {
		m.books.setOpen(false)
		return nil
	}
	if err := m.send(ctx, "close\r"); err != nil {
		return err
	}
	// The prompt follows the string for a closed connection, in the same line.
	if _, err := m.await(ctx, replyWait, func(b []byte) bool { return bytes.Contains(b, []byte(m.prompt)) }); err != nil {
		return m.broken(err, "close", "")
	}
	m.books.setOpen(false)
	return m.settle(ctx)
}

// exit leaves command mode, and returns what came before that and behind it, nil where EXIT
// is not seen. That means nothing: the next session finds out anyway.
func (m *Module) exit(ctx context.Context) (before, rest []byte, err error) {
	if err := m.send(ctx, "exit\r"); err != nil {
		return nil, nil, err
	}
	m.books.setCommand(false)
	const left = "EXIT\r\n"
	got, err := m.await(ctx, promptWait, func(b []byte) bool { return bytes.Contains(b, []byte(left)) })
	before, rest, _ = bytes.Cut(got, []byte(left))
	return before, rest, err
}

// quit is exit at the end of a session, without a connection: where something else is said
// than EXIT, as over a line that spoils it, exit is sent again.
func (m *Module) quit(ctx context.Context) (err error) {
	stuck := false
	for range exitTries {
		var before, rest []byte
		before, rest, err = m.exit(ctx)
		if rest != nil || err == nil && len(bytes.TrimSpace(before)) == 0 {
			return err
		}
		if stuck = stuck || len(bytes.TrimSpace(before)) > 0; err != nil {
			break
		}
	}
	m.books.setStuck(stuck)
	return err
}

// splitAddr checks an address to dial.
func splitAddr(addr string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(addr)
	if err != nil {
		return "", "", err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", errors.New("the module wants a port by its number")
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n$") {
		return "", "", errors.New("no name of a host that the module could be given")
	}
	return host, port, nil
}
