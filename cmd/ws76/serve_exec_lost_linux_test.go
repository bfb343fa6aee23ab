package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ws76/ws76/core"
)

// awaitLine returns the numbers in the first line of b that matches.
func (b *background) awaitLine(t *testing.T, pattern string) (numbers []int) {
	t.Helper()
	for re := regexp.MustCompile(pattern); ; {
		if m := re.FindStringSubmatch(b.line(t)); m != nil {
			for _, text := range m[1:] {
				n, _ := strconv.Atoi(text) // 0 for what is left out
				numbers = append(numbers, n)
			}
			return numbers
		}
	}
}

// What a program has said, and its client did not get, is counted and said; so is what it was
// not given.
func TestServeExecLost(t *testing.T) {
	t.Parallel()
	dial := func(t *testing.T, addr string) *net.TCPConn {
		stuck, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stuck.Close() })
		io.WriteString(stuck, openingRequest)
		if _, err := readHead(bufio.NewReaderSize(stuck, 16)); err != nil {
			t.Fatal(err)
		}
		return stuck.(*net.TCPConn)
	}
	start := func(t *testing.T, command string) (*background, string) {
		s := inBackground(t, nil, "serve", "127.0.0.1:0", "-v", "--host", "example.com", "--exec", command)
		for {
			if address, ok := strings.CutPrefix(s.line(t), "ws76: listening on ws://"); ok {
				return s, strings.TrimSuffix(address, "/")
			}
		}
	}
	// A server that ends ends with the code of the signal, see inBackground.
	end := func(b *background) { syscall.Kill(b.pid, syscall.SIGINT) }
	t.Run("the client dies", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, "yes "+strings.Repeat("x", 100))
		client := dial(t, addr)
		awaitFull(t, client.LocalAddr().String())
		client.SetLinger(0)
		client.Close()
		s.awaitLine(t, `messages in, \d+ out, [1-9]\d* not sent; of [1-9]\d* it is not known`)
		if n := metric(t, addr, `ws76_dropped_total{policy="closed"}`); n == 0 {
			t.Error("none counts as dropped")
		}
	})
	t.Run("the server ends", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, "yes "+strings.Repeat("x", 100))
		client := dial(t, addr)
		awaitFull(t, client.LocalAddr().String())
		end(s)
		s.awaitLine(t, `^ws76: [1-9]\d* messages were not sent: their connections were closing$`)
	})
	t.Run("the program reads nothing", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, "exec sleep 1000")
		client := dial(t, addr)
		go func() {
			for {
				if _, err := io.WriteString(client, "\x00"+strings.Repeat("x", 8<<10)+"\xff"); err != nil {
					return
				}
			}
		}()
		awaitFull(t, addr)
		end(s)
		said := s.awaitLine(t, `(\d+) messages in, 0 out(?:, (\d+) not handed to the program)?(?:; of (\d+) it is not known)?`)
		const fit = 64 << 10 / (8 << 10) // a pipe
		if in, untaken, unknown := said[0], said[1], said[2]; in == 0 || untaken+unknown == 0 || in-untaken-unknown > fit {
			t.Errorf("of %d messages %d were not handed over, of %d it is not known: a pipe does not hold the rest", in, untaken, unknown)
		}
		s.awaitLine(t, `^ws76: (?:[1-9]\d* messages were not handed to the programs: their connections were closing|of [1-9]\d* messages it is not known)`)
	})
}

// Whatever serves a client, what is lost when the server ends within its grace is said within it,
// and nothing is cut before that.
func TestServeLostWithinGrace(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "pass.lua")
	if err := os.WriteFile(script, []byte("function on_message(conn, data) return data end\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const (
		flood = "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		deaf  = "exec sleep 1000"
	)
	for name, way := range map[string]struct {
		args    []string
		channel bool // the client reads nothing of one
		writes  bool // the client, and nobody reads that
		said    string
	}{
		"a script, an echo":        {[]string{"--echo", "--script", script}, false, true, `were not sent`},
		"a script, a channel":      {[]string{"--script", script}, true, false, `were not sent`},
		"a channel":                {nil, true, false, `were not sent`},
		"a channel over HTTP":      {nil, true, false, `were not sent`},
		"--exec, a deaf client":    {[]string{"--exec", flood}, false, false, `were not sent`},
		"--exec, a deaf program":   {[]string{"--exec", deaf}, false, true, `is not known whether they arrived`},
		"--exec and a script":      {[]string{"--exec", deaf, "--script", script}, false, true, `is not known whether they arrived`},
		"--exec-shared, a client":  {[]string{"--exec-shared", flood}, false, false, `were not sent`},
		"--exec-shared, a program": {[]string{"--exec-shared", deaf}, false, true, `were not handed to the program`},
		"--exec-shared, a script":  {[]string{"--exec-shared", deaf, "--script", script}, false, true, `were not handed to the program`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"serve", "127.0.0.1:0", "--host", "example.com", "--grace", "8s", "--close-timeout", "1h"}, way.args...)
			s := inBackground(t, nil, args...)
			addr := ""
			for ok := false; !ok; {
				addr, ok = strings.CutPrefix(s.line(t), "ws76: listening on ws://")
			}
			addr = strings.TrimSuffix(addr, "/")
			client, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			request := openingRequest
			if way.channel {
				request = strings.Replace(request, "GET /demo ", "GET /ws/lab/ro ", 1)
			}
			if strings.HasSuffix(name, "HTTP") {
				request = "GET /ws/lab/ro HTTP/1.1\r\nHost: example.com\r\n\r\n"
			}
			io.WriteString(client, request)
			if _, err := readHead(bufio.NewReaderSize(client, 16)); err != nil {
				t.Fatal(err)
			}
			if way.writes {
				go func() {
					for {
						if _, err := io.WriteString(client, "\x00"+strings.Repeat("x", 8<<10)+"\xff"); err != nil {
							return
						}
					}
				}()
			}
			if way.channel {
				writer := dialServe(t, "ws+hixie76://"+addr+"/ws/lab/wo")
				for range 3000 {
					if err := writer.Send(t.Context(), core.Message{Data: []byte(strings.Repeat("x", 8<<10))}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if way.writes && strings.HasPrefix(name, "--exec-shared") { // the client never has to wait
				until(t, "a full queue", func() bool { return metric(t, addr, `ws76_dropped_total{policy="drop-oldest"}`) > 0 })
			} else {
				full := client.LocalAddr().String()
				if way.writes && !strings.HasSuffix(name, "echo") {
					full = addr
				}
				awaitFull(t, full)
			}
			syscall.Kill(s.pid, syscall.SIGINT)
			s.awaitLine(t, `[1-9]\d* messages.* `+way.said)
			if strings.Contains(s.said.String(), "it is cut") {
				t.Errorf("it is cut before that: %q", s.said.String())
			}
		})
	}
}
