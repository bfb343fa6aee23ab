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
	linkPatience = 3 * time.Second // for a module that is joining by itself
	joinWait     = 20 * time.Second
	openWait     = 15 * time.Second
	lookupWait   = 10 * time.Second
)

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
	return s, nil
}

// link sees to it that the module is in its network, with an address: it waits
// for one that is joining, and has others join the stored network.
func (m *Module) link(ctx context.Context) error {
	for deadline := time.Now().Add(linkPatience); ; {
		s, err := m.status(ctx)
		if err != nil {
			return err
		}
		if s.associated() && s.tcp() != tcpNoIP {
			return nil
		}
		if time.Now().After(deadline) {
			return m.join(ctx)
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
}

// join has the module join the stored network and waits for its address. What it
// prints meanwhile tells what fails.
func (m *Module) join(ctx context.Context) error {
	sys, err := m.get(ctx, "sys")
	if err != nil {
		return err
	}
	wlan, err := m.get(ctx, "wlan")
	if err != nil {
		return err
	}
	if err := m.set(ctx, "sys printlvl 1"); err != nil {
		return err
	}
	_, rest, err := m.command(ctx, "join", nil)
	if err != nil {
		return err
	}
	got, err := m.readUntil(ctx, rest, joinWait, func(b []byte) bool {
		s := parseJoin(replyText(wholeLines(b), ""), wlan["ssid"])
		return s.done || s.err != nil || bytes.Contains(b, ready)
	})
	if err != nil {
		return m.broken(err, "join", got)
	}
	text := m.withoutPrompt(replyText(got, "join"))
	state := parseJoin(text, wlan["ssid"])
	if bytes.Contains(got, ready) {
		return fail(ErrRebooted, "join", text)
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	if !state.done && state.err == nil {
		// Firmware differs in what it prints; what counts is this.
		if s, err := m.status(ctx); err == nil && s.associated() && s.tcp() != tcpNoIP {
			state.done = true
		} else if err == nil && s.associated() || state.associated {
			state.err = ErrDHCP
		} else {
			state.err = ErrNotAssociated
		}
	}
	if level, ok := sys["printlvl"]; ok {
		if err := m.set(ctx, "sys printlvl "+level); err != nil {
			return err
		}
	}
	if !state.done {
		return fail(state.err, "join", text)
	}
	return nil
}

// readUntil is await on top of what came before.
func (m *Module) readUntil(ctx context.Context, got []byte, wait time.Duration, done func([]byte) bool) ([]byte, error) {
	var err error
	for deadline := time.Now().Add(wait); !done(got) && time.Now().Before(deadline) && len(got) < replyLimit; {
		if got, err = m.receive(ctx, got, time.Until(deadline)); err != nil {
			return got, err
		}
	}
	return got, nil
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
	got, err := m.readUntil(ctx, nil, lookupWait, func(b []byte) bool {
		before, after, ok := cutPrompt(b, m.prompt)
		return ok && (len(replyText(before, command)) > 0 || len(replyText(wholeLines(after), command)) > 0)
	})
	if err != nil {
		return "", m.broken(err, command, got)
	}
	if err := m.settle(ctx); err != nil {
		return "", err
	}
	text := m.withoutPrompt(replyText(got, command))
	if address := parseLookup(text); address != "" {
		return address, nil
	}
	if len(got) == 0 {
		return "", fail(ErrHung, command, "")
	}
	return "", fail(ErrDNS, command, text)
}

// openTCP opens a connection; rest are the first bytes of its stream.
func (m *Module) openTCP(ctx context.Context, host, port string) (rest []byte, err error) {
	command := "open " + host + " " + port
	m.drop()
	if err := m.send(ctx, command+"\r"); err != nil {
		return nil, err
	}
	mark := []byte(m.opening)
	failures := [][]byte{[]byte("Connect FAILED"), []byte("ERR:"), []byte("Disconn"), ready}
	got, err := m.readUntil(ctx, nil, openWait, func(b []byte) bool {
		for _, word := range failures {
			if bytes.Contains(wholeLines(b), word) {
				return true
			}
		}
		return bytes.Contains(b, mark)
	})
	if err != nil {
		return nil, m.broken(err, command, got)
	}
	if _, rest, ok := bytes.Cut(got, mark); ok {
		return rest, nil
	}
	text := m.withoutPrompt(replyText(got, command))
	switch {
	case bytes.Contains(got, ready):
		return nil, fail(ErrRebooted, command, text)
	case strings.Contains(text, "Connected!"):
		return nil, fail(ErrBusy, command, text)
	case strings.Contains(text, "Disconn"):
		return nil, fail(ErrLinkLost, command, text)
	case strings.Contains(text, "Connect FAILED"):
		return nil, fail(ErrRefused, command, text)
	case isRefusal(text):
		return nil, fail(ErrReply, command, text)
	case len(got) == 0:
		return nil, fail(ErrHung, command, "")
	}
	return nil, m.openSilent(ctx, command, text)
}

// openSilent finds out why neither success nor failure was told.
func (m *Module) openSilent(ctx context.Context, command, text string) error {
	if err := m.sync(ctx, 1); err != nil {
		return err
	}
	s, err := m.status(ctx)
	if err != nil {
		return err
	}
	switch {
	case !s.associated():
		return fail(ErrLinkLost, command, text)
	case s.tcp() == tcpConnected:
		// The opening mark was lost. What came of the stream is not known: begin anew.
		if err := m.hangUp(ctx); err != nil {
			return err
		}
		return fail(ErrReply, command, text)
	}
	return fail(ErrRefused, command, text)
}

// hangUp ends the connection that show c tells of, if there is one. Closing one
// that is closed has crashed modules.
func (m *Module) hangUp(ctx context.Context) error {
	s, err := m.status(ctx)
	if err != nil || s.tcp() != tcpConnected && s.tcp() != tcpConnecting {
		return err
	}
	if err := m.send(ctx, "close\r"); err != nil {
		return err
	}
	// The prompt follows the string for a closed connection, in the same line.
	if _, err := m.await(ctx, replyWait, func(b []byte) bool { return bytes.Contains(b, []byte(m.prompt)) }); err != nil {
		return m.broken(err, "close", nil)
	}
	return m.settle(ctx)
}

// exit leaves command mode, and returns what came before that and behind it. That
// EXIT is not seen means nothing: the next session finds out anyway.
func (m *Module) exit(ctx context.Context) (before, rest []byte, err error) {
	if err := m.send(ctx, "exit\r"); err != nil {
		return nil, nil, err
	}
	const left = "EXIT\r\n"
	got, err := m.await(ctx, promptWait, func(b []byte) bool { return bytes.Contains(b, []byte(left)) })
	before, rest, _ = bytes.Cut(got, []byte(left))
	return before, rest, err
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
