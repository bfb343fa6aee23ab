package watch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// sync watches the folders that t needs now and, where report says so, takes what differs from what was known for
// changes. The lock is held.
func (w *Watcher) sync(t *Watch, report bool) {
	// A folder may appear between the look and the watch, and so may files in it: look until nothing is new.
	for range 100 {
		needed := t.needed()
		if len(needed) > maxFolders {
			w.failed(fmt.Errorf("%s: more than %d folders; only the first of them are watched", t.pattern, maxFolders))
			needed = needed[:maxFolders]
		}
		added := false
		for _, f := range needed {
			if t.folders[f] {
				continue
			}
			if w.folders[f] == 0 {
				if err := w.system.Add(f); err != nil {
					if !os.IsNotExist(err) {
						w.failed(fmt.Errorf("%s: %w (on Linux, fs.inotify.max_user_watches bounds how many folders a user watches)", f, err))
					}
					continue
				}
			}
			w.folders[f]++
			t.folders[f] = true
			added = true
		}
		for f := range t.folders {
			if !slices.Contains(needed, f) {
				delete(t.folders, f)
				w.leave(f)
			}
		}
		if !added {
			break
		}
	}
	found := t.files()
	if !report {
		t.known = found
		return
	}
	for path, info := range found {
		if old, ok := t.known[path]; !ok || differs(old, info) {
			w.touch(t, path, fsnotify.Create)
		}
	}
	for path := range t.known {
		if _, ok := found[path]; !ok {
			w.touch(t, path, 0)
		}
	}
}

// leave gives up one use of a folder.
func (w *Watcher) leave(folder string) {
	if w.folders[folder]--; w.folders[folder] <= 0 {
		delete(w.folders, folder)
		_ = w.system.Remove(folder) // gone already, if the folder is
	}
}

// needed lists the folders to watch: those in which a file of the pattern may be, or the nearest one on the way there.
func (t *Watch) needed() []string {
	base := t.base
	info, err := os.Stat(base)
	if err != nil || !info.IsDir() {
		for {
			parent := filepath.Dir(base)
			if parent == base {
				return nil
			}
			base = parent
			if info, err := os.Stat(base); err == nil && info.IsDir() {
				return []string{base}
			}
		}
	}
	folders := []string{base}
	if t.plain || t.depth == 0 {
		return folders
	}
	_ = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == base {
			return nil // what cannot be read has no files to watch
		}
		folders = append(folders, path)
		if len(folders) > maxFolders {
			return fs.SkipAll
		}
		if t.depth > 0 && strings.Count(path[len(base):], string(filepath.Separator)) >= t.depth {
			return fs.SkipDir
		}
		return nil
	})
	return folders
}

// files looks at the files of the pattern that are there.
func (t *Watch) files() map[string]os.FileInfo {
	found := make(map[string]os.FileInfo)
	if info := file(t.base); t.plain && info != nil {
		found[t.base] = info
	}
	for folder := range t.folders {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			if !t.matches(path) {
				continue
			}
			if info := file(path); info != nil {
				found[path] = info
			}
		}
	}
	return found
}

// file returns what is known of a file; nil if there is none, or a folder.
func file(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return nil
	}
	return info
}

func differs(a, b os.FileInfo) bool {
	return a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || !os.SameFile(a, b)
}

// report hands out what is due and sets the timer for the rest.
func (w *Watcher) report() {
	type batch struct {
		t      *Watch
		events []Event
	}
	var batches []batch
	now := time.Now()
	wait := time.Duration(-1)
	w.mu.Lock()
	for _, t := range w.watches {
		var events []Event
		for path, c := range t.pending {
			due := min(c.last.Add(w.quiet).Sub(now), c.first.Add(patience*w.quiet).Sub(now))
			if due > 0 {
				if wait < 0 || due < wait {
					wait = due
				}
				continue
			}
			delete(t.pending, path)
			if e, ok := t.became(path, c); ok {
				events = append(events, e)
			}
		}
		if events != nil {
			slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Path, b.Path) })
			batches = append(batches, batch{t, events})
		}
	}
	if w.armed = wait >= 0; w.armed {
		w.timer.Reset(max(wait, w.quiet/8)) // many paths that are nearly due go together
	}
	w.mu.Unlock()
	for _, b := range batches {
		w.mu.Lock()
		closed := b.t.closed
		w.mu.Unlock()
		if !closed {
			b.t.fn(b.events)
		}
	}
}

// became compares what is at path with what was known.
func (t *Watch) became(path string, c *change) (Event, bool) {
	old, now := t.known[path], file(path)
	e := Event{Path: path}
	if t.working != "" {
		if short, err := filepath.Rel(t.working, path); err == nil {
			e.Path = short
		}
	}
	switch {
	case old == nil && now == nil:
		return e, false
	case now == nil:
		delete(t.known, path)
		e.Op = Remove
		if c.renamed && !c.gone {
			e.Op = Rename
		}
		return e, true
	case old == nil:
		e.Op = Create
	default:
		e.Op = Write
	}
	t.known[path] = now
	return e, old == nil || c.written || differs(old, now)
}
