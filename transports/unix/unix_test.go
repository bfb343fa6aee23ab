package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tempDir is t.TempDir with a name that is short enough for a socket in it.
func tempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "ws76")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func open(t *testing.T, name string) *Transport {
	t.Helper()
	tr, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func listen(t *testing.T, tr *Transport) net.Listener {
	t.Helper()
	l, err := tr.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func setup(name func(t *testing.T) string) func(t *testing.T) transporttest.Setup {
	return func(t *testing.T) transporttest.Setup {
		tr := open(t, name(t))
		l := listen(t, tr)
		return transporttest.Setup{
			Dial:   func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, "ignored.invalid:80") },
			Accept: l.Accept,
		}
	}
}

func TestTransport(t *testing.T) {
	transporttest.Run(t, setup(func(t *testing.T) string { return filepath.Join(tempDir(t), "s") }))
}

func TestAbstract(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, err := New("@name"); err == nil || !strings.Contains(err.Error(), "./@name") {
			t.Errorf("abstract socket on %s: %v, want a refusal that says what to write", runtime.GOOS, err)
		}
		return
	}
	name := fmt.Sprintf("@ws76-test-%d", os.Getpid())
	transporttest.Run(t, setup(func(*testing.T) string { return name }))

	tr := open(t, name)
	l := listen(t, tr)
	if _, err := tr.Listen(t.Context(), ""); !transports.InUse(err) {
		t.Errorf("second Listen on an abstract socket: %v, want one that says it is in use", err)
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of the name %s: %v", name, err)
	}
	l.Close()
	_, err := tr.Dial(t.Context(), "")
	var de *transports.DialError
	if !errors.As(err, &de) || de.Addr != name || !transports.Refused(err) {
		t.Errorf("dial of a closed abstract socket: %v", err)
	}
}

func TestOpen(t *testing.T) {
	for raw, want := range map[string]string{
		"unix:///run/x.sock":                  "/run/x.sock",
		"unix:/run/x.sock":                    "/run/x.sock",
		"unix:x.sock":                         "x.sock",
		"unix:./@x":                           "./@x",
		"unix:///a%20b%3Fc%23":                "/a b?c#",
		"unix:a%20b":                          "a b",
		"unix://run/x.sock":                   "error: write unix:///run/x.sock for a path from the root, unix:run/x.sock for another",
		"unix://@name":                        "error: unix:@name",
		"unix:":                               "error: no path of a socket",
		"unix:@":                              "error: no path of a socket",
		"unix:///a%00b":                       "error: a NUL in the path",
		"unix:///x?mode=1":                    `error: unknown parameter "mode"; unix: has none`,
		"unix:x%zz":                           "error: invalid URL escape",
		"unix:///" + strings.Repeat("x", 200): "error: 201 bytes are too long",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Open(u)
		if text, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q in it", raw, err, text)
			}
		} else if err != nil || tr.name != want {
			t.Errorf("%s: %+v, %v, want the socket %q", raw, tr, err, want)
		}
	}
}

// TestLongestPath binds a path of exactly the length that is allowed.
func TestLongestPath(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, strings.Repeat("x", len(syscall.RawSockaddrUnix{}.Path)-1-len(dir)-1))
	l := listen(t, open(t, path))
	conn, err := open(t, path).Dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	l.Close()
	if _, err := New(path + "x"); err == nil {
		t.Error("a path one byte longer was accepted")
	}
}

// leave makes a socket file that nothing listens on, as a killed process does.
func leave(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	leave(t, path)
	tr := open(t, path)
	_, err := tr.Dial(t.Context(), "")
	if !transports.Refused(err) || !strings.Contains(err.Error(), "left-over") {
		t.Errorf("dial of a stale socket: %v, want a hint at what it is", err)
	}
	l := listen(t, tr)
	conn, err := tr.Dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the socket file is there still (%v)", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestLiveSocketIsKept(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	tr := open(t, path)
	l := listen(t, tr)
	_, err := tr.Listen(t.Context(), "")
	var le *transports.ListenError
	if !errors.As(err, &le) || le.Addr != path || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second Listen: %v, want a ListenError that says it is in use", err)
	}
	go func() { // the probe of the second Listen comes first
		for range 2 {
			if conn, err := l.Accept(); err == nil {
				conn.Write([]byte("alive"))
				conn.Close()
			}
		}
	}()
	conn, err := tr.Dial(t.Context(), "")
	if err != nil {
		t.Fatalf("the first listener is gone: %v", err)
	}
	defer conn.Close()
	got := make([]byte, 5)
	if _, err := conn.Read(got); err != nil || string(got) != "alive" {
		t.Errorf("from the first listener: %q, %v", got, err)
	}
}

func TestOtherFilesAreKept(t *testing.T) {
	dir := tempDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Logf("no symbolic links here: %v", err)
		link = file
	}
	for _, path := range []string{file, link, dir} {
		_, err := open(t, path).Listen(t.Context(), "")
		if err == nil || !strings.Contains(err.Error(), "no socket") {
			t.Errorf("%s: %v, want a refusal", path, err)
		}
	}
	if got, err := os.ReadFile(file); string(got) != "precious" {
		t.Errorf("the file now holds %q, %v", got, err)
	}
	_, err := open(t, filepath.Join(dir, "none", "s")).Listen(t.Context(), "")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v, want fs.ErrNotExist", err)
	}
}

// TestCloseLeavesSuccessor replaces the file under a listener, whose Close must
// then leave it alone.
func TestCloseLeavesSuccessor(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	tr := open(t, path)
	first := listen(t, tr)
	if err := os.Rename(path, path+".old"); err != nil { // its inode cannot be used again
		t.Fatal(err)
	}
	second := listen(t, tr)
	if err := first.Close(); err != nil {
		t.Errorf("Close of a listener whose file is gone: %v", err)
	}
	conn, err := tr.Dial(t.Context(), "")
	if err != nil {
		t.Fatalf("the second listener is gone: %v", err)
	}
	conn.Close()
	second.Close()
}

// TestOneOfManyWins starts many listeners on one stale socket at once. Exactly
// one may have it, and must keep it.
func TestOneOfManyWins(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	tr := open(t, path)
	for range 20 {
		leave(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var won []net.Listener
		for range 8 {
			wg.Go(func() {
				l, err := tr.Listen(t.Context(), "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, l)
				} else if !errors.Is(err, errInUse) {
					t.Errorf("a loser's error: %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d listeners have the socket", len(won))
		}
		conn, err := tr.Dial(t.Context(), "")
		if err != nil {
			t.Fatalf("the winner lost it: %v", err)
		}
		conn.Close()
		won[0].Close()
	}
}

func TestDialNothing(t *testing.T) {
	path := filepath.Join(tempDir(t), "none")
	_, err := open(t, path).Dial(t.Context(), "")
	var de *transports.DialError
	if !errors.As(err, &de) || de.Transport != "unix" || de.Addr != path || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is no DialError of a socket that does not exist", err)
	}
	if !strings.Contains(fmt.Sprint(err), "is the path right") {
		t.Errorf("%q gives no hint", err)
	}
}
