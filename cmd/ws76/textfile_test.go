package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// textFlags are the flags that name a text, with one that they take, and the arguments that they need beside them.
var textFlags = map[string]struct {
	text string
	also []string
}{
	"header":       {text: "X-One: 1\r\nX-Two: 2\r\n"},
	"auth-file":    {text: "ann:secret-of-ann\n"},
	"to-auth-file": {text: "ann:secret-of-ann\n"},
	"cacert":       {text: testPEM},
	"cert":         {text: testPEM},
	"key":          {text: testPEM, also: []string{"--cert", "pem"}},
	"tls-cert":     {text: testPEM},
	"tls-key":      {text: testPEM, also: []string{"--tls-cert", "pem"}},
	"hub-cacert":   {text: testPEM, also: []string{"--hub", "nats://127.0.0.1:1"}},
	"hub-cert":     {text: testPEM, also: []string{"--hub", "nats://127.0.0.1:1"}},
	"hub-key":      {text: testPEM, also: []string{"--hub", "nats://127.0.0.1:1", "--hub-cert", "pem"}},
	"script":       {text: "function on_message(c, data) return data end\n"},
	"config":       {text: "[connect]\nverbose = 1\n"},
	"phrase-file":  {text: "correct horse\n", also: []string{"--ssid", "lab"}},
	"settings":     {text: "wlan ssid lab\n"},
	"file":         {text: "[bridge.a]\nfrom = \"tcp://127.0.0.1:x\"\nto = \"ws://127.0.0.1:1\"\n"},
}

// textArguments are the commands whose argument is a text.
var textArguments = map[string]string{
	"run":          "print('ran')\n",
	"script check": "function on_message(c, data) return data end\n",
	"script test":  "function test_one() end\n",
	"replay":       `{"ws76":"recording","version":1,"start":"2026-01-02T03:04:05Z"}` + "\n" + `{"t":0,"dir":"in","data":"x"}` + "\n",
}

// otherFiles are those that are no text, or that are not read.
var otherFiles = map[string]string{
	"message": "data, which goes out as it is", "record": "written", "log": "written", "hub-creds": "read by the library of NATS",
	"frame dump": "a capture", "plugin install": "an archive or a folder", "script new": "written",
}

// ends are arguments of commands with which they end soon, having read what they are told to.
func ends(command, taken, dir string) []string {
	switch command {
	case "connect":
		return []string{"wss://127.0.0.1:1/"}
	case "serve":
		return []string{"--listen", taken, "--echo"}
	case "bridge":
		return []string{"ws://" + taken, "wss://127.0.0.1:1/"}
	case "run":
		return []string{filepath.Join(dir, "run.lua")}
	case "replay":
		return []string{filepath.Join(dir, "replay"), "wss://127.0.0.1:1/"}
	case "wifly setup":
		return []string{"--port", "/dev/null"}
	case "wifly emulate":
		return []string{"--port", "/dev/null", "--listen", "nowhere"}
	}
	return nil
}

// TestTextFiles reads each text that can be named on the command line as it is, with the byte order mark that editors on
// Windows write, where nothing may differ, and as UTF-16, which is an error that says so.
func TestTextFiles(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("pem", testPEM)
	write("run.lua", textArguments["run"])
	write("replay", textArguments["replay"])

	check := func(t *testing.T, text string, args []string, good bool) {
		t.Helper()
		write("text", text)
		plain := runText(t, args)
		if good && !strings.HasPrefix(plain, "code 0:") {
			t.Errorf("%q: %s", args, plain)
		}
		if strings.Contains(plain, "Incorrect Usage") || strings.Contains(plain, "flag provided") {
			t.Fatalf("%q: %s", args, plain)
		}
		write("text", "\xef\xbb\xbf"+text)
		if marked := runText(t, args); marked != plain {
			t.Errorf("%q with a byte order mark:\n%s\nwithout:\n%s", args, marked, plain)
		}
		write("text", "\xff\xfe"+text)
		if utf16 := runText(t, args); !strings.Contains(utf16, "UTF-16") || strings.HasPrefix(utf16, "code 0:") {
			t.Errorf("%q of UTF-16: %s", args, utf16)
		}
	}
	file := regexp.MustCompile(`\bFILE\b`)
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			path := append(slices.Clone(path), c.Name)
			name := strings.Join(path, " ")
			walk(path, c.Subcommands)
			if text, ok := textArguments[name]; ok {
				t.Run(name, func(t *testing.T) { check(t, text, append(slices.Clone(path), "text"), true) })
			} else if file.MatchString(c.ArgsUsage) && otherFiles[name] == "" {
				t.Errorf("%s %s: is it a text?", name, c.ArgsUsage)
			}
			for _, f := range c.Flags {
				flag := f.Names()[0]
				if usage, ok := f.(cli.DocGenerationFlag); !ok || !file.MatchString(usage.GetUsage()) || otherFiles[flag] != "" || flag == "config" && name != "version" {
					continue
				}
				text, ok := textFlags[flag]
				if !ok {
					t.Errorf("%s --%s: is it a text?", name, flag)
					continue
				}
				t.Run(name+" --"+flag, func(t *testing.T) {
					value := "text"
					if flag == "header" {
						value = "@text"
					}
					args := append(slices.Concat(path, text.also), "--"+flag, value)
					if flag != "file" {
						args = append(args, ends(name, taken.Addr().String(), dir)...)
					}
					check(t, strings.ReplaceAll(text.text, "127.0.0.1:x", taken.Addr().String()), args, false)
				})
			}
		}
	}
	walk(nil, newApp(&reach.Env{Env: &app.Env{Getenv: os.Getenv, Log: app.NewLogger(nil)}}).Commands)
}

// runText runs a command and returns how it ended and what it has said.
func runText(t *testing.T, args []string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := runMain(ctx, append([]string{"ws76"}, args...), &reach.Env{Env: &app.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" },
	}})
	if ctx.Err() != nil {
		t.Fatalf("%q does not end: %s", args, out.String())
	}
	return strings.ReplaceAll(fmt.Sprintf("code %d: %s", code, out.String()), "\r", "")
}

// testPEM is a certificate for ws76.test and its key.
const testPEM = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUF0TP97WLZZ16giqFUY8HoD28k6swCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJd3M3Ni50ZXN0MCAXDTI2MTEzMDAzNTIxM1oYDzIxMjYxMTA2
MDM1MjEzWjAUMRIwEAYDVQQDDAl3czc2LnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKl+gPUW9VUY56DG8fQmez3zuuiLJOrzNaC9sjQCmXjQMWI/m66uro
h0hXf9PgX8MXOkCr+b/HvbmsYwlFgz8Mo1MwUTAdBgNVHQ4EFgQUR1LmtVWA8Ymp
6F3/hfNcWSBJx3UwHwYDVR0jBBgwFoAUR1LmtVWA8Ymp6F3/hfNcWSBJx3UwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA8ajOabJq0yfo4aqZurHi
zsuTrJ298WP0r3iApzY6pvsCIHwSTi6FCauEbarwVjJ/QcqfUgq04PsjqDnS3hxQ
3Uvj
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcQUomrIlBdpkMk72
pOCmltSfNFViOow1y9sSzKyy3OKhRANCAASKl+gPUW9VUY56DG8fQmez3zuuiLJO
rzNaC9sjQCmXjQMWI/m66uroh0hXf9PgX8MXOkCr+b/HvbmsYwlFgz8M
-----END PRIVATE KEY-----
`
