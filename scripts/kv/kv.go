// Package kv keeps strings under names in one file: small state of a script that outlives its process.
//
// The file is a log of records, each with a checksum; it is read whole when it is opened and written anew, beside the old
// one and renamed over it, when most of it is out of date. A record is handed to the system at once, so a process that
// dies loses nothing; it is forced to the disk within a second, so a power failure loses no more than that. A record that
// was cut off at the end is dropped when the file is opened next. One process has the file at a time.
package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits, in bytes. What goes over one is an error and changes nothing.
const (
	MaxKey   = 1 << 10
	MaxValue = 16 << 20
	MaxTotal = 64 << 20 // of all keys and values
)

// magic begins the file.
const magic = "ws76-kv 1\n"

// worthwhile is from which size of the file on out-of-date records are worth a new file.
const worthwhile = 1 << 20

// overhead is what a record takes beyond its key and value, at most.
const overhead = 4 + 2*binary.MaxVarintLen32

// syncAfter is how long a record may wait for the disk.
const syncAfter = time.Second

// ErrLocked means that another process, or another Store of this one, has the file.
var ErrLocked = errors.New("in use by another process")

// ErrClosed is returned by a Store that was closed.
var ErrClosed = errors.New("kv: closed")

// CorruptError says that a file is no log, or damaged before its end.
type CorruptError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("kv: %s: offset %d: %s; move the file away to begin anew", e.Path, e.Offset, e.Reason)
}

// Store is an open file. Its methods may be called from any goroutine.
type Store struct {
	path string
	lock *os.File

	mu      sync.Mutex
	file    *os.File
	values  map[string]string
	size    int64 // of the file
	live    int64 // of keys and values
	err     error // of a write that failed; the file may end in the middle of a record
	syncing *time.Timer
	syncs   sync.WaitGroup
}

// Open opens the file at path, and makes it and its folder if need be. The caller closes the Store.
func Open(path string) (_ *Store, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	// The lock is a file of its own: the data file is replaced now and then.
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	s := &Store{path: path, lock: lock, values: make(map[string]string)}
	defer func() {
		if err != nil {
			if s.file != nil {
				s.file.Close()
			}
			lock.Close()
		}
	}()
	if err := tryLock(lock); err != nil {
		return nil, fmt.Errorf("kv: %s: %w", path, err)
	}
	if s.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

// load reads the file and drops a record that was cut off at its end.
func (s *Store) load() error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	if info.Size() > 4*MaxTotal {
		return &CorruptError{s.path, 0, fmt.Sprintf("%d bytes are more than a log can have", info.Size())}
	}
	log, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	if len(log) < len(magic) && strings.HasPrefix(magic, string(log)) {
		log = append(log[:0], magic...)
		if _, err := s.file.WriteAt(log, 0); err != nil {
			return fmt.Errorf("kv: %w", err)
		}
	}
	if !bytes.HasPrefix(log, []byte(magic)) {
		return &CorruptError{s.path, 0, fmt.Sprintf("got %.10q, want %q", log, magic)}
	}
	at := len(magic)
	for at < len(log) {
		key, value, remove, n, err := parseRecord(log[at:])
		if err != nil {
			if !cutOff(log[at:], n) {
				return &CorruptError{s.path, int64(at), err.Error()}
			}
			break
		}
		if remove {
			delete(s.values, key)
		} else {
			s.values[key] = value
		}
		at += n
	}
	for k, v := range s.values {
		s.live += int64(len(k) + len(v))
	}
	s.size = int64(at)
	if err := s.file.Truncate(s.size); err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	if _, err := s.file.Seek(s.size, 0); err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	return nil
}

// cutOff reports whether a bad record of n bytes is what a crash leaves: the last one, or nothing but zeros, which some
// file systems put where data has not arrived.
func cutOff(rest []byte, n int) bool {
	return n >= len(rest) || len(bytes.Trim(rest, "\x00")) == 0
}

