package plugins

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts/luacode"
)

// Bounds of what is installed.
const (
	MaxFiles   = 1000     // files and folders
	MaxSize    = 16 << 20 // bytes of all files
	maxPath    = 200      // bytes of a path
	maxEntries = 10_000   // of an archive, with those that are left out
)

// recordFile is the file of an installed plugin that holds its Record.
const recordFile = ".installed.json"

// Record is how a plugin was installed.
type Record struct {
	Format  int               `json:"format"` // 1
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Source  string            `json:"source"`
	Time    time.Time         `json:"time"`
	Files   map[string]string `json:"files"` // path: sum, as in "sha256:…"
}

// readRecord returns the record in a plugin's folder; nil if there is none.
func readRecord(dir string) (*Record, error) {
	text, err := readSource(filepath.Join(dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r Record
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Format != 1 {
		err = fmt.Errorf("its format is %d, want 1", r.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("reading how the plugin in %s was installed: %w", dir, err)
	}
	return &r, nil
}

// InstallError says why a source was not installed. Nothing of it is left behind.
type InstallError struct {
	Source string
	Path   string // of the file in it, "" if it is about the whole
	Err    error
}

func (e *InstallError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("installing %s: %v", e.Source, e.Err)
	}
	return fmt.Sprintf("installing %s: %q: %v", e.Source, e.Path, e.Err)
}

func (e *InstallError) Unwrap() error { return e.Err }

// Install copies the plugin in source, a folder or an archive (.tar.gz, .tgz or
// .tar), into the folder into and records the sums of its files. The plugin is at
// the top of an archive or in its only folder.
//
// A source that is broken, or has anything in it but files and folders of its own,
// is refused whole, as is one whose name or command is taken: by a plugin that other
// knows, or of which taken says what has it, for the name of the plugin or of a command; "" is nothing. Files whose name
// begins with a dot are left out. No code of the plugin is run. Errors are
// *InstallError.
func Install(source, into string, other *Finder, taken func(name string, command bool) string) (*Plugin, error) {
	p, err := install(source, into, other, taken)
	if err != nil {
		var failed *InstallError
		if !errors.As(err, &failed) {
			failed = &InstallError{Err: err}
		}
		failed.Source = source
		return nil, failed
	}
	return p, nil
}

func install(source, into string, other *Finder, taken func(name string, command bool) string) (*Plugin, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return nil, err
	}
	// Beside where it goes, so that it can be moved there in one step.
	temp, err := os.MkdirTemp(into, ".installing-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	root, err := os.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	u := &unpacker{root: root, seen: map[string]string{}, sums: map[string]string{}}
	if info.IsDir() {
		err = u.folder(source)
	} else {
		err = u.archive(source)
	}
	if err != nil {
		return nil, err
	}
	top, err := u.top()
	if err != nil {
		return nil, err
	}
	text, err := readSource(filepath.Join(temp, filepath.FromSlash(top), MainFile))
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(text, MainFile)
	if err != nil {
		return nil, err
	}
	if err := u.compile(); err != nil {
		return nil, err
	}
	if err := clash(m, other, taken); err != nil {
		return nil, err
	}
	to := filepath.Join(into, m.Name)
	if _, err := os.Lstat(to); err == nil {
		return nil, fmt.Errorf("%s is there already", to)
	}
	absolute, err := filepath.Abs(source)
	if err != nil {
		return nil, err
	}
	record := &Record{Format: 1, Name: m.Name, Version: m.Version, Source: absolute, Time: time.Now().UTC().Truncate(time.Second), Files: map[string]string{}}
	for name, sum := range u.sums {
		record.Files[strings.TrimPrefix(strings.TrimPrefix(name, top), "/")] = sum
	}
	encoded, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := root.WriteFile(path.Join(top, recordFile), append(encoded, '\n'), 0o644); err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Join(temp, filepath.FromSlash(top)), 0o755); err != nil { // MkdirTemp's is 0700
		return nil, err
	}
	if err := os.Rename(filepath.Join(temp, filepath.FromSlash(top)), to); err != nil {
		return nil, err
	}
	return Open(to)
}

// clash says which name of a plugin is taken.
func clash(m *Manifest, other *Finder, taken func(name string, command bool) string) error {
	list, _ := other.List()
	for _, p := range list {
		if p.Name == m.Name {
			if p.Record != nil {
				return fmt.Errorf("there is a plugin %s already, %s (%s); ws76 plugin remove %[1]s removes it", p.Name, p.Version, p.Where())
			}
			return fmt.Errorf("there is a plugin %s already, %s (%s)", p.Name, p.Version, p.Where())
		}
		for _, mine := range m.Commands {
			for _, theirs := range p.Commands {
				if mine.Name == theirs.Name {
					return fmt.Errorf("its command %s is one of plugin %s", mine.Name, p.Name)
				}
			}
		}
	}
	if taken == nil {
		return nil
	}
	if by := taken(m.Name, false); by != "" {
		return fmt.Errorf("its name %s is taken by %s", m.Name, by)
	}
	for _, c := range m.Commands {
		if by := taken(c.Name, true); by != "" {
			return fmt.Errorf("its command %s is taken by %s", c.Name, by)
		}
	}
	return nil
}

// unpacker writes files into a folder that it cannot get out of, within bounds.
type unpacker struct {
	root *os.Root
	seen map[string]string // paths in lower case: as they are
	sums map[string]string // of files, by path
	size int64
}

// errKind is the error about what is neither a file nor a folder.
func errKind(kind string) error {
	return fmt.Errorf("it is %s; a plugin has files and folders only", kind)
}

// folder copies a folder.
func (u *unpacker) folder(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case hidden(name) && d.IsDir():
			return fs.SkipDir
		case hidden(name):
			return nil
		case d.IsDir():
			return u.mkdir(name)
		case d.Type()&fs.ModeSymlink != 0:
			return &InstallError{Path: name, Err: errKind("a link")}
		case !d.Type().IsRegular():
			return &InstallError{Path: name, Err: errKind("a device, a pipe or a socket")}
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return u.write(name, f)
	})
}

