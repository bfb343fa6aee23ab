package permit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ws76/ws76/internal/glob"
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
	if g.own && err == nil && info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	file, err := folder.OpenFile(inside, flags&^os.O_TRUNC, 0o666)
	if err != nil || g.kind != Write {
		return file, err
	}
	if info, err = file.Stat(); err == nil {
		err = g.writable(file, info, path)
	}
	if err == nil && flags&os.O_TRUNC != 0 && info.Mode().IsRegular() && info.Size() > 0 {
		err = file.Truncate(0)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// writable reports why a file that was opened below a folder must not be written to: by a link it may be one that lies elsewhere,
// or code.
func (g Grant) writable(file *os.File, info fs.FileInfo, path string) error {
	denied := &Denied{Effect: Effect{Kind: Write, Target: path}}
	if g.own && (g.isCode(real(path)) || g.isMain(info)) {
		return denied
	}
	if n := links(file, info); n > 1 && info.Mode().IsRegular() {
		return fmt.Errorf("%w: the file has %d names, and the others may be elsewhere", denied, n)
	}
	return nil
}

// isCode reports whether a path below a script's own folder is code, which the script must not change. Windows leaves out dots and
// spaces at the end of a name, and what follows a colon.
func (g Grant) isCode(path string) bool {
	name, _, _ := strings.Cut(filepath.Base(path), ":")
	return strings.EqualFold(filepath.Ext(strings.TrimRight(name, ". ")), ".lua") || path == g.main
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

// OwnFolder returns the folder of a script's own without which a path could not be written: no flag allows it besides. ""
// where that is not so.
func (p *Permissions) OwnFolder(path string) (folder string) {
	if p == nil || p.all {
		return ""
	}
	for _, g := range p.grants {
		if _, _, ok := g.place(path); !ok || g.kind != Write {
			continue
		}
		if !g.own || g.make {
			return ""
		}
		folder = g.value
	}
	return folder
}

// AskPattern is Ask for the files that fit a pattern, which glob.Split has split. Which of them may be seen is asked for each,
// by Path: a link may lead anywhere.
func (p *Permissions) AskPattern(base, rest string) error {
	e := Effect{Kind: Read, Target: base}
	ok := p.allows(e)
	if _, err := os.Stat(base); ok && err == nil {
		_, err = p.Path(Read, base, true)
		ok = err == nil
	}
	if !ok && rest != "" && p != nil { // the user may have named the very pattern
		ok = slices.ContainsFunc(p.grants, func(g Grant) bool { return g.kind == Read && g.base == base && g.rest == rest })
	}
	if !ok {
		return p.denied(e)
	}
	return nil
}

// place says where in an allowed folder a path is. root is "" where the path is allowed by itself, or all are.
func (g Grant) place(path string) (root, inside string, ok bool) {
	if g.value == "" || path == g.value {
		return "", "", !(g.own && g.kind == Write) // a folder of its own is not written over
	}
	root = g.value
	if g.rest != "" {
		root = g.base
	}
	switch inside = below(root, path); {
	case inside == "" || inside == ".",
		g.rest != "" && !glob.Match(g.base, g.rest, path),
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
