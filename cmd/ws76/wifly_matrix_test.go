package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports/wifly"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// matrixRates are those at which each case is tried.
var matrixRates = []int{9600, 19200, 115200}

// matrixFaults are what the module does, as in --fault; "" is nothing.
var matrixFaults = []string{
	"", "boot-garbage", "stale-command", "stale-open=192.0.2.7:7", "lost-reply=1", "half-reply=1", "slow-reply=700ms", "late-prompt=2.5s", "chatter=1s",
	"boot-silent", "escape-changed", "command-silent", "hang-after=0", "hang-after=500", "hang-escape", "hang-restore",
	"wrong-baud=57600", "no-ap", "auth-failed", "dhcp-failed", "slow-dhcp=5s", "dns-zero", "dns-fail",
	"connect-failed", "connect-failed=1", "connect-silent", "slot-busy", "slot-busy=1", "open-crash", "open-crash=1", "lost-open",
	"clos-after=20", "clos-after=300", "assoc-lost-after=20", "assoc-lost-after=300", "drop-rx=0.2", "drop-tx=0.2", "reboot-after=20", "reboot-after=300", "reboot-idle=500ms",
	"scan-no-prompt", "bad-config",
}

// matrixText makes a message long enough for what strikes within a connection.
var matrixText = strings.Repeat("words ", 20)

// matrixCommands are what is run, by the words of the table.
var matrixCommands = []struct {
	name string
	args []string
}{
	{"connect", []string{"connect", "ws://device.example/", "--via", "wifly:///dev/module-PORT?baud=RATE", "--no-stdin", matrixText + "1", matrixText + "2", matrixText + "3"}},
	{"serve", []string{"serve", "--echo", "--listen", "wifly:///dev/module-PORT?baud=RATE"}},
	{"info", []string{"wifly", "info", "-p", "wifly:///dev/module-PORT?baud=RATE"}},
	{"scan", []string{"wifly", "scan", "-p", "wifly:///dev/module-PORT?baud=RATE"}},
	{"setup", []string{"wifly", "setup", "-p", "wifly:///dev/module-PORT?baud=RATE", "--ssid", "other", "--channel", "6"}},
}

// port numbers the modules: the driver has each once at a time.
var port atomic.Int64

// matrixKinds are the causes that errors name.
var matrixKinds = []error{
	wifly.ErrNoAnswer, wifly.ErrWrongBaud, wifly.ErrReply, wifly.ErrNotSaved, wifly.ErrNotAssociated, wifly.ErrAuth, wifly.ErrOtherAuth, wifly.ErrDHCP, wifly.ErrDNS, wifly.ErrRefused,
	wifly.ErrBusy, wifly.ErrLinkLost, wifly.ErrRebooted, wifly.ErrHung, wifly.ErrLate, wifly.ErrUnplugged,
}

// matrixCauses are those that are no kinds: what is known of a stream.
var matrixCauses = []string{"the module says that the TCP connection is closed", "bytes may have been lost on the serial line"}

// A matrixCase is one run of a command.
type matrixCase struct {
	command  int
	fault    string
	firmware string
	rate     int
}