// archive unpacks a tar file, which may be compressed.
func (u *unpacker) archive(source string) error {
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	var stream io.Reader = f
	if !strings.HasSuffix(strings.ToLower(source), ".tar") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("it is neither a folder nor a .tar.gz file: %w", err)
		}
		stream = z
	}
	// What is left out, and headers, are read too: the bound is one for all of it.
	bounded := &io.LimitedReader{R: stream, N: 4 * MaxSize}
	entries := tar.NewReader(bounded)
	for n := 0; ; n++ {
		h, err := entries.Next()
		switch {
		case err == io.EOF:
			// The sum of a compressed file is at its end.
			if _, err = io.Copy(io.Discard, bounded); err != nil {
				err = fmt.Errorf("reading the archive: %w", err)
			}
			return err
		case bounded.N <= 0, n >= maxEntries:
			return fmt.Errorf("it is too large: more than %d bytes or %d entries", 4*MaxSize, maxEntries)
		case err != nil:
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := u.entry(h, entries); err != nil {
			if bounded.N <= 0 {
				err = fmt.Errorf("the archive is too large: more than %d bytes", 4*MaxSize)
			}
			return &InstallError{Path: h.Name, Err: err}
		}
	}
}

// entry unpacks one entry of an archive.
func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader { // a comment of git archive
		return nil
	}
	name, err := localName(h.Name)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
	case tar.TypeSymlink, tar.TypeLink:
		return errKind("a link")
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errKind("a device or a pipe")
	default:
		return errKind(fmt.Sprintf("of type %q", h.Typeflag))
	}
	for part := range strings.SplitSeq(name, "/") {
		if hidden(part) {
			return nil
		}
	}
	if h.Typeflag == tar.TypeDir {
		if name == "." {
			return nil
		}
		return u.mkdir(name)
	}
	if h.Size > MaxSize {
		return fmt.Errorf("it has %d bytes; the limit for all files is %d", h.Size, MaxSize)
	}
	return u.write(name, r)
}

