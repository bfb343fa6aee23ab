package scripts

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/glob"
	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/scripts/watch"
)

// reloader loads a script anew when one of its files changes.
type reloader struct {
	mu      sync.Mutex // one reload at a time; above Script.mu
	files   map[string]*watch.Watch
	watcher *watch.Watcher
	once    sync.Once
	err     error
	wake    chan struct{}
	done    chan struct{}
	failed  bool // the last thing said is that a version does not load; under Script.mu
}

// complain says that the version on disk does not load. The caller has the lock.
func (s *Script) complain(format string, err error) {
	s.reloads.failed = true
	s.o.log(slog.LevelError, format, s.name, err)
}

// recovered says what becomes of a version that loads: as loudly as it was said that one before does not. The caller has
// the lock.
func (s *Script) recovered(text string) {
	level := slog.LevelInfo
	if s.reloads.failed {
		level = slog.LevelError
	}
	s.reloads.failed = false
	s.o.log(level, "%s: %s", s.name, text)
}

// watcher returns the script's watcher of files, made at its first use. The caller has the lock.
func (s *Script) filesWatcher() (*watch.Watcher, error) {
	r := &s.reloads
	r.once.Do(func() {
		r.watcher, r.err = watch.New(&watch.Options{OnError: func(err error) {
			s.o.log(slog.LevelError, "%s: watching files: %v", s.name, err)
		}})
	})
	return r.watcher, r.err
}

// watch begins to watch the files of the script.
func (s *Script) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	r := &s.reloads
	r.files, r.wake, r.done = map[string]*watch.Watch{}, make(chan struct{}, 1), make(chan struct{})
	s.running.Go(s.reloadLoop)
	s.watchFiles()
}

// watchFiles watches the files that a version was made of, or was to be. The caller has the lock.
func (s *Script) watchFiles() {
	r := &s.reloads
	w, err := s.filesWatcher()
	if err != nil {
		s.o.log(slog.LevelWarn, "%s: changes will not be noticed: %v", s.name, err)
		return
	}
	s.files[s.path] = true
	for path := range s.files {
		if r.files[path] != nil {
			continue
		}
		watched, err := w.AddFile(path, func([]watch.Event) { r.look() })
		if err != nil {
			s.o.log(slog.LevelWarn, "%s: changes of %s will not be noticed: %v", s.name, path, err)
			continue
		}
		r.files[path] = watched
		r.look() // it may have changed before it was watched
	}
}

// look lets the loop look for changes.
func (r *reloader) look() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// reloadLoop reloads when a file has changed, until the script stops.
func (s *Script) reloadLoop() {
	r := &s.reloads
	for {
		select {
		case <-r.wake:
		case <-r.done:
			return
		}
		s.mu.Lock()
		var changed []string
		for path := range r.files {
			if s.changed(path) {
				changed = append(changed, path)
			}
		}
		switch {
		case len(changed) == 0:
		case s.task:
			s.endChanged(changed)
		default:
			s.mu.Unlock()
			s.Reload() // it has said what is wrong
			continue
		}
		s.mu.Unlock()
	}
}

// endChanged ends a program of which some files have changed, unless the new version
// would not even compile. The caller has the lock.
func (s *Script) endChanged(paths []string) {
	for _, path := range paths {
		s.compileFile(path)
	}
	for _, file := range s.protos {
		if file.err != nil {
			s.complain("%s: not started anew, the version before runs on: %v", file.err)
			return
		}
	}
	if s.reloads.failed {
		s.recovered("the new version compiles")
	}
	s.finish(ErrChanged)
}

// stop ends the watching.
func (r *reloader) stop() {
	if r.done != nil {
		close(r.done)
	}
	r.once.Do(func() {})
	if r.watcher != nil {
		r.watcher.Close()
	}
}

