package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdServe starts ws76 serve without --echo, on a free port of the loopback.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, true, "serve [-as NAME] FLAG...")
	name, variable := "server", "ADDR"
	if len(args) > 1 && args[0] == "-as" {
		name, variable, args = args[1], strings.ToUpper(args[1]), args[2:]
	}
	startProcess(ts, name, "ws76", append([]string{"serve", "127.0.0.1:0"}, args...)...)
	setAddr(ts, variable, await(ts, name+".err", `listening on ws://([^/]*)/`))
}

// cmdFetch makes an HTTP request and prints the status, the fields that were asked
// for by -show, and the body.
func cmdFetch(ts *testscript.TestScript, neg bool, args []string) {
	const text = "fetch [-X METHOD] [-d BODY] [-f FILE] [-H 'NAME: VALUE']... [-show NAME]... URL"
	method, body := http.MethodGet, ""
	var header, show []string
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-X":
			method = args[1]
		case "-d":
			method, body = http.MethodPost, args[1]
		case "-f":
			method, body = http.MethodPost, ts.ReadFile(args[1])
		case "-H":
			header = append(header, args[1])
		case "-show":
			show = append(show, args[1])
		default:
			ts.Fatalf("usage: %s", text)
		}
		args = args[2:]
	}
	usage(ts, neg, len(args) == 1, text)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, args[0], strings.NewReader(body))
	ts.Check(err)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	// A connection of its own, so that none is left for the server to wait for.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	ts.Check(err)
	defer resp.Body.Close()
	fmt.Fprintln(ts.Stdout(), resp.StatusCode)
	for _, name := range show {
		fmt.Fprintf(ts.Stdout(), "%s: %s\n", name, resp.Header.Get(name))
	}
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

// cmdGone waits until a process whose number is in a file has ended.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "gone FILE")
	pid := strings.TrimSpace(ts.ReadFile(args[0]))
	for start := time.Now(); time.Since(start) < bound; time.Sleep(5 * time.Millisecond) {
		// A process that nobody has waited for yet has no command line any more.
		if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err != nil || len(line) == 0 {
			return
		}
	}
	ts.Fatalf("process %s is still there", pid)
}