// localName checks a path of an archive, which must stay inside it, on any system,
// and cleans it.
func localName(name string) (string, error) {
	clean := path.Clean(name)
	switch {
	case name == "" || len(name) > maxPath:
		return "", fmt.Errorf("its path has %d bytes; the limit is %d", len(name), maxPath)
	case strings.ContainsFunc(name, steers), strings.ContainsAny(name, `\:*?"<>|`):
		return "", errors.New("its path has a character that not all systems allow")
	case path.IsAbs(name), !filepath.IsLocal(filepath.FromSlash(clean)), strings.Contains("/"+name+"/", "/../"):
		return "", errors.New("its path leads out of the plugin's folder")
	}
	return clean, nil
}

// claim takes a path, which no other may have, not even in other letters.
func (u *unpacker) claim(name string) error {
	lower := strings.ToLower(name)
	if u.seen[lower] != "" {
		return errors.New("it is there twice")
	}
	if len(u.seen) >= MaxFiles {
		return fmt.Errorf("there are more than %d files and folders", MaxFiles)
	}
	u.seen[lower] = name
	return nil
}

// mkdir makes a folder and those above it.
func (u *unpacker) mkdir(name string) error {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		part := name[:i]
		if had := u.seen[strings.ToLower(part)]; had != "" {
			if had != part || u.sums[part] != "" {
				return errors.New("it is there twice")
			}
			continue
		}
		if err := u.claim(part); err != nil {
			return err
		}
		if err := u.root.Mkdir(part, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// write writes a file and the folders above it.
func (u *unpacker) write(name string, r io.Reader) error {
	if dir := path.Dir(name); dir != "." {
		if err := u.mkdir(dir); err != nil {
			return err
		}
	}
	if err := u.claim(name); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, MaxSize-u.size+1))
	if u.size += n; err == nil && u.size > MaxSize {
		err = fmt.Errorf("the files have more than %d bytes, which is the limit", MaxSize)
	}
	u.sums[name] = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return errors.Join(err, f.Close())
}

// top returns the folder that the plugin is in: "." or the only one.
func (u *unpacker) top() (string, error) {
	if u.sums[MainFile] != "" {
		return ".", nil
	}
	top := ""
	for _, name := range u.seen {
		first, _, _ := strings.Cut(name, "/")
		if top != "" && top != first {
			return "", fmt.Errorf("there is no %s at its top", MainFile)
		}
		top = first
	}
	if top == "" || u.sums[top+"/"+MainFile] == "" {
		return "", fmt.Errorf("there is no %s at its top, nor in its only folder", MainFile)
	}
	return top, nil
}

// compile checks that each file of Lua is some.
func (u *unpacker) compile() error {
	for name := range u.sums {
		if !strings.HasSuffix(name, ".lua") {
			continue
		}
		f, err := u.root.Open(name)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(textfile.NewReader(f), luacode.MaxSource+1))
		f.Close()
		if err == nil {
			_, err = luacode.Compile(text, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ErrBuiltin says that a plugin is part of the program and cannot be removed.
var ErrBuiltin = errors.New("it is built in")

// Remove removes a plugin, which must be in the folder from: what is elsewhere is
// not touched.
func Remove(name, from string) (*Plugin, error) {
	p, err := (&Finder{Path: []string{from}}).Find(name)
	if err != nil {
		// One that is broken can be removed, too.
		if folder := filepath.Join(from, name); CheckName(name) == nil && isPlugin(folder) {
			return &Plugin{Manifest: Manifest{Name: name}, Dir: folder}, removeFolder(from, name)
		}
		return nil, err
	}
	if p.Builtin() {
		return nil, fmt.Errorf("plugin %s: %w", name, ErrBuiltin)
	}
	if filepath.Base(p.Dir) != name {
		return nil, fmt.Errorf("%q: want the name of a plugin in %s", name, from)
	}
	return p, removeFolder(from, name)
}

// removeFolder removes a folder; one that is a link is unlinked.
func removeFolder(from, name string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	// First out of sight, so that there is never half a plugin.
	gone := fmt.Sprintf(".removing-%s-%d", name, os.Getpid())
	if err := root.Rename(name, gone); err != nil {
		return err
	}
	return root.RemoveAll(gone)
}
