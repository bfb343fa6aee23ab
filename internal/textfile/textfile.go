// Package textfile reads text that people write with editors: it is UTF-8, and may begin with a byte order mark, which is
// no part of it. Payloads of messages are no text, but data.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrUTF16 says that a text is in an encoding that nothing here reads.
var ErrUTF16 = errors.New("it begins with a byte order mark of UTF-16; save it as UTF-8")

var (
	mark   = []byte("\xef\xbb\xbf")
	little = []byte("\xff\xfe") // that of UTF-32 begins so, too
	big    = []byte("\xfe\xff")
)

// Decode returns the text without its byte order mark, as a part of data. The error is ErrUTF16.
func Decode(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, little) || bytes.HasPrefix(data, big) {
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, mark), nil
}

// Read reads a file of at most limit bytes; 0 is no limit. An error names the file.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if limit <= 0 {
		return io.ReadAll(f)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes, which is the limit", path, limit)
	}
	return data, err
}

// File is a text that is read from its begin to its end.
type File struct {
	*Reader
	f *os.File
}

// Open opens a file to be read as a Reader does, with errors that name it.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &File{&Reader{r: f, name: path}, f}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Reader leaves out the byte order mark that a stream begins with.
type Reader struct {
	r    io.Reader
	name string
	held []byte // of the begin, not yet read
	seen bool
	err  error // behind held
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Read implements io.Reader. Its error is ErrUTF16 for a stream that begins as UTF-16 does, with the name of the file if it
// is known.
func (r *Reader) Read(p []byte) (int, error) {
	if !r.seen {
		r.seen = true
		r.begin()
	}
	if len(r.held) > 0 {
		n := copy(p, r.held)
		r.held = r.held[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.r.Read(p)
}

// begin reads no further than a mark may reach, and only as far as the stream begins like one: what a terminal or a pipe
// has said is not held back.
func (r *Reader) begin() {
	var head [3]byte
	n := 0
	begins := func(mark []byte) bool { return bytes.HasPrefix(mark, head[:n]) }
	for n < len(head) && (begins(mark) || begins(little) || begins(big)) && r.err == nil {
		var got int
		got, r.err = r.r.Read(head[n : n+1])
		n += got
	}
	var err error
	if r.held, err = Decode(head[:n]); err != nil {
		if r.err = err; r.name != "" {
			r.err = &fs.PathError{Op: "reading", Path: r.name, Err: err}
		}
	}
}