// A record is the CRC-32 of the rest (4 bytes, little endian), the length of the key, the length of the value plus one or
// 0 for a removal, the key, the value. The lengths are varints.

func appendRecord(dst []byte, key, value string, remove bool) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	if remove {
		dst = append(dst, 0)
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(value))+1)
	}
	dst = append(append(dst, key...), value...)
	binary.LittleEndian.PutUint32(dst[at:], crc32.ChecksumIEEE(dst[at+4:]))
	return dst
}

// parseRecord reads the record at the start of b, of n bytes. With an error, n is as many as it would have.
func parseRecord(b []byte) (key, value string, remove bool, n int, err error) {
	if len(b) < 4 {
		return "", "", false, len(b), errors.New("a record is cut off")
	}
	n = 4
	var lengths [2]uint64
	for i := range lengths {
		l, size := binary.Uvarint(b[n:])
		if size == 0 {
			return "", "", false, len(b), errors.New("a record is cut off")
		}
		if size < 0 || l > MaxValue+1 || i == 0 && l > MaxKey {
			return "", "", false, n, errors.New("a record has an impossible length")
		}
		lengths[i] = l
		n += size
	}
	keyLen, valueLen := int(lengths[0]), int(lengths[1])
	if remove = valueLen == 0; !remove {
		valueLen--
	}
	if len(b) < n+keyLen+valueLen {
		return "", "", false, n + keyLen + valueLen, errors.New("a record is cut off")
	}
	key, value = string(b[n:n+keyLen]), string(b[n+keyLen:n+keyLen+valueLen])
	n += keyLen + valueLen
	if crc32.ChecksumIEEE(b[4:n]) != binary.LittleEndian.Uint32(b) {
		return "", "", false, n, errors.New("a record has the wrong checksum")
	}
	return key, value, remove, n, nil
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

// Set keeps value under key.
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
	live := s.live + int64(len(value)-len(old))
	if !ok {
		live += int64(len(key))
	}
	switch {
	case len(key) > MaxKey:
		return fmt.Errorf("kv: a key of %d bytes is larger than the limit of %d", len(key), MaxKey)
	case len(value) > MaxValue:
		return fmt.Errorf("kv: a value of %d bytes is larger than the limit of %d", len(value), MaxValue)
	case live > MaxTotal && len(value) > len(old):
		return fmt.Errorf("kv: %d bytes in all are more than the limit of %d", live, MaxTotal)
	}
	if err := s.append(key, value, false); err != nil {
		return err
	}
	s.values[key], s.live = value, live
	return s.compact()
}

// Delete forgets what is kept under key.
func (s *Store) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.values[key]
	if !ok {
		return nil
	}
	if err := s.append(key, "", true); err != nil {
		return err
	}
	delete(s.values, key)
	s.live -= int64(len(key) + len(old))
	return s.compact()
}

// append writes a record at the end. The lock is held.
func (s *Store) append(key, value string, remove bool) error {
	if s.err != nil {
		return s.err
	}
	n, err := s.file.Write(appendRecord(make([]byte, 0, len(key)+len(value)+overhead), key, value, remove))
	if err != nil {
		// Take the half record back. If that fails as well, the next Open does it.
		if s.file.Truncate(s.size) != nil {
			s.err = fmt.Errorf("kv: %w", err)
		} else if _, err := s.file.Seek(s.size, 0); err != nil {
			s.err = fmt.Errorf("kv: %w", err)
		}
		return fmt.Errorf("kv: %w", err)
	}
	s.size += int64(n)
	if s.syncing == nil {
		s.syncs.Add(1)
		s.syncing = time.AfterFunc(syncAfter, s.sync)
	}
	return nil
}

// sync forces to the disk what was written a second ago and since.
func (s *Store) sync() {
	defer s.syncs.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncing = nil
	if s.err == nil {
		if err := s.file.Sync(); err != nil {
			s.err = fmt.Errorf("kv: %w", err)
		}
	}
}
