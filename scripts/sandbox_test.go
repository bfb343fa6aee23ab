package scripts

import (
	"strings"
	"testing"
)

// Without permissions nothing reaches the system, whatever is touched first.
func TestSandbox(t *testing.T) {
	for _, call := range []string{
		`os.execute("true")`, `os.exit(1)`, `os.remove("x")`, `os.getenv("HOME")`, `io.open("x")`, `io.popen("x")`, `io.lines("x")`,
		`dofile("x")`, `loadfile("x")`, `debug.getinfo(1)`, `debug.getregistry()`, `ws76.exec("true")`, `ws76.http("http://x")`, `ws76.env("HOME")`,
		`require("os").execute("true")`, `local _ = os.time() os.execute("true")`, `ws76.read_file("/etc/passwd")`, `ws76.watch("/etc/*", print)`,
		`require("../x")`, `require("/etc/x")`,
	} {
		r := newRig(t, `function on_message(c, d)
			local ok, err, more = pcall(function() return `+strings.TrimPrefix(call, "local _ = os.time() ")+` end)
			print(ok, err, more)
		end`, Options{})
		r.push("x")
		got := strings.Join(r.got(&r.prints), "\n")
		refused := strings.HasPrefix(got, "false") || strings.HasPrefix(got, "true\tnil\t")
		if !refused {
			t.Errorf("%s: %s", call, got)
		}
	}
	r := newRig(t, `function on_message() return tostring(type(os.time()) .. type(os.date()) .. type(debug.traceback()) .. type(math.floor(1.5)) .. #ws76.hex.encode("ab")) end`, Options{})
	r.push("x")
	r.want("what is allowed", &r.toB, "numberstringstringnumber4")
}
