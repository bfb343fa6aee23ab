package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// A signalCase is a command that is ended when the host has sent its line number at.
type signalCase struct {
	command int
	fault   string
	at      int
	sig     os.Signal
	second  time.Duration // until the same signal again; below 0: never
}

func (c signalCase) String() string {
	return fmt.Sprintf("%s, %q, line %d, %v, %v", matrixCommands[c.command].name, c.fault, c.at, c.sig, c.second)
}

// TestWiflySignals ends each command at each line of its dialogue, by a signal or by two,
// with modules that are well, slow and hung: what is another setting in the module
// afterwards is said, with commands that put it back. WS76_MATRIX=all tries each with each.
func TestWiflySignals(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("too many cases for that")
	}
	started := make(chan os.Signal, 1)
	signal.Notify(started, syscall.SIGHUP) // its goroutine must not be one of a bubble
	defer signal.Stop(started)
	all := os.Getenv("WS76_MATRIX") == "all"
	jobs := make(chan signalCase)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range jobs {
				var running sync.WaitGroup
				running.Go(func() { c.run(t) }) // a failure ends its goroutine
				running.Wait()
			}
		})
	}
	turn := 0
	for command := range matrixCommands {
		lines := signalCase{command: command, at: 1 << 30, second: -1}.run(t)
		if lines < 3 {
			t.Errorf("%s: %d lines", matrixCommands[command].name, lines)
		}
		for at := 1; at <= lines; at++ {
			for _, fault := range []string{"", "slow-reply=700ms", "hang"} {
				for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
					for _, second := range []time.Duration{-1, 0, 20 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
						if turn++; all || turn%17 == 0 {
							jobs <- signalCase{command, fault, at, sig, second}
						}
					}
				}
			}
		}
	}
	close(jobs)
	workers.Wait()
}

// run runs the command and ends it; lines is how many the host has sent.
func (c signalCase) run(t *testing.T) (lines int) {
	synctest.Test(t, func(t *testing.T) {
		air, line, out := new(air), newWire(), new(transcript)
		ctx, cancel := context.WithCancel(t.Context())
		reached := make(chan struct{})
		faults, _ := rn131.ParseFaults(strings.TrimSuffix(c.fault, "hang"))
		var running sync.WaitGroup
		module, err := rn131.New(&rn131.Options{
			Baud: 9600, Settings: "set wlan ssid lab\nset comm open *HERE*\nset comm time 33\nset sys printlvl 0x4001\n", Running: true, Faults: faults,
			Networks: []rn131.Network{{SSID: "lab", Channel: 11}, {SSID: "other"}},
			HostRate: line.rate.Load, Dial: air.dial, Listen: air.listen, Save: func(string) error { return nil },
			Lookup: func(context.Context, string) (netip.Addr, error) { return netip.MustParseAddr("192.0.2.1"), nil },
			Record: func(r rn131.Record) {
				if r.FromHost {
					if lines++; lines == c.at {
						close(reached)
					}
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { module.Serve(ctx, moduleEnd{line, new([]byte)}) })
		time.Sleep(300 * time.Millisecond)
		before := module.State()
		commanding, end := context.WithCancelCause(ctx)
		served := make(chan struct{})
		if matrixCommands[c.command].name == "serve" {
			running.Go(func() { air.visit(commanding, out, func() { close(served) }) })
		}
		var args []string
		for _, arg := range matrixCommands[c.command].args {
			args = append(args, strings.NewReplacer("RATE", "9600", "PORT", fmt.Sprint(port.Add(1))).Replace(arg))
		}
		environment := func(out io.Writer) *reach.Env {
			return &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: out, Stderr: out, Getenv: func(string) string { return "" }},
				UART: func(_ context.Context, baud int) (net.Conn, error) { return line.open(baud), nil }}
		}
		e := environment(out)
		ended := make(chan int, 1)
		running.Go(func() { ended <- runMain(commanding, append([]string{"ws76"}, args...), e) })
		code, over, killed := 0, false, false
		select {
		case <-reached:
		case <-served:
		case code = <-ended:
			over = true
		}
		if c.fault == "hang" {
			module.Hang()
			time.Sleep(time.Second)
		}
		end(app.SignalError{Sig: c.sig})
		if c.second >= 0 && !over {
			select {
			case code = <-ended:
				over = true
			case <-time.After(c.second):
				e.SayLeft(true)
				line.kill()
				killed = true
			}
		}
		if !over && !killed {
			code = <-ended
		}
		text := out.String()
		time.Sleep(3 * time.Second) // what it was sent last
		after := module.State()
		if c.at < 1<<30 {
			c.judge(t, code, killed, text, before, after)
		}
		if killed {
			<-ended // in this process it has the port
		}
		if strings.Contains(text, "this mends it") && !strings.Contains(text, "may be saved") && !after.Hung {
			i := strings.LastIndex(text, "ws76 wifly send")
			var typed []string
			for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(text[i:strings.IndexByte(text[i:], '\n')+i], -1) {
				typed = append(typed, strings.Trim(word, "'"))
			}
			var mended transcript
			if code := runMain(ctx, typed, environment(&mended)); code != app.ExitOK {
				t.Errorf("%v: %q: exit code %d\n%s", c, typed, code, mended.String())
			}
			time.Sleep(time.Second)
			if s := module.State(); s != before {
				t.Errorf("%v: after what is to be typed it is %+v, with %s\n%s", c, s, diff(before.Settings, s.Settings), text)
			}
		}
		cancel()
		running.Wait()
		air.running.Wait()
	})
	return lines
}

func (c signalCase) judge(t *testing.T, code int, killed bool, out string, before, after rn131.State) {
	failed := func(format string, args ...any) { t.Errorf("%v: %s\n%s", c, fmt.Sprintf(format, args...), out) }
	want := app.SignalError{Sig: c.sig}.ExitCode()
	if !killed && code != want && code != app.ExitOK {
		failed("exit code %d, want %d", code, want)
	}
	saved := strings.Contains(out, "saved")
	for line := range strings.SplitSeq(before.Settings+after.Settings, "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || strings.Contains(before.Settings, line+"\n") && strings.Contains(after.Settings, line+"\n") || saved {
			continue
		}
		if name := words[1] + " " + words[2]; !strings.Contains(out, name) || !strings.Contains(out, "could not be put back") {
			failed("%q is another, and nothing is said", name)
		}
	}
	if after.Connected && !before.Connected && !strings.Contains(out, "TCP connection may be open") {
		failed("it has a TCP connection, and nothing is said")
	}
	if !after.Joined && before.Joined && !strings.Contains(out, "left its network") && !strings.Contains(out, "reboot") {
		failed("it is in no network, and nothing is said")
	}
	switch {
	case after.Hung:
	case !killed && strings.Contains(out, "this mends it"):
		failed("it answers, and its settings are not put back")
	case after.Command && !before.Command && !killed:
		failed("it is left in command mode")
	case after.Command && !strings.Contains(out, "command mode") && !strings.Contains(out, "this mends it"):
		failed("it is left in command mode, and nothing is said")
	}
}
