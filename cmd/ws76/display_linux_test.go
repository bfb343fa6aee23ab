package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/scripts"
)

// hostileText has one of each kind of what steers a terminal, deceives who reads it, or begins
// a line of the log.
const hostileText = "a\x1b]0;evil\x07b\x9bc\u009b31md\u202ee\u2066f\u2028g\x7fh\rws76: forged i\u200bj\nws76: forged k"

// dangers are bytes and characters that no command may show.
func dangers(shown string) (found []string) {
	shown = strings.ReplaceAll(shown, "\r\n", "\n") // of the terminal's own
	for i := 0; i < len(shown); {
		r, n := utf8.DecodeRuneInString(shown[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\n' && r != '\t', 0x7F <= r && r < 0xA0,
			r == 0x200B, 0x2028 <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
			found = append(found, fmt.Sprintf("%U at %q", r, shown[max(0, i-20):min(len(shown), i+20)]))
		}
		i += n
	}
	return found
}

// Whatever others have written, nothing of it steers the terminal, in any command.
func TestTerminalIsNotSteered(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lua := luaString(hostileText)
	utf := strings.ToValidUTF8(hostileText, "?")
	plugin := filepath.Dir(file("plugins/evil/plugin.lua", "plugin = { name = \"evil\", version = \"1.0.0\", summary = "+luaString("x\u009b31m\u202ey")+" }\n"))
	file("plugins/evil/README.md", hostileText)
	t.Setenv("WS76_PLUGIN_PATH", filepath.Dir(plugin))
	t.Setenv("XDG_DATA_HOME", dir)
	recorded := file("r.jsonl", `{"t":0,"conn":1,"event":"open","role":"client","dialect":"hixie-76","remote":`+jsonString(utf)+`}`+"\n"+
		`{"t":0,"conn":1,"dir":"in","data":`+jsonString(utf)+`}`+"\n"+
		`{"t":0,"conn":1,"event":"close","code":1006,"error":`+jsonString(utf)+`}`+"\n")
	head := file("head", "GET /"+"\u202e\u009b HTTP/1.1\r\nHost: \x9b\u202e\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 1 \x9b2\r\nSec-WebSocket-Key2: 1 \u202e2\r\n\r\n12345678")
	frames := file("frames", "\x00"+hostileText+"\xff\x00"+utf+"\xff")
	for _, args := range [][]string{
		{"run", file("print.lua", "print("+lua+") io.write("+lua+") ws76.log.warn("+lua+")\n")},
		{"run", file("fails.lua", "error("+lua+")\n")},
		{"script", "test", file("x_test.lua", "function test_x() print("+lua+") error("+lua+") end\n")},
		{"plugin", "list"},
		{"plugin", "info", "evil"},
		{"plugin", "install", plugin},
		{"connect", "--plugin", "evil", "--help"},
		{"replay", "-v", recorded},
		{"frame", "dump", head},
		{"frame", "dump", frames},
		{"keygen", "--explain", "--key1", "1 \u202e\x9b2", "--key2", "3 4", "--key3", "12345678"},
		{"connect", "ws://" + utf + "/"},
		{utf},
		{"serve", "--" + utf},
	} {
		r := onTerminal(t, args...)
		r.cmd.Wait()
		<-r.closed
		if found := dangers(r.text()); found != nil {
			t.Errorf("%q: %v in %q", args, found, r.text())
		}
		if testing.Verbose() {
			t.Logf("%q:\n%s", args, r.text())
		}
	}
	for _, how := range []string{"", "-v", "-vv", "-vvv"} {
		url := peerOf(t, "handshake", `send "\x00`+strings.Trim(fmt.Sprintf("%q", utf), `"`)+`\xff"`, `send "\xff\x00"`)
		args := []string{"connect", url, "--no-stdin"}
		if how != "" {
			args = append(args, how)
		}
		r := onTerminal(t, args...)
		r.cmd.Wait()
		<-r.closed
		if found := dangers(r.text()); found != nil || !strings.Contains(r.text(), `\x1b]0;evil`) {
			t.Errorf("%q: %v in %q", args, found, r.text())
		}
	}
}

func luaString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "\\%03d", c)
	}
	return b.String() + `"`
}

func jsonString(text string) string {
	return strings.NewReplacer("\x1b", `\u001b`, "\x07", `\u0007`, "\r", `\r`, "\n", `\n`).Replace(`"` + text + `"`)
}

// No text of others begins a line of the log.
func TestLogLinesAreWhole(t *testing.T) {
	for name, arg := range map[string]any{
		"string": hostileText, "bytes": []byte(hostileText), "error": errors.New(hostileText), "script": &scripts.LoadError{Err: errors.New(hostileText), Traceback: "stack traceback:\n\tx"},
	} {
		var out bytes.Buffer
		l := app.NewLogger(&out)
		l.Errorf("%s: %v", "who", arg)
		text := out.String()
		if n := len(regexp.MustCompile(`(?m)^ws76:`).FindAllString(text, -1)); n != 1 || dangers(text) != nil {
			t.Errorf("%s: %d lines of the log, %v: %q", name, n, dangers(text), text)
		}
	}
}
