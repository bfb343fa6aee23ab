package keygen

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/testenv"
)

const keygenRequest = "GET /demo HTTP/1.1\r\n" +
	"Host: example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n" +
	"Upgrade: WebSocket\r\n" +
	"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n" +
	"Origin: http://example.com\r\n" +
	"\r\n" +
	"^n:ds[4U"

const keygenResponse = "HTTP/1.1 101 WebSocket Protocol Handshake\r\n" +
	"Upgrade: WebSocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Origin: http://example.com\r\n" +
	"Sec-WebSocket-Location: ws://example.com/demo\r\n" +
	"\r\n" +
	"8jKS'y:G*Co,Wxa-"

func commandIn(ctx context.Context, args []string, e *app.Env) int {
	return apptest.Run(ctx, e, Command(e), append([]string{"keygen"}, args...)...)
}

// runKeygen runs the command with stdin and returns what it printed.
func runKeygen(ctx context.Context, stdin io.Reader, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = commandIn(ctx, args, &app.Env{
		Stdin: stdin, Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" },
	})
	return out.String(), errs.String(), code
}

func TestKeygenExitCodes(t *testing.T) {
	good := []string{"--key1", "4 @1  46546xW%0l 1 5", "--key2", "12998 5 Y3 1  .P00", "--key3", "^n:ds[4U"}
	bad := []string{"--key1", "1 2 3", "--key2", "12998 5 Y3 1  .P00", "--key3", "^n:ds[4U"}
	with := func(args []string, more ...string) []string { return append(args[:len(args):len(args)], more...) }
	for _, test := range []struct {
		args  []string
		stdin string
		want  int
	}{
		{nil, "", app.ExitOK},
		{good, "", app.ExitOK},
		{with(good, "--verify", "8jKS'y:G*Co,Wxa-"), "", app.ExitOK},
		{with(good, "--verify", "8jKS'y:G*Co,Wxa_"), "", app.ExitHandshake},
		{with(good, "--verify", "8jKS'y:G*Co,Wxa_", "--json"), "", app.ExitHandshake},
		{with(good, "--verify", "short"), "", app.ExitUsage},
		{with(good, "--verify", "short", "--json"), "", app.ExitUsage},
		{bad, "", app.ExitHandshake},
		{with(bad, "--explain"), "", app.ExitHandshake},
		{with(bad, "--json"), "", app.ExitHandshake},
		{[]string{"--explain", "--key1", "1 2 3"}, "", app.ExitHandshake},
		{[]string{"--explain", "--key1", "1 2"}, "", app.ExitOK},
		{[]string{"--rfc6455", "dGhlIHNhbXBsZSBub25jZQ=="}, "", app.ExitOK},
		{[]string{"--rfc6455", "x"}, "", app.ExitHandshake},
		{[]string{"--rfc6455", "dGhlIHNhbXBsZSBub25jZQ==", "--verify", "x"}, "", app.ExitHandshake},
		{[]string{"--request"}, keygenRequest, app.ExitOK},
		{[]string{"--request"}, keygenRequest[:20], app.ExitHandshake},
		{[]string{"--request"}, keygenRequest[:len(keygenRequest)-1], app.ExitHandshake},
		{[]string{"--request"}, "", app.ExitHandshake},
		{[]string{"--request"}, "\x16\x03\x01", app.ExitHandshake},
		{[]string{"--request"}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", app.ExitHandshake},
		{[]string{"--request"}, "GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 101), app.ExitHandshake},
		{[]string{"--request"}, "GET /" + strings.Repeat("a", 1<<16), app.ExitHandshake},
		{[]string{"--request", "--response"}, keygenRequest, app.ExitOK},
		{[]string{"--raw"}, "", app.ExitUsage},
		{[]string{"--no-such-flag"}, "", app.ExitUsage},
	} {
		stdout, stderr, code := runKeygen(t.Context(), strings.NewReader(test.stdin), test.args...)
		if code != test.want {
			t.Errorf("%q: exit %d, want %d\n%s%s", test.args, code, test.want, stdout, stderr)
		}
		if code == app.ExitUsage && stdout != "" {
			t.Errorf("%q: a usage error printed %q", test.args, stdout)
		}
		if n := strings.Count(stderr, "\n"); n > 1 {
			t.Errorf("%q: %d lines on standard error:\n%s", test.args, n, stderr)
		}
	}
}

func TestKeygenResponse(t *testing.T) {
	stdout, stderr, code := runKeygen(t.Context(), strings.NewReader(keygenRequest), "--request", "--response")
	if stdout != keygenResponse || stderr != "" || code != 0 {
		t.Errorf("got %q, %q, %d", stdout, stderr, code)
	}
}

// A socket gives a request in any pieces and then nothing: the answer must not
// wait for more.
func TestKeygenRequestInPieces(t *testing.T) {
	for name, in := range map[string]func() io.Reader{
		"one byte at a time": func() io.Reader { return iotest.OneByteReader(strings.NewReader(keygenRequest)) },
		"halves":             func() io.Reader { return iotest.HalfReader(strings.NewReader(keygenRequest)) },
		"with the last byte": func() io.Reader { return iotest.DataErrReader(strings.NewReader(keygenRequest)) },
	} {
		stdin := io.MultiReader(in(), failingReader{t})
		if name == "with the last byte" {
			stdin = in()
		}
		stdout, stderr, code := runKeygen(t.Context(), stdin, "--request", "--response")
		if stdout != keygenResponse || stderr != "" || code != 0 {
			t.Errorf("%s: got %q, %q, %d", name, stdout, stderr, code)
		}
	}
}

// failingReader is what must not be read.
type failingReader struct{ t *testing.T }

func (r failingReader) Read([]byte) (int, error) {
	r.t.Error("read beyond the request")
	return 0, io.EOF
}

func TestKeygenReadError(t *testing.T) {
	for _, n := range []int{10, len(keygenRequest) - 4} {
		stdin := io.MultiReader(strings.NewReader(keygenRequest[:n]), iotest.ErrReader(syscall.EIO))
		_, stderr, code := runKeygen(t.Context(), stdin, "--request")
		if code != app.ExitOther || !strings.Contains(stderr, "keygen: reading ") {
			t.Errorf("after %d bytes: exit %d, %q", n, code, stderr)
		}
	}
}

// The 16 bytes and a response are no text: they do not go to a terminal.
func TestKeygenRefusesTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	defer terminal.Close()
	for _, args := range [][]string{
		{"--raw", "--key1", "1 2", "--key2", "1 2", "--key3", "12345678"},
		{"--request", "--response"},
	} {
		var stderr bytes.Buffer
		code := commandIn(t.Context(), args, &app.Env{
			Stdin: failingReader{t}, Stdout: terminal, Stderr: &stderr, Getenv: os.Getenv,
		})
		if code != app.ExitUsage || !strings.Contains(stderr.String(), "not written to a terminal; redirect them") {
			t.Errorf("%q: exit %d, %q", args, code, &stderr)
		}
	}
	// Text does.
	code := commandIn(t.Context(), nil, &app.Env{
		Stdin: failingReader{t}, Stdout: terminal, Stderr: io.Discard, Getenv: os.Getenv,
	})
	if code != app.ExitOK {
		t.Errorf("a challenge on a terminal: exit %d", code)
	}
}

// Many challenges end with a signal, and with the reader of the pipe.
func TestKeygenManyEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(app.SignalError{Sig: os.Interrupt})
	if _, stderr, code := runKeygen(ctx, nil, "-n", "1000000000"); code != app.ExitInterrupt || stderr != "" {
		t.Errorf("interrupted: exit %d, %q", code, stderr)
	}

	var stderr bytes.Buffer
	code := commandIn(t.Context(), []string{"-n", "1000000000"}, &app.Env{
		Stdout: failingWriter{syscall.EPIPE}, Stderr: &stderr, Getenv: os.Getenv,
	})
	if code != app.ExitOK || stderr.Len() > 0 {
		t.Errorf("broken pipe: exit %d, %q", code, &stderr)
	}

	code = commandIn(t.Context(), nil, &app.Env{
		Stdout: failingWriter{syscall.ENOSPC}, Stderr: &stderr, Getenv: os.Getenv,
	})
	if code != app.ExitOther || !strings.Contains(stderr.String(), "keygen: writing: no space left") {
		t.Errorf("disk full: exit %d, %q", code, &stderr)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A line of -n costs no memory.
func TestKeygenManyAllocates(t *testing.T) {
	k := &keygen{Env: &app.Env{}, Options: new(Options), out: bufio.NewWriterSize(io.Discard, 128<<10)}
	g := hixie.NewGenerator(rand.NewChaCha8([32]byte{}))
	per := func(n int) float64 {
		return testing.AllocsPerRun(10, func() {
			if err := k.generateMany(context.Background(), g, n); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := per(10), per(10000); many > few {
		t.Errorf("%v allocations for 10 lines, %v for 10000", few, many)
	}
}

func BenchmarkKeygenMany(b *testing.B) {
	k := &keygen{Env: &app.Env{}, Options: new(Options), out: bufio.NewWriterSize(io.Discard, 128<<10)}
	g := hixie.NewGenerator(rand.NewChaCha8([32]byte{}))
	b.ReportAllocs()
	if err := k.generateMany(context.Background(), g, b.N); err != nil {
		b.Fatal(err)
	}
}
