package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// revoked is something that a user has open: what is sent, and what comes before it is.
type revoked struct {
	name, request, answer string
	bridge                bool // has it, too
}

func revokedWays() []revoked {
	const post = "POST /ws/lab/wo HTTP/1.1\r\nHost: localhost\r\nLOGIN"
	ways := []revoked{
		{"a stream", "GET /ws/lab/ro HTTP/1.1\r\nHost: localhost\r\nLOGIN\r\n", "\r\n\r\n", false},
		{"events", "GET /ws/lab/ro HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLOGIN\r\n", "\r\n\r\n", false},
		{"a download", "GET /large.bin HTTP/1.1\r\nHost: localhost\r\nLOGIN\r\n", "\r\n\r\n", false},
		{"a POST", post + "Expect: 100-continue\r\nContent-Length: 100000\r\n\r\nhalf", "100 Continue", false},
		{"a POST of chunks", post + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "100 Continue", false},
	}
	for _, d := range []struct{ name, upgrade string }{{"75", upgrade75 + "LOGIN\r\n"}, {"76", upgrade76 + "LOGIN\r\n^n:ds[4U"}, {"6455", upgrade6455 + "LOGIN\r\n"}} {
		for _, path := range []string{"/echo", "/ws/lab/rw", "/ws/lab/wo", "/child"} {
			ways = append(ways, revoked{"WebSocket " + d.name + " at " + path, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + d.upgrade, "\r\n\r\n", path == "/echo"})
		}
	}
	return ways
}

// TestRevoked: whatever is open in the name of a user ends when SIGHUP takes that user away, or
// changes the password; what others have open stays.
func TestRevoked(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large.bin"), make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := func(password string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(h)
	}
	for name, tc := range map[string]struct{ bob, ann, later string }{
		"gone":                   {"secret", "secret", ""},
		"another password":       {"secret", "secret", "other"},
		"gone, hashed":           {hash("secret"), hash("secret"), ""},
		"another password, hash": {"secret", hash("secret"), hash("other")},
	} {
		for command, args := range map[string][]string{
			"serve":  {"serve", "127.0.0.1:0", "--exec", "cat", "--static", dir},
			"bridge": {"bridge", "ws://127.0.0.1:0", "exec:cat"},
		} {
			t.Run(command+", "+name, func(t *testing.T) {
				t.Parallel()
				users := filepath.Join(t.TempDir(), "users")
				write := func(ann string) {
					text := "bob:" + tc.bob + "\n"
					if ann != "" {
						text += "ann:" + ann + "\n"
					}
					if err := os.WriteFile(users, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				write(tc.ann)
				s := inBackground(t, nil, append(args, "--auth-file", users)...)
				addr := ""
				for addr == "" {
					if _, after, ok := strings.Cut(s.line(t), " ws://"); ok {
						addr = strings.TrimRight(strings.Fields(after)[0], "/")
					}
				}
				open := func(user string, way *revoked) (net.Conn, *bufio.Reader) {
					stream, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { stream.Close() })
					stream.SetDeadline(time.Now().Add(bound))
					io.WriteString(stream, strings.Replace(way.request, "LOGIN", basic(user+":secret"), 1))
					answers := bufio.NewReader(stream)
					for got := ""; !strings.HasSuffix(got, way.answer); {
						b, err := answers.ReadByte()
						if got += string(b); err != nil || strings.HasPrefix(got, "HTTP/1.1 4") {
							t.Fatalf("%s: %q, %v", way.name, got, err)
						}
					}
					return stream, answers
				}
				var annes, bobs []*bufio.Reader
				var streams []net.Conn
				var ways []revoked
				for _, way := range revokedWays() {
					if command == "bridge" && !way.bridge {
						continue
					}
					_, answers := open("ann", &way)
					stream, others := open("bob", &way)
					ways, annes, bobs, streams = append(ways, way), append(annes, answers), append(bobs, others), append(streams, stream)
				}
				var kept net.Conn
				var keptAnswers *bufio.Reader
				state := func() int {
					fmt.Fprintf(kept, "GET /api/state HTTP/1.1\r\nHost: localhost\r\n%s\r\n", basic("ann:secret"))
					answer, err := http.ReadResponse(keptAnswers, nil)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, answer.Body)
					return answer.StatusCode
				}
				if command == "serve" {
					var err error
					if kept, err = net.Dial("tcp", addr); err != nil {
						t.Fatal(err)
					}
					defer kept.Close()
					kept.SetDeadline(time.Now().Add(bound))
					keptAnswers = bufio.NewReader(kept)
					if got := state(); got != 200 {
						t.Errorf("the dashboard's state: %d", got)
					}
				}
				write(tc.later)
				syscall.Kill(s.pid, syscall.SIGHUP)
				for !strings.Contains(s.line(t), "reloaded: users") {
				}
				for i, way := range ways {
					if _, err := io.Copy(io.Discard, annes[i]); isTimeoutError(err) {
						t.Errorf("%s is open still", way.name)
					}
				}
				if kept != nil {
					if got := state(); got != 401 {
						t.Errorf("the dashboard's state, on a connection that was kept: %d", got)
					}
				}
				for i, way := range ways {
					if !strings.HasPrefix(way.name, "WebSocket 75 at /echo") {
						continue
					}
					io.WriteString(streams[i], "\x00still\xff")
					if got, err := bobs[i].ReadString(0xff); got != "\x00still\xff" {
						t.Errorf("%s of another user: %q, %v", way.name, got, err)
					}
				}
			})
		}
	}
}

func isTimeoutError(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
