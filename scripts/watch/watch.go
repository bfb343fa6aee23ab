// Package watch tells when files change: a file, the entries of a folder, or whatever fits a glob such as "in/**/*.txt".
//
// It watches folders, so it sees what editors and cp do: a file that is written, replaced by a rename, deleted and made
// anew, and folders that appear later. Where symbolic links lead to a file, their folders are watched as well as its own:
// a link that leads elsewhere is a write. What comes for a path within a short time is one event, and the event says what
// became of the path, not how: a rename over it is a write. It knows nothing of scripts.
package watch

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/ws76/ws76/internal/glob"
)

// Op is what became of a path.
type Op uint8

const (
	Create Op = iota + 1 // it was not there before
	Write                // its content was written, or it is another file now
	Remove               // it is gone
	Rename               // it is gone and lives on under another name
)

func (o Op) String() string {
	switch o {
	case Create:
		return "create"
	case Write:
		return "write"
	case Remove:
		return "remove"
	case Rename:
		return "rename"
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// Event is a change of one file. Folders have none.
type Event struct {
	// Path is absolute if the pattern was, otherwise relative to the working folder.
	Path string
	Op   Op
}

// DefaultQuiet is how long nothing must happen to a path before its event comes.
const DefaultQuiet = 100 * time.Millisecond

// patience is how many times Quiet a path that never rests is waited for.
const patience = 10

// maxFolders bounds what one watch takes of the system.
const maxFolders = 10_000

// Options of a Watcher. Nil is the same as zero.
type Options struct {
	// Quiet is how long nothing must happen to a path before its event comes; an event is at most ten times as late.
	// 0 means DefaultQuiet.
	Quiet time.Duration
	// OnError hears of folders that cannot be watched, once of each. It is called on any goroutine, with a lock held: it
	// must not call the Watcher. Nil ignores it.
	OnError func(error)
}

// Watcher watches any number of patterns with one handle of the system. Its methods may be called from any goroutine.
type Watcher struct {
	quiet   time.Duration
	onError func(error)
	system  *fsnotify.Watcher
	errs    chan error    // what went wrong with the system's watches
	lost    chan struct{} // holds a value when events were lost
	done    chan struct{} // closed when the goroutines have ended

	mu      sync.Mutex
	closed  bool
	watches []*Watch
	folders map[string]int  // watched, by how many watches
	told    map[string]bool // what OnError heard of, until it can be watched
	timer   *time.Timer     // runs when some path is pending
	armed   bool
}

// ErrClosed is returned by Add on a Watcher that was closed.
var ErrClosed = errors.New("watch: the watcher is closed")

// New returns a Watcher, which the caller closes.
func New(o *Options) (*Watcher, error) {
	if o == nil {
		o = new(Options)
	}
	system, err := fsnotify.NewBufferedWatcher(256)
	if err != nil {
		return nil, fmt.Errorf("watch: %w (on Linux, fs.inotify.max_user_instances bounds how many watchers a user has)", err)
	}
	w := &Watcher{
		quiet: cmp.Or(o.Quiet, DefaultQuiet), onError: o.OnError, system: system,
		errs: make(chan error, 16), lost: make(chan struct{}, 1), done: make(chan struct{}), folders: make(map[string]int), told: make(map[string]bool), timer: time.NewTimer(time.Hour),
	}
	w.timer.Stop()
	go w.run()
	return w, nil
}

// Watch is one pattern that is watched.
type Watch struct {
	watcher *Watcher
	fn      func([]Event)
	base    string // the folder before the first wildcard; the path itself if there is none
	rest    string // the pattern of what is below; "" for none
	depth   int    // levels of folders below base that can matter; -1 for all
	working string // what event paths are relative to; "" for absolute ones
	closed  bool
	stale   bool // its folders are to be looked at anew
	places  map[string]*place
	known   map[string]os.FileInfo // nil: never looked
	pending map[string]*change
}

// change is what happened to a path since its last event.
type change struct {
	first, last            time.Time
	written, renamed, gone bool
}

// Add calls fn for the changes of files that pattern names: a file, a folder (for the files in it), or a glob with *, **,
// ?, [a-z] and {a,b}, in which what is there by that very name is no wildcard. Nothing of it need exist yet. What is there
// already makes no event. fn gets the changes that are due at once, ordered by path; it is called on a goroutine of the
// Watcher, one call at a time, and must not wait long.
func (w *Watcher) Add(pattern string, fn func([]Event)) (*Watch, error) {
	_, working, err := absolute(pattern)
	if err != nil {
		return nil, err
	}
	base, rest := glob.Split(working, pattern)
	return w.addGlob(&Watch{base: base, rest: rest, working: working}, fn)
}

// AddGlob is Add for a pattern that glob.Split has split; base is absolute.
func (w *Watcher) AddGlob(base, rest string, fn func([]Event)) (*Watch, error) {
	return w.addGlob(&Watch{base: base, rest: rest}, fn)
}

func (w *Watcher) addGlob(t *Watch, fn func([]Event)) (*Watch, error) {
	if !glob.Valid(t.rest) {
		return nil, fmt.Errorf("watch: %q is no valid pattern: wildcards are *, **, ?, [a-z] and {a,b}", t.rest)
	}
	t.depth = strings.Count(t.rest, "/")
	if strings.Contains(t.rest, "**") {
		t.depth = -1
	}
	return w.add(t, fn)
}

// AddFile is Add for one file, whatever its name looks like.
func (w *Watcher) AddFile(path string, fn func([]Event)) (*Watch, error) {
	path, working, err := absolute(path)
	if err != nil {
		return nil, err
	}
	return w.add(&Watch{base: path, working: working}, fn)
}

// absolute makes a path absolute and returns the working folder, if that was needed. It keeps "..", which behind a link
// is not what it looks like.
func absolute(path string) (abs, working string, err error) {
	if filepath.IsAbs(path) {
		return path, "", nil
	}
	if working, err = os.Getwd(); err != nil {
		return "", "", fmt.Errorf("watch: %w", err)
	}
	return strings.TrimSuffix(working, string(filepath.Separator)) + string(filepath.Separator) + path, working, nil
}

// add begins a watch.
func (w *Watcher) add(t *Watch, fn func([]Event)) (*Watch, error) {
	t.watcher, t.fn, t.pending = w, fn, make(map[string]*change)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	w.watches = append(w.watches, t)
	w.sync(t)
	return t, nil
}

// Close ends the watch: no call of its function begins afterwards that was not on its way already.
func (t *Watch) Close() {
	w := t.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	w.watches = slices.DeleteFunc(w.watches, func(o *Watch) bool { return o == t })
	for f := range t.places {
		w.leave(f)
	}
}

// Close ends all watches and waits for the goroutine. It must not be called from a function given to Add.
func (w *Watcher) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	for _, t := range w.watches {
		t.closed = true
	}
	w.mu.Unlock()
	var err error
	if first {
		err = w.system.Close()
	}
	<-w.done
	return err
}

// failed tells what is wrong with watching a folder or a pattern, once.
func (w *Watcher) failed(what string, err error) {
	if w.onError != nil && !w.told[what] {
		w.told[what] = true
		w.onError(fmt.Errorf("watch: %s: %w", what, err))
	}
}

// drain takes errors of the system at once and without the lock: fsnotify reports that a watch is gone already with a
// lock held for which Add and Remove wait.
func (w *Watcher) drain() {
	defer close(w.errs)
	for err := range w.system.Errors {
		switch {
		case errors.Is(err, fsnotify.ErrEventOverflow):
			select {
			case w.lost <- struct{}{}:
			default:
			}
		case !errors.Is(err, syscall.EINVAL): // a watch is given up that the system has given up already
			select {
			case w.errs <- err:
			default: // enough of them wait to be told
			}
		}
	}
}

// run is the goroutine of the Watcher.
func (w *Watcher) run() {
	defer close(w.done)
	defer w.timer.Stop()
	go w.drain()
	defer func() {
		for range w.errs {
		}
	}()
	unseen := 0 // events since the folders were looked at
	for {
		select {
		case e, ok := <-w.system.Events:
			if !ok {
				return
			}
			w.mu.Lock()
			w.happened(e)
			// One look is enough for all that is at hand.
			if unseen++; unseen >= maxUnseen || len(w.system.Events) == 0 {
				unseen = 0
				w.refresh()
			}
			w.mu.Unlock()
		case <-w.lost: // nothing is known for sure
			w.mu.Lock()
			w.forget(string(filepath.Separator))
			for _, t := range w.watches {
				t.stale = true
			}
			w.refresh()
			w.mu.Unlock()
		case err, ok := <-w.errs:
			if !ok {
				return
			}
			if w.onError != nil {
				w.mu.Lock()
				w.onError(fmt.Errorf("watch: %w", err))
				w.mu.Unlock()
			}
		case <-w.timer.C:
			w.report()
		}
	}
}

// maxUnseen bounds the events for which one look at the folders is put off.
const maxUnseen = 256

// refresh looks at the folders of the watches for which they may be others now. The lock is held.
func (w *Watcher) refresh() {
	for _, t := range w.watches {
		if t.stale {
			w.sync(t)
		}
	}
}

// happened takes an event of the system. The lock is held.
func (w *Watcher) happened(e fsnotify.Event) {
	path := filepath.Clean(e.Name)
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		w.forget(path)
	}
	folder, name := filepath.Split(path)
	folder = filepath.Clean(folder)
	leads := false // elsewhere: a new folder or a new link
	if e.Has(fsnotify.Create) {
		info, err := os.Lstat(path)
		leads = err == nil && (info.IsDir() || info.Mode()&os.ModeSymlink != 0)
	}
	for _, t := range w.watches {
		p := t.places[folder]
		if p == nil {
			continue
		}
		if p.way[name] && e.Op != fsnotify.Write || leads && (p.as != nil || p.targets[name] != nil) {
			t.stale = true
		}
		for _, as := range p.as {
			if as = filepath.Join(as, name); t.matches(as) {
				w.touch(t, as, e.Op)
			}
		}
		for _, as := range p.targets[name] {
			w.touch(t, as, e.Op)
		}
	}
}

// within reports whether path is folder or below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

func (t *Watch) matches(path string) bool {
	if t.rest == "" {
		return path == t.base || filepath.Dir(path) == t.base
	}
	return glob.Match(t.base, t.rest, path)
}

// descends reports whether files of the pattern may be in the folders of one that is level levels below the base.
func (t *Watch) descends(level int) bool {
	return t.rest != "" && (t.depth < 0 || level < t.depth)
}

// noted is touch for what a look has found.
func (w *Watcher) noted(t *Watch, path string) {
	if t.pending[path] == nil {
		w.touch(t, path, 0)
	}
}

// touch notes that something happened to path.
func (w *Watcher) touch(t *Watch, path string, op fsnotify.Op) {
	if op == fsnotify.Chmod {
		return // not its content
	}
	now := time.Now()
	c := t.pending[path]
	if c == nil {
		c = &change{first: now}
		t.pending[path] = c
	}
	c.last = now
	if op.Has(fsnotify.Write) {
		c.written = true
	}
	if op.Has(fsnotify.Remove) {
		c.gone = true
	}
	if op.Has(fsnotify.Rename) {
		c.renamed = true
	}
	if !w.armed {
		w.armed = true
		w.timer.Reset(w.quiet)
	}
}
