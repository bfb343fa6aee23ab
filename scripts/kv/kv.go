// Package kv keeps strings under names in one file: small state of a script that outlives its process.
//
// The file is a bbolt database, which no crash and no power failure leaves half written. All values are in memory, too; a
// goroutine of the Store writes what has changed and forces it to the disk, many changes at once, so that setting a value
// does not wait for the disk. What was set in the last moment, some milliseconds and under load up to a tenth of a second,
// is lost when the process is killed, unless Sync has returned.
// One process has the file at a time.
package kv

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolt "go.etcd.io/bbolt/errors"
)

// Limits, in bytes. What goes over one is an error and changes nothing.
const (
	MaxKey   = 1 << 10
	MaxValue = 16 << 20
	MaxTotal = 64 << 20 // of all keys and values
)

// ErrLocked means that another process, or another Store of this one, has the file.
var ErrLocked = errors.New("in use by another process")

// ErrClosed is returned by a Store that was closed.
var ErrClosed = errors.New("kv: closed")

// bucket is the only one of the database.
var bucket = []byte("ws76")

// Store is an open file. Its methods may be called from any goroutine.
type Store struct {
	db      *bbolt.DB
	changed chan struct{} // there is something to write; Close closes it
	written chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	values map[string]string
	dirty  map[string]bool // keys whose values are not on their way to the disk
	live   int             // bytes of keys and values
	closed bool
	err    error          // of the last write, not told yet
	syncs  []chan<- error // of Sync, for the next write
}

// Open opens the file at path, and makes it and its folder if need be. The caller closes the Store.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	s := &Store{
		changed: make(chan struct{}, 1), written: make(chan struct{}),
		values: make(map[string]string), dirty: make(map[string]bool),
	}
	if err := guarded(func() error { return s.open(path) }); err != nil {
		if s.db != nil {
			s.db.Close()
		}
		if errors.Is(err, bolt.ErrTimeout) {
			err = ErrLocked
		} else if _, ok := errors.AsType[*os.PathError](err); !ok {
			err = fmt.Errorf("%w; move the file away to begin anew", err)
		}
		return nil, fmt.Errorf("kv: %s: %w", path, err)
	}
	go s.write()
	return s, nil
}

// open opens the file and reads it.
func (s *Store) open(path string) (err error) {
	// The lock is tried once.
	s.db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Nanosecond, NoStatistics: true})
	if err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		if b == nil {
			return nil // a new file
		}
		return b.ForEach(func(k, v []byte) error {
			if s.live += len(k) + len(v); s.live > MaxTotal {
				return fmt.Errorf("the values are larger than the limit of %d bytes", MaxTotal)
			}
			s.values[string(k)] = string(v)
			return nil
		})
	})
}

// guarded calls fn. Where a file is damaged, bbolt panics or the memory that it is mapped to cannot be read.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	return fn()
}

// write is the goroutine of the Store.
func (s *Store) write() {
	defer close(s.written)
	for range s.changed {
		changes, syncs := s.take()
		var err error
		if len(changes) > 0 { // else what Sync waits for is on the disk by now
			err = guarded(func() error {
				return s.db.Update(func(tx *bbolt.Tx) error { return put(tx, changes) })
			})
		}
		if err != nil {
			err = fmt.Errorf("kv: writing %s: %w", s.db.Path(), err)
		}
		for _, done := range syncs {
			done <- err
		}
		s.mu.Lock()
		if len(syncs) == 0 || err == nil {
			s.err = err // nil: what failed before was written with this
		}
		if err != nil {
			for k := range changes {
				s.dirty[k] = true
			}
		}
		s.mu.Unlock()
	}
}

// take returns what has changed, nil for a key that has no value any more, and who waits for it to be written.
func (s *Store) take() (map[string]*string, []chan<- error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := make(map[string]*string, len(s.dirty))
	for k := range s.dirty {
		changes[k] = nil
		if v, ok := s.values[k]; ok {
			changes[k] = &v
		}
	}
	clear(s.dirty)
	syncs := s.syncs
	s.syncs = nil
	return changes, syncs
}

func put(tx *bbolt.Tx, changes map[string]*string) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	for k, v := range changes {
		if v == nil {
			err = b.Delete([]byte(k))
		} else {
			err = b.Put([]byte(k), []byte(*v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get returns what is kept under key.
func (s *Store) Get(key string) (value string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.values[key]
	return value, ok
}

// Keys lists the keys that begin with prefix, in order.
func (s *Store) Keys(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Collect(maps.Keys(s.values))
	keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, prefix) })
	slices.Sort(keys)
	return keys
}

// Set keeps value under key. An error may be that of an earlier write, which is tried again; value is not kept then.
func (s *Store) Set(key, value string) error {
	return s.Update(key, func(string, bool) (string, error) { return value, nil })
}

// Update keeps what change makes of the value under key. Nothing comes between; change must not call the Store. Its error
// is returned and leaves all as it was.
func (s *Store) Update(key string, change func(old string, ok bool) (string, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.values[key]
	value, err := change(old, ok)
	if err != nil {
		return err
	}
	live := s.live + len(value) - len(old)
	if !ok {
		live += len(key)
	}
	switch {
	case key == "":
		return errors.New("kv: want a key, got an empty one")
	case len(key) > MaxKey:
		return fmt.Errorf("kv: a key of %d bytes is larger than the limit of %d", len(key), MaxKey)
	case len(value) > MaxValue:
		return fmt.Errorf("kv: a value of %d bytes is larger than the limit of %d", len(value), MaxValue)
	case live > MaxTotal && len(value) > len(old):
		return fmt.Errorf("kv: %d bytes in all are more than the limit of %d", live, MaxTotal)
	}
	if err := s.touch(key); err != nil {
		return err
	}
	s.values[key], s.live = value, live
	return nil
}

// Delete forgets what is kept under key.
func (s *Store) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.values[key]
	if !ok {
		return nil
	}
	if err := s.touch(key); err != nil {
		return err
	}
	delete(s.values, key)
	s.live -= len(key) + len(old)
	return nil
}

// touch has the goroutine write key. An error is that of the last write, which is tried again. The lock is held.
func (s *Store) touch(key string) error {
	if s.closed {
		return ErrClosed
	}
	s.dirty[key] = true
	select {
	case s.changed <- struct{}{}:
	default: // it has not begun with what changed before
	}
	err := s.err
	s.err = nil
	return err
}

// Sync waits until all that was set before is on the disk, and returns the error of that.
func (s *Store) Sync() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	done := make(chan error, 1)
	s.syncs = append(s.syncs, done)
	select {
	case s.changed <- struct{}{}:
	default:
	}
	s.mu.Unlock()
	return <-done
}

// Close waits until everything is on the disk and gives the file up.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	if s.closed = true; first {
		close(s.changed)
	}
	s.mu.Unlock()
	<-s.written
	if !first {
		return nil
	}
	return errors.Join(s.err, s.db.Close())
}
