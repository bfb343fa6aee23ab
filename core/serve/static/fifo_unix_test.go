//go:build unix

package static

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNoFiles: what is neither a file nor a folder is not there, and is not opened.
func TestNoFiles(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("fifo", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("unix", filepath.Join(folder, "socket")); err == nil {
		defer l.Close()
	}
	d, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"/fifo", "/link", "/socket"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, name, nil))
		if w.Code != http.StatusNotFound || d.Has(name) {
			t.Errorf("%s: %d, has %v", name, w.Code, d.Has(name))
		}
	}
}
