package luasyntax

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// oracle is a process of lua5.1 that reads sources.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

func newOracle(t testing.TB) *oracle {
	o := &oracle{cmd: exec.Command(testenv.Need(t, "lua5.1", "lua5.1"), "testdata/oracle.lua")}
	o.cmd.Env = []string{"LC_ALL=C"}
	o.cmd.Stderr = os.Stderr
	var err error
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.out = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.in.Close()
		o.cmd.Wait()
	})
	return o
}

// say returns what lua5.1 says of a source: "ok", or its error.
func (o *oracle) say(t testing.TB, src []byte) string {
	t.Helper()
	if _, err := fmt.Fprintf(o.in, "%d\n%s", len(src), src); err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(o.out, message); err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// say is what this package says of a source.
func say(src []byte) string {
	if _, err := Parse(src, "s"); err != nil {
		return err.Error()
	}
	return "ok"
}
