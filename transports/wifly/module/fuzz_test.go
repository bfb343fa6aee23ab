package module

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"
)

// still is a module in command mode that nothing moves: what it prints stays in tx,
// timers do not fire, and what it does in the background is discarded.
func still() *Module {
	m, err := New(&Options{
		Dial:   func(context.Context, string) (net.Conn, error) { return nil, errors.ErrUnsupported },
		Lookup: func(context.Context, string) (netip.Addr, error) { return netip.Addr{}, errors.ErrUnsupported },
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m.ctx, m.uart = ctx, newUART(nil, m)
	m.boot()
	m.timers = nil
	m.mode, m.hasIP, m.associated = command, true, true
	return m
}

func (m *Module) typed(b []byte) {
	at := time.Now()
	m.receive(piece{data: b, start: at, end: at})
}

// clocks are what a module prints of the time that has passed since its boot.
var clocks = regexp.MustCompile(`(Boot=|Time=|Uptime: )\d+`)

func timeless(text []byte) []byte { return clocks.ReplaceAll(text, []byte("${1}N")) }

// Whatever a host types, the module answers the same whole and byte by byte, keeps
// its bounds, and holds settings that it can save and read again.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"\r", "$$$", "set uart mode 1\rget everything\r", "set w s a$b\rset opt replace 0x25\rset wlan phrase 50%off\r", "show c\rshow net\rver\rls\r",
		"open 192.0.2.1 80\rclose\rexit\rdata", "set comm $ 0xff\rset comm match ~\rsave x\rload x\rdel x\r", "join # 1\rleave\rscan\r",
		"lookup a.b\rping g\rfactory RESET\r", "set uart raw 250000\rset uart instant 9600\rx", "set comm size 0x\rset comm time -1\r\b\b\x7f", "sleep\rx", "reboot\r\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, typed []byte) {
		whole, single := still(), still()
		whole.typed(bytes.Clone(typed))
		for _, c := range typed {
			single.typed([]byte{c})
		}
		whole.owned.Wait()
		single.owned.Wait()
		if whole.mode != single.mode || !bytes.Equal(timeless(whole.tx), timeless(single.tx)) {
			t.Errorf("%q: whole %d %q, byte by byte %d %q", typed, whole.mode, whole.tx, single.mode, single.tx)
		}
		if len(whole.line) > maxLine || len(whole.tx) > maxText {
			t.Errorf("%d bytes of a line, %d to print", len(whole.line), len(whole.tx))
		}
		stored := whole.ram.format()
		again, err := parseSettings(stored)
		if err != nil || again.format() != stored {
			t.Errorf("settings %q: %v, read again %q", stored, err, again.format())
		}
	})
}

// What is stored is read, printed and read again as the same.
func FuzzSettings(f *testing.F) {
	f.Add("set wlan ssid a b\nset comm open \n# note\nset uart flow 0x1\n")
	f.Fuzz(func(t *testing.T, stored string) {
		s, err := parseSettings(stored)
		if err != nil {
			return
		}
		again, err := parseSettings(s.format())
		if err != nil || again.format() != s.format() {
			t.Errorf("%q: %q, then %q, %v", stored, s.format(), again.format(), err)
		}
	})
}

func FuzzFaults(f *testing.F) {
	f.Add("drop=0.001,clos-after=100,stale-open=[::1]:80,slow-reply=1s")
	f.Fuzz(func(t *testing.T, list string) {
		faults, err := ParseFaults(list)
		if err != nil {
			return
		}
		again, err := ParseFaults(faults.String())
		if err != nil || again.String() != faults.String() {
			t.Errorf("%q: %q, then %q, %v", list, faults, again, err)
		}
	})
}
