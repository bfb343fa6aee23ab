//go:build darwin || (linux && !ppc64 && !ppc64le)

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/testenv"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// The module on a port that is there already, and its own server: a peer that connects
// talks to the host.
func TestEmulateOnPort(t *testing.T) {
	t.Parallel()
	host, err := rn131.OpenPTY() // the host has the far end of the line
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	defer host.Close()
	notes, stderr := io.Pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		defer stderr.Close()
		e := &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: stderr, Getenv: func(string) string { return "" }}}
		args := []string{"ws76", "wifly", "emulate", "--port", "serial://" + host.Path + "?baud=115200", "--listen", "127.0.0.1:0", "--running", "-v"}
		if code := runMain(ctx, args, e); code != app.ExitInterrupt {
			t.Errorf("exit code %d, want %d", code, app.ExitInterrupt)
		}
	})
	addr := make(chan string, 1)
	running.Go(func() {
		for lines := bufio.NewScanner(notes); lines.Scan(); {
			if m := regexp.MustCompile(`listening on (127\S+)`).FindStringSubmatch(lines.Text()); m != nil {
				addr <- m[1]
			}
		}
	})
	defer running.Wait()
	defer cancel(app.SignalError{Sig: syscall.SIGINT})

	peer, err := net.Dial("tcp", <-addr)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	peer.SetDeadline(time.Now().Add(bound))
	host.SetDeadline(time.Now().Add(bound))
	for _, s := range []struct {
		from, to   net.Conn
		text, want string
	}{{peer, line{host.File}, "question", "*OPEN*question"}, {line{host.File}, peer, "answer", "*HELLO*answer"}} {
		if _, err := io.WriteString(s.from, s.text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(s.want))
		if n, err := io.ReadFull(s.to, got); string(got[:n]) != s.want {
			t.Fatalf("%q (%v), want %q", got[:n], err, s.want)
		}
	}
}
