package all_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
)

func ExampleTransports() {
	for _, e := range all.Transports().Entries() {
		fmt.Println(e.Example)
	}
	// Output:
	// tcp:
	// tls:
	// unix:///run/ws76.sock
	// serial:///dev/ttyUSB0?baud=115200
	// wifly:///dev/ttyUSB0?baud=9600
	// socks5://127.0.0.1:1080
	// socks5h://127.0.0.1:1080
	// http://proxy:3128
	// https://proxy:3129
	// exec:./tunnel
	// stdio:
	// fd:3
}

// TestEntries checks that what help shows is true: each example opens, as the
// transport it is an example of.
func TestEntries(t *testing.T) {
	r := all.Transports()
	onlyDial := []string{"socks5", "socks5h", "http", "https", "exec"}
	for _, e := range r.Entries() {
		if !strings.HasPrefix(e.Example, e.Scheme+":") {
			t.Errorf("%s: the example %s is of another scheme", e.Scheme, e.Example)
		}
		if strings.Contains(e.Summary, "\n") || strings.HasSuffix(e.Summary, ".") {
			t.Errorf("%s: the summary %q is not one line without a full stop", e.Scheme, e.Summary)
		}
		tr, err := r.Open(e.Example, transports.Options{})
		if err != nil {
			t.Errorf("%s: %v", e.Example, err)
			continue
		}
		// What does not say what it reaches is closed to scripts.
		reacher, ok := tr.(transports.Reacher)
		if !ok {
			t.Errorf("%s: it is no transports.Reacher", e.Example)
			continue
		}
		for _, listen := range []bool{false, true} {
			if len(reacher.Reaches("192.0.2.1:80", listen)) == 0 {
				t.Errorf("%s: it reaches nothing (listening: %t)", e.Example, listen)
			}
		}
		if _, ok := tr.(transports.Listener); ok == slices.Contains(onlyDial, e.Scheme) {
			t.Errorf("%s: listens: %t", e.Example, ok)
		}
	}
}

func TestEachCallGivesItsOwnRegistry(t *testing.T) {
	a, b := all.Transports(), all.Transports()
	a.Register(transports.Entry{Scheme: "more", Summary: "s", Example: "more:", Open: a.Entries()[0].Open})
	if _, err := b.Open("more:", transports.Options{}); err == nil {
		t.Error("what was registered in one registry is in the other")
	}
}
