package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
	filepipe "github.com/ws76/ws76/transports/pipe"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// slowReader is a stream of which a peer takes a little at a time, and after most nothing
// until the test is over.
type slowReader struct {
	net.Conn
	most  int
	ends  bool // it closes the stream then
	piece int  // at a time
	over  chan struct{}
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.most <= 0 {
		if !s.ends {
			<-s.over
		}
		return 0, io.EOF
	}
	time.Sleep(20 * time.Millisecond)
	n, err := s.Conn.Read(p[:min(len(p), s.piece, s.most)])
	s.most -= n
	return n, err
}

// TestConnectSlowReader: a peer that takes seconds to read is waited for on every kind of
// line, and its answer is had; where one stops reading it is --timeout that ends, and where
// one goes away that is told. The lines with more room have a message of 16 MiB.
func TestConnectSlowReader(t *testing.T) {
	const small, large = 120_000, 16<<20 - 1 // each some two and a half seconds, and more
	for kind, size := range map[string]int{"tcp": small, "serial": small, "wifly": small, "tls": large, "unix": large, "exec": large} {
		question, piece := strings.Repeat("?", size), 1<<10
		if size == large {
			piece = 64 << 10
		}
		for name, peer := range map[string]struct {
			most    int // that it reads
			answer  bool
			ends    bool
			timeout string
			code    int
			says    string
		}{
			"answers":      {1 << 30, true, false, "2m", app.ExitOK, "answer\n"},
			"says nothing": {1 << 30, false, false, "2m", app.ExitOK, "the peer did not answer the closing frame; "},
			"stops":        {size / 2, false, false, "5s", app.ExitTimeout, "not done within --timeout"},
			"goes away":    {size / 2, false, true, "2m", app.ExitUnclean, "connection ended uncleanly"},
		} {
			if kind == "serial" && peer.ends { // a line has no end
				continue
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				var running sync.WaitGroup
				over := make(chan struct{})
				defer func() { close(over); running.Wait() }()
				args := slowLine(t, &running, kind, 8*piece, func(stream net.Conn) {
					running.Go(func() {
						defer stream.Close()
						conn, err := core.Accept(context.Background(), &slowReader{stream, peer.most, peer.ends, piece, over}, nil)
						if err != nil {
							t.Error(err)
							return
						}
						if _, err := conn.Receive(context.Background()); err == nil && peer.answer {
							conn.Send(context.Background(), core.Message{Data: []byte("answer")})
							conn.Close(context.Background())
						}
						if !peer.ends {
							<-over
						}
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

// acceptOne has the first connection of l served.
func acceptOne(running *sync.WaitGroup, l net.Listener, serve func(net.Conn)) {
	running.Go(func() {
		defer l.Close()
		if stream, err := l.Accept(); err == nil {
			serve(stream)
		}
	})
}

// slowLine is a line with that much room, where it can be told, at whose end serve is given the stream, and the
// arguments of connect for it.
func slowLine(t *testing.T, running *sync.WaitGroup, kind string, room int, serve func(net.Conn)) []string {
	if kind == "unix" {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		acceptOne(running, l, serve)
		return []string{"ws://device.local/", "--via", "unix://" + l.Addr().String()}
	}
	if kind == "tcp" || kind == "tls" || kind == "exec" {
		config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, room) })
		}}
		l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "exec":
			acceptOne(running, l, serve)
			return []string{"ws://device.local/", "--via", "exec:tunnel " + l.Addr().String()}
		case "tls":
			certificate, key := filepath.Join(t.TempDir(), "c.pem"), filepath.Join(t.TempDir(), "k.pem")
			if err := writeCerts(certificate, key); err != nil {
				t.Fatal(err)
			}
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				t.Fatal(err)
			}
			acceptOne(running, l, func(stream net.Conn) { serve(tls.Server(stream, &tls.Config{Certificates: []tls.Certificate{pair}})) })
			return []string{"wss://" + l.Addr().String() + "/", "--cacert", certificate}
		}
		acceptOne(running, l, serve)
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
