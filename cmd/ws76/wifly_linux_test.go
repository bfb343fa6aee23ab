package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/internal/testenv"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// A terminal is asked for the passphrase, which it does not show; ^C at the
// question ends the command with the terminal as it was.
func TestTerminalPassphrase(t *testing.T) {
	t.Parallel()
	pty, err := rn131.OpenPTY()
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	m, err := rn131.New(&rn131.Options{Networks: []rn131.Network{{SSID: "lab", Phrase: "correct-horse"}}, Boot: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Serve(ctx, pty)
	}()
	defer func() {
		cancel()
		<-done
	}()
	port := "wifly://" + pty.Path

	r := onTerminal(t, "wifly", "setup", "-p", port, "--ssid", "lab")
	r.await(`passphrase of "lab" `)
	r.keys("\x03")
	r.exit(app.ExitInterrupt)

	r = onTerminal(t, "wifly", "setup", "-p", port, "--ssid", "lab", "-vvv")
	r.await(`passphrase of "lab" `)
	r.keys("correct-horse\n")
	r.await("saved; the module has rebooted")
	r.exit(app.ExitOK)
	if strings.Contains(r.text(), "correct-horse") {
		t.Errorf("the terminal shows the passphrase:\n%s", r.text())
	}
}
