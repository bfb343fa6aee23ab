package kv

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// compact writes a new file once most of the old one is out of date. The lock is held.
func (s *Store) compact() error {
	if s.size < worthwhile || s.size < 2*(s.live+int64(len(s.values)*overhead)) {
		return nil
	}
	if err := s.rewrite(); err != nil {
		return fmt.Errorf("kv: writing %s anew: %w", s.path, err)
	}
	return nil
}

func (s *Store) rewrite() error {
	next, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*.tmp")
	if err != nil {
		return err
	}
	size, err := s.writeAll(next)
	if err == nil {
		err = next.Sync()
	}
	if closing := next.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(next.Name())
		return err
	}
	// Closed before the rename, which some systems refuse on open files.
	s.file.Close()
	renaming := os.Rename(next.Name(), s.path)
	if renaming != nil {
		os.Remove(next.Name())
		size = s.size // the old one is still there and whole
	}
	if s.file, err = os.OpenFile(s.path, os.O_RDWR, 0o600); err == nil {
		_, err = s.file.Seek(size, 0)
	}
	if err != nil {
		s.err = fmt.Errorf("kv: %w", err)
		return err
	}
	s.size = size
	if folder, err := os.Open(filepath.Dir(s.path)); err == nil { // the rename itself; some systems cannot
		_ = folder.Sync()
		folder.Close()
	}
	return renaming
}

// writeAll writes every value and returns how many bytes that are.
func (s *Store) writeAll(f *os.File) (size int64, err error) {
	w := bufio.NewWriterSize(f, 64<<10)
	var record []byte
	n, err := w.WriteString(magic)
	size = int64(n)
	for k, v := range s.values {
		if err != nil {
			return size, err
		}
		record = appendRecord(record[:0], k, v, false)
		n, err = w.Write(record)
		size += int64(n)
	}
	return size, errors.Join(err, w.Flush())
}

// Close forces everything to the disk and gives the file up.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.err == ErrClosed {
		s.mu.Unlock()
		return nil
	}
	if s.syncing != nil && s.syncing.Stop() {
		s.syncs.Done()
	}
	err := s.err
	s.err = ErrClosed
	err = errors.Join(err, s.file.Sync(), s.file.Close(), s.lock.Close())
	s.mu.Unlock()
	s.syncs.Wait()
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	return nil
}
