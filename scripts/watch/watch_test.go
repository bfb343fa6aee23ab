package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps the events of a watch.
type recorder struct {
	ignore string // events that begin so are not looked at
	mu     sync.Mutex
	events []string
	came   chan struct{}
}

func (r *recorder) take(events []Event) {
	r.mu.Lock()
	for _, e := range events {
		r.events = append(r.events, fmt.Sprintf("%s %s", e.Op, filepath.ToSlash(e.Path)))
	}
	r.mu.Unlock()
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// expect waits until exactly these events came, in any order, and forgets them.
func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	late := time.After(10 * time.Second)
	slices.Sort(want)
	for {
		r.mu.Lock()
		got := slices.Clone(r.events)
		if r.ignore != "" {
			got = slices.DeleteFunc(got, func(e string) bool { return strings.HasPrefix(e, r.ignore) })
		}
		slices.Sort(got)
		if slices.Equal(got, want) {
			r.events = nil
		}
		r.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		if len(got) > len(want) {
			t.Fatalf("events %q, want %q", got, want)
		}
		select {
		case <-r.came:
		case <-late:
			t.Fatalf("events %q, want %q", got, want)
		}
	}
}

// start watches a pattern in a fresh working folder.
func start(t *testing.T, pattern string, files ...string) *recorder {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range files {
		write(t, f, "old")
	}
	return begin(t, pattern)
}

// begin watches a pattern.
func begin(t *testing.T, pattern string) *recorder {
	t.Helper()
	r := &recorder{came: make(chan struct{}, 1)}
	_, err := watcher(t).Add(pattern, r.take)
	check(t, err)
	return r
}

// watcher returns a Watcher that is closed at the end.
func watcher(t *testing.T) *Watcher {
	t.Helper()
	w, err := New(&Options{Quiet: 30 * time.Millisecond, OnError: func(err error) { t.Error(err) }})
	check(t, err)
	t.Cleanup(func() { check(t, w.Close()) })
	return w
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	r := start(t, "config.txt", "config.txt", "other.txt")
	write(t, "config.txt", "new")
	r.expect(t, "write config.txt")
	// As vim does: the old one away, a new one in its place.
	check(t, os.Rename("config.txt", "config.txt~"))
	write(t, "config.txt", "newer")
	check(t, os.Remove("config.txt~"))
	r.expect(t, "write config.txt")
	// As most others do: a rename over it.
	write(t, ".config.tmp", "newest")
	check(t, os.Rename(".config.tmp", "config.txt"))
	r.expect(t, "write config.txt")
	check(t, os.Remove("config.txt"))
	write(t, "config.txt", "again")
	r.expect(t, "write config.txt")
	check(t, os.Remove("config.txt"))
	r.expect(t, "remove config.txt")
	write(t, "other.txt", "x")
	write(t, "config.txt", "back")
	r.expect(t, "create config.txt")
	check(t, os.Rename("config.txt", "old.txt"))
	r.expect(t, "rename config.txt")
}

func TestFolder(t *testing.T) {
	r := start(t, "in", "in/a")
	write(t, "in/b", "1")
	write(t, "in/a", "1")
	check(t, os.Mkdir("in/sub", 0o777))
	write(t, "in/sub/c", "1") // not of the folder itself
	r.expect(t, "create in/b", "write in/a")
	check(t, os.Remove("in/a"))
	check(t, os.Rename("in/b", "in/c"))
	r.expect(t, "remove in/a", "rename in/b", "create in/c")
}

func TestBulk(t *testing.T) {
	r := start(t, "in/*.txt", "in/x")
	var want []string
	for i := range 1000 {
		write(t, fmt.Sprintf("in/%d.txt", i), "x")
		write(t, fmt.Sprintf("in/%d.dat", i), "x")
		want = append(want, fmt.Sprintf("create in/%d.txt", i))
	}
	// A file that is noticed between its creation and its first byte is written to, too.
	r.ignore = "write "
	r.expect(t, want...)
}

func TestFolderLater(t *testing.T) {
	r := start(t, "a/b/*.txt")
	write(t, "a/b/1.txt", "x")
	r.expect(t, "create a/b/1.txt")
	check(t, os.RemoveAll("a"))
	r.expect(t, "remove a/b/1.txt")
	write(t, "a/b/2.txt", "x")
	r.expect(t, "create a/b/2.txt")
	check(t, os.Rename("a/b", "a/c"))
	write(t, "a/b/3.txt", "x")
	r.expect(t, "remove a/b/2.txt", "create a/b/3.txt")
}