// Reload loads the script anew, whether or not it has changed, and puts the new
// version in the place of the old one between two messages. Where the new version
// does not load, the old one runs on, and the error is logged as well as returned.
func (s *Script) Reload() error {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	s.mu.Lock()
	if s.stopped || s.task {
		s.mu.Unlock()
		return nil
	}
	if s.stuck != nil {
		s.mu.Unlock()
		return errStuck // it will be loaded anew anyway
	}
	old := s.cur
	fresh, err := s.build(old)
	if err == nil && old != nil && !old.lost {
		err = s.handOver(old, fresh)
	}
	if err == errAbandoned || old != nil && old.lost || fresh != nil && fresh.lost {
		return errAbandoned // the watchdog has built a state itself
	}
	if err != nil {
		s.complain("%s: not reloaded, the version before runs on: %v", err)
		if s.reloads.files != nil {
			s.watchFiles()
		}
		s.leave()
		return err
	}
	if old != nil && s.started {
		old.call(onStop, lua.LString("reload"))
		if old.lost {
			return errAbandoned
		}
	}
	fresh.carryConnsOf(old)
	if old != nil {
		old.close()
	}
	s.install(fresh)
	s.recovered("reloaded")
	if s.started {
		err = s.restart()
	}
	if s.reloads.files != nil && !fresh.lost {
		s.watchFiles()
	}
	s.leaveFrom(fresh)
	return err
}

var errStuck = errors.New("not reloaded: a call of the version before was abandoned and has not ended; the script is loaded anew when it has")

// handOver takes what on_save of the old version returns to on_restore of the new one.
func (s *Script) handOver(old, fresh *state) error {
	saved, ok := old.call(onSave)
	if old.lost || !ok || saved == lua.LNil {
		return nil
	}
	k := &carrier{from: old, to: fresh, seen: map[*lua.LTable]*lua.LTable{}}
	saved = k.value(saved)
	k.tell()
	fn, _ := fresh.L.G.Global.RawGetString(onRestore.String()).(*lua.LFunction)
	if fn == nil {
		return nil
	}
	if _, err := fresh.run(fn, saved); err != nil {
		return fresh.newError(onRestore.String(), err)
	}
	return nil
}

// carryConnsOf is carryConns, where there is an old state.
func (st *state) carryConnsOf(old *state) {
	if old != nil {
		st.carryConns(old)
	}
}

// watched is the place of what ws76.watch is to watch, as glob.Split has it. A relative path is looked up as those of files are:
// it is in the first folder that has it, otherwise in the first that is allowed.
func (st *state) watched(pattern string) (base, rest string, err error) {
	if filepath.IsAbs(pattern) {
		base, rest = glob.Split("", pattern)
		return base, rest, st.permit.AskPattern(base, rest)
	}
	var refused error
	allowed := false
	for _, folder := range st.script.folders() {
		in, pattern := glob.Split(folder, pattern)
		err := st.permit.AskPattern(in, pattern)
		if _, missing := os.Lstat(in); missing == nil && pattern == "" {
			return in, pattern, err
		}
		if err == nil && !allowed {
			base, rest, allowed = in, pattern, true
		}
		refused = cmp.Or(refused, err)
	}
	if allowed {
		refused = nil
	}
	return base, rest, refused
}

// wsWatch is ws76.watch(path_or_glob, fn).
func wsWatch(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	pattern := checkString(L, 1, "ws76.watch: want a path or a pattern")
	fn, ok := L.Get(2).(*lua.LFunction)
	if !ok {
		raise(L, "ws76.watch: argument 2 is %s; want a function", describe(L.Get(2)))
	}
	if len(st.opened) >= s.o.Limits.MaxTimers {
		raise(L, "ws76.watch: there are %d watches already, which is the limit", len(st.opened))
	}
	const longest = 4096 // no system has longer paths, and each folder makes one of it
	if len(pattern) > longest {
		return fail(L, "error", "ws76.watch: a path of %d bytes; the limit is %d", len(pattern), longest)
	}
	base, rest, err := st.watched(pattern)
	if err != nil {
		return fail(L, permit.Name, "ws76.watch: %v", err)
	}
	w, err := s.filesWatcher()
	if err != nil {
		raise(L, "ws76.watch: %v", err)
	}
	changes := &watching{st: st, fn: fn, ops: map[string]watch.Op{}}
	if changes.watch, err = w.AddGlob(base, rest, changes.changes); err != nil {
		raise(L, "ws76.watch: %v", err)
	}
	st.opened[changes] = true
	L.Push(st.object(changes, handleObject))
	return 1
}
