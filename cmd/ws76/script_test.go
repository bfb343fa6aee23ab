package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Scripts mostly wait: for a process to start, for a peer, for time to pass.
	flag.Set("test.parallel", "8")
	// The race detector makes a process that ends sleep for a second by default.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	testscript.Main(m, programs)
}

// programs are what the test binary can be started as.
var programs = map[string]func(){"ws76": main}