func TestPlainLater(t *testing.T) {
	r := start(t, "in")
	check(t, os.Mkdir("in", 0o777))
	write(t, "in/a", "x")
	r.expect(t, "create in/a")
	check(t, os.RemoveAll("in"))
	r.expect(t, "remove in/a")
	write(t, "in", "now a file")
	r.expect(t, "create in")
}

func TestDeep(t *testing.T) {
	r := start(t, "tree/**/*.lua", "tree/x.lua", "tree/a/y.lua")
	write(t, "tree/a/y.lua", "new")
	write(t, "tree/b/c/d/z.lua", "new")
	write(t, "tree/b/c/d/z.txt", "new")
	r.expect(t, "write tree/a/y.lua", "create tree/b/c/d/z.lua")
	check(t, os.Rename("tree/b", "tree/e"))
	r.expect(t, "remove tree/b/c/d/z.lua", "create tree/e/c/d/z.lua")
	write(t, "tree/e/c/d/z.lua", "newer")
	r.expect(t, "write tree/e/c/d/z.lua")
}

func TestAbsolute(t *testing.T) {
	folder := t.TempDir()
	r := start(t, filepath.Join(folder, "*.txt"))
	write(t, filepath.Join(folder, "a.txt"), "x")
	r.expect(t, "create "+filepath.ToSlash(filepath.Join(folder, "a.txt")))
}

// TestNeverQuiet has an event although the file is written all the time.
func TestNeverQuiet(t *testing.T) {
	r := start(t, "log", "log")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		f, err := os.OpenFile("log", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = f.WriteString("x")
			}
		}
	})
	select {
	case <-r.came:
	case <-time.After(10 * time.Second):
		t.Error("no event of a file that is written all the time")
	}
	close(stop)
	wg.Wait()
}

func TestClose(t *testing.T) {
	t.Chdir(t.TempDir())
	w, err := New(&Options{Quiet: 10 * time.Millisecond})
	check(t, err)
	r, closed := &recorder{came: make(chan struct{}, 1)}, &recorder{came: make(chan struct{}, 1)}
	one, err := w.Add("*", closed.take)
	check(t, err)
	_, err = w.Add("*", r.take)
	check(t, err)
	one.Close()
	one.Close()
	write(t, "a", "x")
	r.expect(t, "create a")
	if closed.events != nil {
		t.Errorf("events of a closed watch: %q", closed.events)
	}
	check(t, w.Close())
	check(t, w.Close())
	if _, err := w.Add("*", r.take); err != ErrClosed {
		t.Errorf("Add on a closed watcher: %v", err)
	}
	for folder, n := range w.folders {
		if n != 1 {
			t.Errorf("%d watches of %s, want that of the open one", n, folder)
		}
	}
}

func TestBadPattern(t *testing.T) {
	w, err := New(nil)
	check(t, err)
	defer w.Close()
	if _, err := w.Add("a[", func([]Event) {}); err == nil {
		t.Error("no error for a pattern that is none")
	}
}

// TestLiteral: the folder's own name is no pattern, nor is what is there by that very name.
func TestLiteral(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data [x] {a,b}")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Skip(err)
	}
	t.Chdir(dir)
	write(t, "one[1].txt", "old")
	write(t, "one1.txt", "old")
	r := begin(t, "*.dat")
	named := begin(t, "one[1].txt")
	absolute := begin(t, filepath.Join(dir, "in", "*.txt"))
	write(t, "a.dat", "new")
	r.expect(t, "create a.dat")
	write(t, "one1.txt", "new")
	write(t, "one[1].txt", "new")
	named.expect(t, "write one[1].txt")
	write(t, "in/a.txt", "new")
	absolute.expect(t, "create "+filepath.ToSlash(filepath.Join(dir, "in", "a.txt")))
}

// A folder that is moved and removed at once is gone from the system before its watch is given up, of which fsnotify tells
// with a lock held that giving up needs, too.
func TestMovedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	r := begin(t, filepath.Join(dir, "**/*.lua"))
	for range 300 {
		check(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o777))
		check(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")))
		check(t, os.RemoveAll(filepath.Join(dir, "c")))
	}
	write(t, filepath.Join(dir, "last.lua"), "")
	r.expect(t, "create "+filepath.Join(dir, "last.lua"))
}
