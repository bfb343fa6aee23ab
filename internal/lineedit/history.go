package lineedit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a History: entries, and bytes of one that is kept in the file.
const (
	MaxHistory = 1000
	maxEntry   = 4 << 10
	// maxHistoryFile is how much of the file is looked at, from its end.
	maxHistoryFile = 1 << 20
)

// History is the lines that were entered, in memory and in a file. Lines that begin with a space, empty ones and
// repetitions of the last are not kept. It is not for concurrent use; several processes may share a file.
type History struct {
	path    string // "": none
	entries []string
	err     error
}

// OpenHistory reads the history in the file path, which need not be there; "" is
// one in memory alone, and so is what is returned with an error. Files and folders
// that it makes are for their owner only, and so becomes a file that was there.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	if path == "" {
		return h, nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = h.read()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.path = ""
		return h, fmt.Errorf("reading the history: %w", err)
	}
	return h, nil
}

// read takes the last entries of the file, and shortens a file that has many more.
func (h *History) read() error {
	info, err := os.Stat(h.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait
		return fmt.Errorf("%s is no regular file", h.path)
	}
	f, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(h.path, 0o600); err != nil {
			return err
		}
	}
	skipped := max(info.Size()-maxHistoryFile, 0)
	text, err := io.ReadAll(io.NewSectionReader(f, skipped, maxHistoryFile))
	if err != nil {
		return err
	}
	if skipped > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	lines := 0
	for line := range bytes.Lines(text) {
		lines++
		h.remember(strings.ToValidUTF8(string(bytes.TrimSuffix(line, []byte("\n"))), "\uFFFD"))
	}
	if skipped > 0 || lines > 2*MaxHistory {
		return h.rewrite()
	}
	return nil
}

// rewrite puts a file with the entries at hand in the place of the old one.
func (h *History) rewrite() error {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(h.entries, "\n") + "\n")
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (h *History) remember(line string) bool {
	if line == "" || line[0] == ' ' || len(h.entries) > 0 && h.entries[len(h.entries)-1] == line {
		return false
	}
	if len(h.entries) == MaxHistory {
		h.entries = append(h.entries[:0], h.entries[1:]...)
	}
	h.entries = append(h.entries, line)
	return true
}

// Add adds line as the last entry. What has a newline inside, or is over 4 KiB, is
// kept in memory only. See Err for what becomes of the file.
func (h *History) Add(line string) {
	if !h.remember(line) || h.path == "" || h.err != nil || len(line) > maxEntry || strings.Contains(line, "\n") {
		return
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line + "\n") // one write: those of other processes do not mix with it
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		h.err = fmt.Errorf("writing the history: %w", err)
	}
}

// Err returns why nothing more is added to the file, and nil while it is.
func (h *History) Err() error { return h.err }

// Len returns the number of entries.
func (h *History) Len() int { return len(h.entries) }

// At returns entry i, 0 being the last.
func (h *History) At(i int) string { return h.entries[len(h.entries)-1-i] }
