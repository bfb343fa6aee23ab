package serve_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/auth"
	"github.com/ws76/ws76/core/serve/gate"
)

// No event loop waits for a password to be checked against a hash: where there are any
// hashes there are no loops.
func TestHashesNeedGoroutines(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for secret, wanted := range map[string]bool{"pw": runtime.GOOS == "linux", string(hash): false} {
		file := filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(file, []byte("u:"+secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		users, err := auth.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, loops, &serve.Server{Gate: &gate.Gate{Users: auth.NewGuard(users)}, Events: serve.Echo{}})
		conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", &core.DialOptions{Header: hixie.Fields{{Name: "Authorization", Value: "Basic dTpwdw=="}}})
		if err != nil {
			t.Fatal(err)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if is := strings.Contains(string(stacks), "serve.(*loop).run("); is != wanted {
			t.Errorf("%q: loops run: %v, want %v", secret, is, wanted)
		}
		conn.Close(testContext(t))
		r.stopAndWait(t)
	}
}

// Passwords that wait to be checked hold up no server that stops, whatever was asked for.
func TestStopLeavesPasswords(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost+3)
	if err != nil {
		t.Fatal(err)
	}
	users, err := auth.Parse([]byte("u:" + string(hash)))
	if err != nil {
		t.Fatal(err)
	}
	login := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("u:wrong")) + "\r\n"
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n" + login + "\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n" + login + "\r\n",
		strings.Replace(openingOf(core.Hixie76), "\r\n", "\r\n"+login, 1),
	} {
		r := start(t, goroutines, &serve.Server{Gate: &gate.Gate{Users: auth.NewGuard(users)}, Events: serve.Echo{}, Grace: time.Hour})
		answers := make(chan string, 8)
		for range cap(answers) {
			stream := r.raw(t, false)
			io.WriteString(stream, head)
			go func() {
				status, _ := bufio.NewReader(stream).ReadString('\n')
				answers <- status
			}()
		}
		<-answers // one has been checked, and the next is
		r.stopAndWait(t)
		checked := 1
		for range cap(answers) - 1 {
			if strings.Contains(<-answers, " 401 ") {
				checked++
			}
		}
		if checked == cap(answers) {
			t.Errorf("%.4q: all passwords were checked first", head)
		}
		// What was being checked is to end, at its low priority, before others' leaks are looked for.
		for stacks := make([]byte, 1<<20); strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "auth.lowered"); {
			time.Sleep(10 * time.Millisecond)
		}
	}
}
