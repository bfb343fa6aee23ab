package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Scripts mostly wait: for a process to start, for a peer, for time to pass.
	flag.Set("test.parallel", "8")
	testscript.Main(m, map[string]func(){"ws76": main})
}