// outcome is how it ended: "ok" or the exit code and what the error says.
func (c matrixCase) run(t *testing.T, result *string) {
	synctest.Test(t, func(t *testing.T) {
		air := new(air)
		faults, err := rn131.ParseFaults(c.fault)
		if err != nil {
			t.Fatal(err)
		}
		line := newWire()
		settings := "set wlan ssid lab\nset comm open *HERE*\nset comm time 33\n"
		module, err := rn131.New(&rn131.Options{
			Firmware: c.firmware, Baud: c.rate, Settings: settings, Running: runningWith(c.fault), Faults: faults, Seed: 1,
			Networks: []rn131.Network{{SSID: "lab", Channel: 11}, {SSID: "END:", Channel: 6, Phrase: "12345678"}, {SSID: "other"}},
			HostRate: line.rate.Load, Dial: air.dial, Listen: air.listen, Save: func(string) error { return nil },
			Lookup: func(context.Context, string) (netip.Addr, error) { return netip.MustParseAddr("192.0.2.1"), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { module.Serve(ctx, moduleEnd{line, new([]byte)}) })
		time.Sleep(300 * time.Millisecond) // somewhere in its boot
		before := module.State()
		var out transcript
		commanding, end := context.WithCancelCause(ctx)
		if command := matrixCommands[c.command]; command.name == "serve" {
			running.Go(func() { air.visit(commanding, &out, func() { end(app.SignalError{Sig: os.Interrupt}) }) })
		}
		args := []string{"ws76"}
		for _, arg := range matrixCommands[c.command].args {
			args = append(args, strings.NewReplacer("RATE", fmt.Sprint(c.rate), "PORT", fmt.Sprint(port.Add(1))).Replace(arg))
		}
		code := runMain(commanding, args, &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }},
			UART: func(_ context.Context, baud int) (net.Conn, error) { return line.open(baud), nil }})
		end(nil)
		after := module.State()
		cancel()
		running.Wait()
		air.running.Wait()
		*result = c.judge(t, code, out.String(), before, after)
	})
}

// runningWith reports whether the module was switched on long before the command.
func runningWith(fault string) bool {
	for _, boots := range []string{"boot-garbage", "no-ap", "auth-failed", "dhcp-failed", "slow-dhcp"} {
		if strings.HasPrefix(fault, boots) {
			return false
		}
	}
	return true
}

// judge returns the words for the table, and fails the test for what never may be.
func (c matrixCase) judge(t *testing.T, code int, out string, before, after rn131.State) string {
	name := matrixCommands[c.command].name
	failed := func(format string, args ...any) {
		t.Errorf("%s, %q, %s, %d baud: %s\n%s", name, c.fault, c.firmware, c.rate, fmt.Sprintf(format, args...), out)
	}
	if strings.Contains(out, "could not be put back") && !after.Hung {
		failed("it answers, and its settings are not put back")
	}
	saved := name == "setup" && (code == app.ExitOK || strings.Contains(out, "saved"))
	if !saved && after.Settings != before.Settings && !strings.Contains(out, "could not be put back") {
		failed("settings changed without a word: %s", diff(before.Settings, after.Settings))
	}
	if after.Command && !before.Command && !after.Hung {
		failed("it is left in command mode")
	}
	if line, again := repeated(out); again != "" {
		failed("%q is twice in %q", again, line)
	}
	switch {
	case name == "serve" && strings.Contains(out, "served the visitor"):
		return "ok"
	case code != app.ExitOK:
	case name == "connect" && strings.Count(out, matrixText) != 3:
		failed("it says that all is well, and echoes are missing")
	case name == "scan" && c.fault != "no-ap" && (!strings.Contains(out, "lab ") || !strings.Contains(out, "END: ")):
		failed("networks are missing")
	default:
		return "ok"
	}
	for _, kind := range matrixKinds {
		if strings.Contains(out, kind.Error()) {
			return fmt.Sprintf("%d: %s", code, strings.TrimPrefix(kind.Error(), "the module "))
		}
	}
	for _, cause := range matrixCauses {
		if strings.Contains(out, cause) {
			return fmt.Sprintf("%d: %s", code, cause)
		}
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return fmt.Sprintf("%d: %s", code, lines[len(lines)-1])
}

// repeated finds a part of an error that is in its line twice.
func repeated(out string) (line, part string) {
	for line := range strings.SplitSeq(out, "\n") {
		if !strings.HasPrefix(line, "ws76: ") {
			continue
		}
		seen := map[string]bool{}
		for _, part := range strings.FieldsFunc(line, func(r rune) bool { return r == ':' || r == ';' }) {
			if part = strings.TrimSpace(part); len(part) > 8 && seen[part] {
				return line, part
			}
			seen[part] = true
		}
	}
	return "", ""
}

func diff(a, b string) string {
	var lines []string
	for line := range strings.SplitSeq(b, "\n") {
		if !strings.Contains(a, line+"\n") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// TestWiflyMatrix tries every fault with every command, each with one firmware and rate,
// in turn, and compares with the table of docs/wifly.md, or with -update writes it.
// WS76_MATRIX=all tries each with each, which takes minutes; the table is the same. Time
// passes as the module waits.
func TestWiflyMatrix(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("too many cases for that")
	}
	started := make(chan os.Signal, 1)
	signal.Notify(started, syscall.SIGHUP) // its goroutine must not be one of a bubble
	defer signal.Stop(started)
	var mu sync.Mutex
	cells := map[[2]string]map[string]int{}
	jobs := make(chan matrixCase)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range jobs {
				var result string
				var running sync.WaitGroup
				running.Go(func() { c.run(t, &result) }) // a failure ends its goroutine
				running.Wait()
				mu.Lock()
				key := [2]string{c.fault, matrixCommands[c.command].name}
				if cells[key] == nil {
					cells[key] = map[string]int{}
				}
				cells[key][result]++
				mu.Unlock()
			}
		})
	}
	turn := 0
	for _, fault := range matrixFaults {
		for command := range matrixCommands {
			for j, firmware := range rn131.Firmwares() {
				for k, rate := range matrixRates {
					turns := len(rn131.Firmwares()) * len(matrixRates)
					if os.Getenv("WS76_MATRIX") == "all" || turn%turns == j*len(matrixRates)+k {
						jobs <- matrixCase{command, fault, firmware, rate}
					}
				}
			}
			turn++
		}
	}
	close(jobs)
	workers.Wait()
	golden(t, "../../docs/wifly.md", matrixTable(cells))
}

