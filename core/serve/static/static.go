// Package static serves the files of a folder, and nothing outside of it.
package static

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Dir is an open folder as an http.Handler. Neither ".." nor a symbolic link leads out of it; files and folders whose
// name begins with a dot are not there, but for .well-known.
type Dir struct {
	root  *os.Root
	files http.Handler
}

// Open opens a folder. The caller closes it.
func Open(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of static files: %w", err)
	}
	return &Dir{root: root, files: http.FileServerFS(visible{root})}, nil
}

// Close closes the folder.
func (d *Dir) Close() error { return d.root.Close() }

// Has reports whether there is something at the path of a URL.
func (d *Dir) Has(urlPath string) bool {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if name == "" {
		name = "index.html" // of the folder itself, a page only
	}
	if hidden(name) || leadsToHidden(d.root, name) {
		return false
	}
	info, err := d.root.Stat(name)
	return err == nil && servable(info)
}

// servable is true of files and folders. To open a FIFO, or a device, waits for its other end, or does something to it.
func servable(info fs.FileInfo) bool { return info.Mode().IsRegular() || info.IsDir() }

// ServeHTTP answers GET and HEAD.
func (d *Dir) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files can only be read", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	d.files.ServeHTTP(w, r)
}

// visible is the files and folders of a folder, without hidden ones.
type visible struct{ root *os.Root }

// Open opens a file that is not hidden. What leads out of the folder is as good as
// not there: why it cannot be opened is nobody's business.
func (v visible) Open(name string) (fs.File, error) {
	if hidden(name) || leadsToHidden(v.root, name) {
		return nil, notThere(name)
	}
	if info, err := v.root.Stat(name); err != nil || !servable(info) {
		return nil, notThere(name)
	}
	f, err := v.root.OpenFile(name, os.O_RDONLY|nonblock, 0) // it may have become a FIFO
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		return nil, notThere(name)
	}
	if info, err := f.Stat(); err != nil || !servable(info) {
		f.Close()
		return nil, notThere(name)
	}
	return listing{f}, nil
}

func notThere(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 1 && part[0] == '.' && part != ".well-known" { // RFC 8615
			return true
		}
	}
	return false
}

// leadsToHidden reports whether a name is, or is below, a link to what is hidden. Out of the folder none leads at all.
func leadsToHidden(root *os.Root, name string) bool {
	dir, err := filepath.EvalSymlinks(root.Name())
	if err != nil {
		return false
	}
	file, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return false
	}
	within, err := filepath.Rel(dir, file)
	return err == nil && hidden(filepath.ToSlash(within))
}

// listing leaves hidden files out of the list of a folder.
type listing struct{ fs.File }

// ReadDir is fs.ReadDirFile's.
func (l listing) ReadDir(n int) ([]fs.DirEntry, error) {
	dir, ok := l.File.(fs.ReadDirFile)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	entries, err := dir.ReadDir(n)
	shown := entries[:0]
	for _, e := range entries {
		if !hidden(e.Name()) {
			shown = append(shown, e)
		}
	}
	return shown, err
}

// Seek lets the file server answer ranges.
func (l listing) Seek(offset int64, whence int) (int64, error) {
	if s, ok := l.File.(interface {
		Seek(int64, int) (int64, error)
	}); ok {
		return s.Seek(offset, whence)
	}
	return 0, errors.ErrUnsupported
}
