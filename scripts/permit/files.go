package permit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// OpenFile opens a file, to be read or to be written by the flags of os.OpenFile. Links inside an allowed folder do not
// lead out of it; one that is allowed by itself is followed. What must not be opened is a *Denied.
func (p *Permissions) OpenFile(path string, flags int) (*os.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	e := Effect{Kind: Read, Target: path}
	if flags&(os.O_WRONLY|os.O_RDWR) != 0 {
		e.Kind = Write
	}
	if p == nil {
		return nil, p.denied(e)
	}
	if flags&os.O_RDWR != 0 {
		if _, err := p.Path(Read, path, true); err != nil {
			return nil, err
		}
	}
	if p.all {
		for _, g := range p.grants {
			if g.make && flags&os.O_CREATE != 0 && below(g.value, path) != "" {
				if err := os.MkdirAll(g.value, 0o700); err != nil {
					return nil, err
				}
			}
		}
		return os.OpenFile(path, flags, 0o666)
	}
	err = p.denied(e)
	for _, g := range p.grants {
		root, inside, ok := g.place(path)
		if !ok || g.kind != e.Kind {
			continue
		}
		file, failed := g.open(root, inside, path, flags)
		if failed == nil {
			return file, nil
		}
		if !escapes(failed) {
			err = failed
		}
	}
	return nil, err
}

func (g Grant) open(root, inside, path string, flags int) (*os.File, error) {
	if root == "" {
		return os.OpenFile(path, flags, 0o666)
	}
	if g.make && flags&os.O_CREATE != 0 {
		if err := os.MkdirAll(root, 0o700); err != nil {
			return nil, err
		}
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	info, err := folder.Stat(inside)
	if escapes(err) { // an absolute link, which may lead back into the folder
		if to := insideOf(root, inside); to != "" {
			inside = to
			info, err = folder.Stat(inside)
		}
	}
	if g.own && err == nil {
		switch {
		case info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
			return nil, fmt.Errorf("%s is no regular file", path)
		case g.kind == Write && (g.isCode(real(path)) || g.isMain(info)): // by a link
			return nil, &Denied{Effect: Effect{Kind: Write, Target: path}}
		}
	}
	return folder.OpenFile(inside, flags, 0o666)
}

// isCode reports whether a path below a script's own folder is code, which the script must not change.
func (g Grant) isCode(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ".lua") || path == g.main
}

func (g Grant) isMain(info fs.FileInfo) bool {
	main, err := os.Stat(g.main)
	return err == nil && os.SameFile(info, main)
}

// Remove removes a file, or an empty folder. A link is removed itself. What must not be is a *Denied.
func (p *Permissions) Remove(path string) error {
	folder, name, err := p.parent(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Remove(name)
}

// Rename renames a file or a folder. A link is renamed itself. What must not be is a *Denied.
func (p *Permissions) Rename(from, to string) error {
	source, old, err := p.parent(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, name, err := p.parent(to)
	if err != nil {
		return err
	}
	defer target.Close()
	if err := rename(source, old, target, name); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// parent opens the folder of a path that may be changed, and returns the path's name in it. Whoever changes the names above
// meanwhile does not lead it out of what is allowed.
func (p *Permissions) parent(path string) (folder *os.Root, name string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	dir, name := filepath.Split(path)
	if p.AllowsAll() {
		folder, err = os.OpenRoot(dir)
		return folder, name, err
	}
	err = p.denied(Effect{Kind: Write, Target: path})
	if p == nil {
		return nil, "", err
	}
	for _, g := range p.grants {
		root, inside, ok := g.place(path)
		if !ok || g.kind != Write {
			continue
		}
		var failed error
		if root == "" {
			folder, failed = os.OpenRoot(dir)
		} else {
			folder, failed = openBelow(root, filepath.Dir(inside))
		}
		if failed == nil && g.own {
			if info, e := folder.Lstat(name); e == nil && g.isMain(info) { // by another way
				folder.Close()
				continue
			}
		}
		if failed == nil {
			return folder, name, nil
		}
		if !escapes(failed) {
			err = failed
		}
	}
	return nil, "", err
}

// openBelow opens a folder below another one.
func openBelow(root, inside string) (*os.Root, error) {
	folder, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	below, err := folder.OpenRoot(inside)
	if escapes(err) {
		if to := insideOf(root, inside); to != "" {
			return folder.OpenRoot(to)
		}
	}
	return below, err
}

// insideOf is where a path below a folder leads by absolute links; "" where that is out of it.
func insideOf(root, inside string) string {
	return below(real(root), real(filepath.Join(root, inside)))
}

// escapes reports whether os.Root has kept a link from leading out.
func escapes(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && strings.Contains(path.Err.Error(), "escapes")
}

// Path returns a path of a file, or of a folder, with its links resolved, for what cannot be done by OpenFile; with
// follow also the last one. What is to be made need not be there yet.
func (p *Permissions) Path(kind Kind, path string, follow bool) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil || p.AllowsAll() {
		return path, err
	}
	resolve := realParent
	if _, err := os.Lstat(path); follow && err == nil {
		resolve = real // which leaves a link to nowhere as it is: it is refused
	}
	e := Effect{Kind: kind, Target: path}
	if p == nil {
		return "", p.denied(e)
	}
	for _, g := range p.grants {
		root, _, ok := g.place(path)
		switch {
		case !ok || g.kind != kind:
		case root == "":
			return path, nil
		default:
			if to := resolve(path); below(real(root), to) != "" && (!follow || !isLink(to)) {
				return to, nil
			}
		}
	}
	return "", p.denied(e)
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// AskPattern is Ask for the files that fit a pattern of paths, which is absolute. Which of them may be seen is asked for
// each, by Path: a link may lead anywhere.
func (p *Permissions) AskPattern(pattern string) error {
	folder := pattern
	if base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern)); strings.ContainsAny(rest, meta) {
		folder = filepath.FromSlash(base)
	}
	if p.allows(Effect{Kind: Read, Target: pattern}) || p.allows(Effect{Kind: Read, Target: folder}) {
		return nil
	}
	return p.denied(Effect{Kind: Read, Target: folder})
}

// meta are the characters that make a pattern of a path.
const meta = "*?[{"

// place says where in an allowed folder a path is. root is "" where the path is allowed by itself, or all are.
func (g Grant) place(path string) (root, inside string, ok bool) {
	if g.value == "" || path == g.value {
		return "", "", !(g.own && g.kind == Write) // a folder of its own is not written over
	}
	root = g.value
	if g.glob {
		base, _ := doublestar.SplitPattern(filepath.ToSlash(g.value))
		root = filepath.FromSlash(base)
	}
	switch inside = below(root, path); {
	case inside == "" || inside == ".",
		g.glob && !doublestar.MatchUnvalidated(filepath.ToSlash(g.value), filepath.ToSlash(path)),
		g.own && strings.Contains("/"+filepath.ToSlash(inside), "/."),
		g.own && g.kind == Write && g.isCode(path):
		return "", "", false
	}
	return root, inside, true
}

// below returns the path from folder to path, "" where it leads out.
func below(folder, path string) string {
	inside, err := filepath.Rel(folder, path)
	if err != nil || inside != "." && !filepath.IsLocal(inside) {
		return ""
	}
	return inside
}

// real is a path without links, as it is where that cannot be said.
func real(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	if to, err := filepath.Abs(path); err == nil {
		path = to
	}
	return path
}

// realParent is a path whose folder has no links in it.
func realParent(path string) string {
	return filepath.Join(real(filepath.Dir(path)), filepath.Base(path))
}
