package wifly

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A knob is a setting that a session needs to have another value than the stored
// one: changed in RAM only, put back at the end.
type knob struct {
	name     string // after "set"
	key      string // in the reply to get
	value    string
	optional bool // older firmware does not know it
}

// groups are what get is asked for, so that old values are known.
var groups = []string{"uart", "comm", "sys", "ip"}

// needed are the keys of those replies that every firmware has: without them it is not known what to put back.
var needed = map[string][]string{
	"uart": {"mode"}, "comm": {"open", "close", "remote"}, "sys": {"printlvl"}, "ip": {"ip"}, "wlan": {"ssid"},
}

// knobs are the settings of a session.
func (m *Module) knobs() []knob {
	proto := "8" // a client only: no port scanner can take the module's one connection
	if m.server {
		proto = "2"
	}
	return []knob{
		{name: "comm open", key: "open", value: m.opening},  // the first to be set and the last to be put back: see isLeftover
		{name: "sys printlvl", key: "printlvl", value: "0"}, // no chatter in the stream
		{name: "sys autoconn", key: "autoconn", value: "0"}, // connections are made by the driver alone
		{name: "comm remote", key: "remote", value: "0"},    // *HELLO* in front of a request breaks it
		{name: "comm close", key: "close", value: m.closing},
		{name: "comm idle", key: "idletimer", value: "0"},
		{name: "comm size", key: "flushsize", value: "1420"}, // the largest: frames leave in few packets
		{name: "comm time", key: "flushtimer", value: "5"},   // milliseconds
		{name: "comm match", key: "matchchar", value: "255"}, // and at once at the end of a frame
		{name: "ip flags", key: "flags", value: "0x6", optional: true},
		{name: "ip proto", key: "proto", value: proto, optional: true},
		{name: "ip tcp-mode", key: "tcpmode", value: "0x10", optional: true}, // peers do not get command mode by $$$
	}
}

// configure makes the settings those of a session, in RAM, and keeps what they
// were for restore. It may be called again, where the first time was cut short.
func (m *Module) configure(ctx context.Context, server bool) error {
	m.server = server
	m.newMarks()
	old, err := m.current(ctx)
	if err != nil {
		return err
	}
	switch {
	case m.old != nil:
	case isLeftover(old):
		if err := m.reboot(ctx, m.Baud(), leftover); err != nil {
			return err
		}
		if old, err = m.current(ctx); err != nil {
			return err
		}
	default: // what was left of a session before has gone with a reboot
		m.books.forget(uartMode)
	}
	if m.old == nil {
		m.old = old
	}
	for _, k := range m.knobs() {
		have, known := old[k.key]
		if known && sameValue(k.name, have, k.value) || !known && k.optional {
			continue
		}
		was, found := m.old[k.key]
		if found {
			was = settable(k.name, was)
		}
		if err := m.change(ctx, k.name, k.value, was); err != nil && !(k.optional && errors.Is(err, ErrReply)) {
			return err
		}
	}
	now, err := m.get(ctx, "comm")
	if err != nil {
		return err
	}
	if now["open"] != m.opening || now["close"] != m.closing {
		return fail(ErrReply, "setting comm open and close", fmt.Sprintf("%s, %s", now["open"], now["close"]))
	}
	return nil
}

// leftover is why a module is rebooted that has what isLeftover reports.
const leftover = "it has settings of a connection that was cut short, and a reboot drops them"

// isLeftover reports whether a module, of which "get comm" says this, is as a session
// has left it that was cut short, killed say. What that has set in the module's RAM
// is to be neither saved nor put back as if it were the user's: a reboot drops it.
func isLeftover(comm settings) bool { return strings.HasPrefix(comm["open"], string(markStart)) }

// current asks for the settings that a session changes, and ends the echo.
func (m *Module) current(ctx context.Context) (settings, error) {
	all := settings{}
	for _, group := range groups {
		s, err := m.get(ctx, group)
		if err != nil {
			return nil, err
		}
		for _, key := range needed[group] {
			if _, ok := s[key]; !ok {
				return nil, fail(ErrReply, "get "+group, "no "+strings.ToUpper(key)+"=")
			}
		}
		for key, value := range s {
			if _, ok := all[key]; !ok { // "ip" and "comm" share no key that matters
				all[key] = value
			}
		}
		if group == "uart" { // its echo would be in the way of what follows
			mode, _ := parseNumber(s["mode"])
			if err := m.change(ctx, uartMode, strconv.FormatInt(mode&^0x23|1, 10), s["mode"]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// restore puts back what is not as it was, the latest change first: that of the UART's
// mode comes last then, which may make the prompt another text. It goes on after a refusal.
func (m *Module) restore(ctx context.Context) error {
	var first error
	for _, c := range slices.Backward(m.books.list()) {
		var err error
		if mode, ok := parseNumber(c.was); ok && c.name == uartMode {
			err = m.setMode(ctx, mode)
		} else if c.was != "" {
			err = m.set(ctx, c.name, c.was)
		}
		if err != nil && first == nil {
			first = err
		}
		if err != nil && !errors.Is(err, ErrReply) { // the module is gone
			break
		}
	}
	m.old = nil
	return first
}

// newMarks makes the strings by which the module tells of a connection's begin and end: random, so that no payload has
// them, and printable, since what firmware does with other bytes in a command is not known.
func (m *Module) newMarks() {
	mark := func() string {
		b := make([]byte, 10)
		rand.Read(b)
		for i := range b {
			b[i] = "abcdefghijkmnpqrstuvwxyz23456789"[b[i]&31]
		}
		return string(markStart) + string(b)
	}
	m.opening = mark()
	half := mark()
	m.closing = half + half
}

// protocols are the names that get ip has for the bits of ip proto.
var protocols = map[string]string{"UDP": "1", "TCP": "2", "TCP_CLIENT": "8", "HTTP": "16"}

// settable turns a value as get shows it into one as set takes it.
func settable(name, value string) string {
	switch {
	case name == "ip proto":
		var bits int64
		for word := range strings.SplitSeq(strings.TrimRight(value, ","), ",") {
			n, _ := parseNumber(protocols[strings.TrimSpace(word)])
			bits |= n
		}
		if n, ok := parseNumber(value); ok {
			bits = n
		}
		return strconv.FormatInt(max(bits, 2), 10)
	case value == "":
		return "0" // no string
	}
	return strings.ReplaceAll(value, " ", "$")
}

// sameValue reports whether a value of get is that of set: numbers may be written differently.
func sameValue(name, have, want string) bool {
	have = settable(name, have)
	a, ok1 := parseNumber(have)
	b, ok2 := parseNumber(want)
	return have == want || ok1 && ok2 && a == b
}

func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}
