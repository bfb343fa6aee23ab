// Unapk unpacks the package of Alpine that its first argument names into the folder
// that the second names, and refuses what apk would: Debian has no apk to try it with.
//
// An apk is gzip members one after the other: the control files, among them .PKGINFO
// with the SHA-256 of the rest, and the files, each with its SHA-1.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: unapk FILE FOLDER")
		os.Exit(2)
	}
	if err := unpack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "unapk: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func unpack(file, dir string) error {
	pkg, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	control, n, err := member(pkg)
	if err != nil {
		return fmt.Errorf("control files: %w", err)
	}
	info, err := pkginfo(control)
	if err != nil {
		return fmt.Errorf("control files: %w", err)
	}
	for _, key := range []string{"pkgname", "pkgver", "arch", "size", "pkgdesc", "license"} {
		if info[key] == "" {
			return fmt.Errorf(".PKGINFO has no %s", key)
		}
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(pkg[n:])); sum != info["datahash"] {
		return fmt.Errorf("the files have the SHA-256 %s, .PKGINFO says %s", sum, info["datahash"])
	}
	data, m, err := member(pkg[n:])
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if n+m != len(pkg) {
		return fmt.Errorf("%d bytes behind the files", len(pkg)-n-m)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return entries(data, func(h *tar.Header, r io.Reader) error { return write(root, h, r) })
}

// member returns what the first gzip member of p holds, and its length in p.
func member(p []byte) (content []byte, n int, err error) {
	r := bytes.NewReader(p)
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, 0, err
	}
	z.Multistream(false)
	content, err = io.ReadAll(z)
	return content, len(p) - r.Len(), err
}

// entries calls f for each entry of a tar archive that apk could read, too.
func entries(archive []byte, f func(h *tar.Header, r io.Reader) error) error {
	if err := octal(archive); err != nil {
		return err
	}
	t := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// octal refuses headers with a number that is not of octal digits: tar and Go have
// another form for large ones, apk has not.
func octal(archive []byte) error {
	for offset := 0; offset+512 <= len(archive); {
		block := archive[offset : offset+512]
		if block[0] == 0 { // the end
			return nil
		}
		for _, field := range []struct {
			name       string
			start, end int
		}{{"mode", 100, 108}, {"uid", 108, 116}, {"gid", 116, 124}, {"size", 124, 136}, {"mtime", 136, 148}, {"devmajor", 329, 337}, {"devminor", 337, 345}} {
			value := block[field.start:field.end]
			if rest := bytes.TrimLeft(value, "01234567"); len(bytes.Trim(rest, "\x00 ")) > 0 {
				return fmt.Errorf("%s: %s is %q at offset %d, want octal digits", bytes.TrimRight(block[:100], "\x00"), field.name, value, offset)
			}
		}
		size, _ := strconv.ParseInt(string(bytes.Trim(block[124:136], "\x00 ")), 8, 64)
		offset += 512 + int(size+511)/512*512
	}
	return nil
}

// pkginfo returns the fields of .PKGINFO.
func pkginfo(control []byte) (map[string]string, error) {
	info := map[string]string{}
	err := entries(control, func(h *tar.Header, r io.Reader) error {
		if h.Name != ".PKGINFO" {
			return checked(h, io.Discard, r)
		}
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), " = "); ok {
				info[key] = value
			}
		}
		return lines.Err()
	})
	return info, err
}

// checked copies the content of an entry and holds it against its SHA-1.
func checked(h *tar.Header, w io.Writer, r io.Reader) error {
	sum := sha1.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), r); err != nil {
		return err
	}
	if got, want := fmt.Sprintf("%x", sum.Sum(nil)), h.PAXRecords["APK-TOOLS.checksum.SHA1"]; got != want {
		return fmt.Errorf("its SHA-1 is %s, the package says %q", got, want)
	}
	return nil
}

func write(root *os.Root, h *tar.Header, r io.Reader) error {
	name, mode := filepath.Clean(h.Name), h.FileInfo().Mode().Perm()
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.Mkdir(name, mode); err != nil {
			return err
		}
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		if err := errors.Join(checked(h, f, r), f.Close()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("an entry of type %q, want files and folders only", h.Typeflag)
	}
	return root.Chmod(name, mode) // whatever the umask
}
