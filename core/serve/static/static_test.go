package static

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestDir(t *testing.T) {
	outside := t.TempDir()
	folder := filepath.Join(outside, "www")
	write(t, filepath.Join(outside, "secret.txt"), "SECRET")
	write(t, filepath.Join(outside, "other", "secret.txt"), "SECRET")
	write(t, filepath.Join(folder, "page.html"), "<p>page")
	write(t, filepath.Join(folder, "sub", "a.txt"), "0123456789")
	write(t, filepath.Join(folder, "sub", ".htpasswd"), "SECRET")
	write(t, filepath.Join(folder, ".git", "config"), "SECRET")
	write(t, filepath.Join(folder, "site", "index.html"), "<p>index")
	write(t, filepath.Join(folder, ".well-known", "x"), "known")
	links := os.Symlink("../secret.txt", filepath.Join(folder, "out.txt")) == nil &&
		os.Symlink("../other", filepath.Join(folder, "out")) == nil &&
		os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(folder, "absolute.txt")) == nil &&
		os.Symlink("sub/a.txt", filepath.Join(folder, "in.txt")) == nil

	d, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	server := httptest.NewServer(d)
	defer server.Close()

	for _, tc := range []struct {
		target string
		status int
		body   string
	}{
		{"/page.html", 200, "<p>page"}, {"/sub/a.txt", 200, "0123456789"}, {"/site/", 200, "<p>index"},
		{"/in.txt", 200, "0123456789"}, {"/sub/", 200, "a.txt"}, {"/.well-known/x", 200, "known"},
		{"/out.txt", 404, ""}, {"/out/secret.txt", 404, ""}, {"/out/", 404, ""}, {"/absolute.txt", 404, ""},
		{"/../secret.txt", 404, ""}, {"/sub/../../secret.txt", 404, ""}, {"/..%2fsecret.txt", 404, ""}, {"/%2e%2e/secret.txt", 404, ""},
		{"/sub/..%5c..%5csecret.txt", 404, ""}, {"//etc/passwd", 404, ""},
		{"/sub/.htpasswd", 404, ""}, {"/.git/config", 404, ""}, {"/.git/", 404, ""}, {"/none", 404, ""},
	} {
		if tc.target == "/in.txt" && !links {
			continue
		}
		// Not by an http.Client, which would tidy the path up.
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path, r.URL.RawPath = unescape(t, tc.target), tc.target
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != tc.status && !(tc.status == 404 && w.Code == 301) || !strings.Contains(body, tc.body) || strings.Contains(body, "SECRET") {
			t.Errorf("%s: %d %q", tc.target, w.Code, body)
		}
		if strings.Contains(body, ".htpasswd") || strings.Contains(body, outside) {
			t.Errorf("%s gives away %q", tc.target, body)
		}
		if w.Code == 200 && !strings.HasSuffix(tc.target, "/") && !d.Has(unescape(t, tc.target)) {
			t.Errorf("%s is not there", tc.target)
		}
		if tc.status == 404 && d.Has(unescape(t, tc.target)) {
			t.Errorf("%s is there", tc.target)
		}
	}

	r := httptest.NewRequest(http.MethodGet, "/sub/a.txt", nil)
	r.Header.Set("Range", "bytes=2-4")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusPartialContent || w.Body.String() != "234" {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/sub/a.txt", strings.NewReader("x")))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
	if d.Has("/") {
		t.Error("a folder without a page takes the place of the dashboard")
	}
	write(t, filepath.Join(folder, "index.html"), "<p>root")
	if !d.Has("/") {
		t.Error("index.html is not there")
	}
}

func unescape(t *testing.T, target string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://h"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.URL.Path
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, name := range []string{file, file + "/none"} {
		if d, err := Open(name); err == nil {
			d.Close()
			t.Errorf("%s is a folder", name)
		}
	}
}

// A visible name does not show what is hidden.
func TestLinksToHidden(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".git/config"), "secret")
	write(t, filepath.Join(dir, "real/page.html"), "page")
	for link, to := range map[string]string{"config": ".git/config", "git": ".git", "again": "git", "page": "real/page.html"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for path, want := range map[string]int{"/config": 404, "/git/config": 404, "/again/config": 404, "/git/": 404, "/page": 200} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want || d.Has(path) != (want == 200) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d, has %v: %q", path, w.Code, d.Has(path), w.Body)
		}
	}
}
