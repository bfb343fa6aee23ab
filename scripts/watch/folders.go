package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sync watches the folders that t needs now and takes what differs from what was known for changes, unless t is new. The
// lock is held.
func (w *Watcher) sync(t *Watch) {
	t.stale = false
	now := t.look()
	// Something may have changed between the look and the watch: look until nothing is new.
	for range 100 {
		if !w.watch(t, now) {
			break
		}
		now = t.look()
	}
	if now.partial {
		w.failed(t.base, fmt.Errorf("more than %d folders; only the first of them are watched", maxFolders))
	}
	if t.known == nil {
		t.known = now.files
		return
	}
	for path, info := range now.files {
		if old, ok := t.known[path]; !ok || differs(old, info) {
			w.noted(t, path)
		}
	}
	for path := range t.known {
		if _, ok := now.files[path]; !ok {
			w.noted(t, path)
		}
	}
}

// watch watches the places of a survey, instead of those of the one before, and reports whether there are new ones.
func (w *Watcher) watch(t *Watch, now *survey) (added bool) {
	for f, p := range now.places {
		if t.places[f] != nil {
			continue
		}
		if w.folders[f] == 0 {
			if err := w.system.Add(f); err != nil {
				if !os.IsNotExist(err) && (p.need || !os.IsPermission(err)) {
					w.failed(f, fmt.Errorf("%w (on Linux, fs.inotify.max_user_watches bounds how many folders a user watches)", err))
				}
				delete(now.places, f)
				continue
			}
			delete(w.told, f)
		}
		w.folders[f]++
		added = true
	}
	for f := range t.places {
		if now.places[f] == nil {
			w.leave(f)
		}
	}
	t.places = now.places
	return added
}

// leave gives up one use of a folder.
func (w *Watcher) leave(folder string) {
	if w.folders[folder]--; w.folders[folder] <= 0 {
		delete(w.folders, folder)
		_ = w.system.Remove(folder) // gone already, if the folder is
	}
}

// forget drops the watches of a folder that is no longer at its path, and of what is below. What was looked at through
// them is looked at anew.
func (w *Watcher) forget(folder string) {
	for f := range w.folders {
		if !within(f, folder) {
			continue
		}
		_ = w.system.Remove(f)
		delete(w.folders, f)
		for _, t := range w.watches {
			if t.places[f] != nil {
				delete(t.places, f)
				t.stale = true
			}
		}
	}
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
