package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed returns a gzip member with a tar archive of one file.
func packed(t *testing.T, h tar.Header, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	h.Size = int64(len(content))
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	sum := func(s string) map[string]string {
		return map[string]string{"APK-TOOLS.checksum.SHA1": fmt.Sprintf("%x", sha1.Sum([]byte(s)))}
	}
	for name, c := range map[string]struct {
		file    tar.Header
		damaged bool // a bit of what is behind .PKGINFO
		want    string
	}{
		"right":                  {file: tar.Header{Name: "hello", Mode: 0o755, PAXRecords: sum("hello\n")}},
		"other content":          {file: tar.Header{Name: "hello", Mode: 0o755, PAXRecords: sum("hallo\n")}, want: "hello: its SHA-1 is"},
		"no sum":                 {file: tar.Header{Name: "hello", Mode: 0o755}, want: "hello: its SHA-1 is"},
		"damaged":                {file: tar.Header{Name: "hello", Mode: 0o755, PAXRecords: sum("hello\n")}, damaged: true, want: "have the SHA-256"},
		"a mode that is no mode": {file: tar.Header{Name: "hello", Mode: 0o20000000755, Format: tar.FormatGNU}, want: "hello: mode is"},
		"a way out":              {file: tar.Header{Name: "../hello", Mode: 0o755, PAXRecords: sum("hello\n")}, want: "../hello"},
		"a link":                 {file: tar.Header{Name: "hello", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, want: "an entry of type '2'"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, content := t.TempDir(), "hello\n"
			if c.file.Typeflag == tar.TypeSymlink {
				content = ""
			}
			data := packed(t, c.file, content)
			info := fmt.Sprintf("pkgname = x\npkgver = 1-r1\narch = x86_64\nsize = 6\npkgdesc = x\nlicense = MIT\ndatahash = %x\n", sha256.Sum256(data))
			if c.damaged {
				data[len(data)-5] ^= 1
			}
			file := filepath.Join(dir, "x.apk")
			if err := os.WriteFile(file, append(packed(t, tar.Header{Name: ".PKGINFO", Mode: 0o644}, info), data...), 0o600); err != nil {
				t.Fatal(err)
			}
			err := unpack(file, dir)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "hello")); string(got) != content {
				t.Errorf("unpacked: %q, %v", got, err)
			}
		})
	}
}