// matrixTable is the table. Where firmware or rate make a difference all results are
// in the cell.
func matrixTable(cells map[[2]string]map[string]int) string {
	var b strings.Builder
	b.WriteString("| fault |")
	for _, c := range matrixCommands {
		fmt.Fprintf(&b, " %s |", c.name)
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(matrixCommands)+1) + "\n")
	for _, fault := range matrixFaults {
		name := "none"
		if fault != "" {
			name = "`" + fault + "`"
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range matrixCommands {
			results := slices.Sorted(maps.Keys(cells[[2]string{fault, c.name}]))
			fmt.Fprintf(&b, " %s |", strings.Join(results, "; "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// golden compares text with what is between the marks in a file, or puts it there
// with -update.
func golden(t *testing.T, path, text string) {
	const from, to = "<!-- matrix, by TestWiflyMatrix -->\n", "<!-- /matrix -->\n"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(content), from)
	have, tail, ok2 := strings.Cut(rest, to)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has no marks for the table", path)
	case have == text:
	case *update:
		if err := os.WriteFile(path, []byte(head+from+text+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table of %s is stale; go test -run TestWiflyMatrix -update writes it:\n%s", path, text)
	}
}

// TestWiflyAuto: the rate of a module that was switched on a moment ago is found within 20 s, and what takes so long is said.
func TestWiflyAuto(t *testing.T) {
	for _, rate := range []int{9600, 115200, 19200} {
		for _, since := range []time.Duration{0, 300 * time.Millisecond, time.Second, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				line := newWire()
				module, err := rn131.New(&rn131.Options{Baud: rate, Settings: "set wlan ssid lab\n", Networks: []rn131.Network{{SSID: "lab"}}, HostRate: line.rate.Load})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { module.Serve(ctx, moduleEnd{line, new([]byte)}) })
				time.Sleep(since)
				began := time.Now()
				var out transcript
				code := runMain(ctx, []string{"ws76", "wifly", "info", "-p", fmt.Sprintf("/dev/module-%d", port.Add(1))}, &reach.Env{
					Env:  &app.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }},
					UART: func(_ context.Context, baud int) (net.Conn, error) { return line.open(baud), nil },
				})
				took := time.Since(began)
				cancel()
				running.Wait()
				said := strings.Contains(out.String(), "no module answers at 9600 baud; the other usual rates are tried")
				if code != app.ExitOK || took > 20*time.Second || !strings.Contains(out.String(), fmt.Sprintf("%d baud, flow", rate)) || said == (rate == 9600) {
					t.Errorf("%d baud, switched on for %v: exit code %d after %v\n%s", rate, since, code, took, &out)
				}
			})
		}
	}
}
