package main

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
	filepipe "github.com/ws76/ws76/transports/pipe"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// slowReader is a stream of which a peer takes a little at a time, and after most nothing
// until the test is over.
type slowReader struct {
	net.Conn
	most int
	over chan struct{}
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.most <= 0 {
		<-s.over
		return 0, io.EOF
	}
	time.Sleep(20 * time.Millisecond)
	n, err := s.Conn.Read(p[:min(len(p), 1<<10, s.most)])
	s.most -= n
	return n, err
}

// TestConnectSlowReader: a peer that takes seconds to read is waited for on every kind of
// line, and its answer is had; where one stops reading it is --timeout that ends.
func TestConnectSlowReader(t *testing.T) {
	question := strings.Repeat("?", 120_000) // some two and a half seconds of it
	for _, kind := range []string{"tcp", "serial", "wifly"} {
		for name, peer := range map[string]struct {
			most    int // that it reads
			answer  bool
			timeout string
			code    int
			says    string
		}{
			"answers":      {1 << 30, true, "1m", exitOK, "answer\n"},
			"says nothing": {1 << 30, false, "1m", exitOK, "the peer did not answer the closing frame; "},
			"stops":        {60_000, false, "5s", exitTimeout, "not done within --timeout"},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				var running sync.WaitGroup
				over := make(chan struct{})
				defer func() { close(over); running.Wait() }()
				args := slowLine(t, &running, kind, func(stream net.Conn) {
					running.Go(func() {
						defer stream.Close()
						conn, err := core.Accept(context.Background(), &slowReader{stream, peer.most, over}, nil)
						if err != nil {
							return
						}
						if _, err := conn.Receive(context.Background()); err == nil && peer.answer {
							conn.Send(context.Background(), core.Message{Data: []byte("answer")})
							conn.Close(context.Background())
						}
						<-over
					})
				})
				var out transcript
				cmd := selfCommand(t, append([]string{"connect", "--timeout", peer.timeout}, args...)...)
				cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(question+"\n"), &out, &out
				err := cmd.Run()
				if cmd.ProcessState == nil {
					t.Fatal(err)
				}
				code := cmd.ProcessState.ExitCode()
				if code != peer.code || !strings.Contains(out.String(), peer.says) {
					t.Errorf("exit code %d, %q; want %d, %q", code, out.String(), peer.code, peer.says)
				}
			})
		}
	}
}

// slowLine is a line with little room at whose end serve is given the stream, and the
// arguments of connect for it.
func slowLine(t *testing.T, running *sync.WaitGroup, kind string, serve func(net.Conn)) []string {
	if kind == "tcp" {
		config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10) })
		}}
		l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			defer l.Close()
			if stream, err := l.Accept(); err == nil {
				serve(stream)
			}
		})
		return []string{"ws://" + l.Addr().String() + "/"}
	}
	pty, err := rn131.OpenPTY()
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	if kind == "serial" {
		serve(filepipe.New(pty, pty, filepipe.Addr{Net: "serial", Name: pty.Path}))
		return []string{"ws://192.0.2.1/", "--via", "serial://" + pty.Path}
	}
	near, far := testenv.TCPPair(t, 8<<10)
	module, err := rn131.New(&rn131.Options{Running: true, Baud: 921600, HostRate: pty.Rate, Settings: "set uart flow 1\nset wlan ssid lab\n",
		Dial: func(context.Context, string) (net.Conn, error) { serve(far); return near, near.SetWriteBuffer(8 << 10) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		module.Serve(ctx, pty)
	}()
	t.Cleanup(func() { cancel(); <-served })
	return []string{"ws://192.0.2.1/", "--via", "wifly://" + pty.Path + "?baud=921600&flow=rtscts"}
}
