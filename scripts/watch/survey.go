package watch

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links may be on the way to a file, as on Linux.
const maxLinks = 40

// survey is what a pattern means on the disk now.
type survey struct {
	t       *Watch
	places  map[string]*place      // the folders to watch, by their real paths
	files   map[string]os.FileInfo // the files of the pattern, by the paths that it names them by
	partial bool                   // there are more than maxFolders folders
}

// place is a folder whose entries matter. It is known by its real path, since the system tells of a folder once, however
// many links lead to it.
type place struct {
	as      []string            // the paths by which the pattern knows it, if all of its entries may fit
	way     map[string]bool     // entries that others are reached through: folders, links, and what is missing
	targets map[string][]string // entries that are files, and the paths by which the pattern knows them
	need    bool                // not merely on the way
}

// look surveys the pattern.
func (t *Watch) look() *survey {
	s := &survey{t: t, places: make(map[string]*place), files: make(map[string]os.FileInfo)}
	if !s.file(t.base) {
		s.folder(t.base, 0, nil)
	}
	return s
}

// file notes that path is of the pattern, and reports whether a file is there.
func (s *survey) file(path string) bool {
	real, info := s.follow(path)
	if info == nil || info.IsDir() {
		return false
	}
	p := s.place(filepath.Dir(real))
	p.need = true
	if name := filepath.Base(real); p.targets == nil {
		p.targets = map[string][]string{name: {path}}
	} else {
		p.targets[name] = append(p.targets[name], path)
	}
	if s.t.matches(path) {
		s.files[path] = info
	}
	return true
}

// folder notes the folder path, which is level levels below the base, and what is in it. above are the real paths of
// those that it was reached through: a link back to one of them leads in a circle.
func (s *survey) folder(path string, level int, above []string) {
	real, info := s.follow(path)
	if info == nil || !info.IsDir() {
		return
	}
	if slices.Contains(above, real) {
		return
	}
	if s.partial = s.partial || len(s.places) >= maxFolders; s.partial {
		return
	}
	p := s.place(real)
	p.as, p.need = append(p.as, path), true
	above = append(above, real)
	entries, _ := os.ReadDir(path) // what cannot be read has no files to watch
	for _, e := range entries {
		inner := filepath.Join(path, e.Name())
		link := e.Type()&os.ModeSymlink != 0
		switch fits := s.t.matches(inner); {
		case link && (fits || s.t.descends(level)):
			if !s.file(inner) && s.t.descends(level) {
				s.folder(inner, level+1, above)
			}
		case e.IsDir() && s.t.descends(level):
			s.folder(inner, level+1, above)
		case fits && !e.IsDir():
			if info, err := e.Info(); err == nil {
				s.files[inner] = info
			}
		}
	}
}

// place returns the place of a folder.
func (s *survey) place(real string) *place {
	p := s.places[real]
	if p == nil {
		p = new(place)
		s.places[real] = p
	}
	return p
}

// follow goes to path as the system would, through links, and notes everything on the way whose change may lead
// elsewhere. It returns the real path and what is there; nil if there is nothing, or links lead in a circle.
func (s *survey) follow(path string) (string, os.FileInfo) {
	root := filepath.VolumeName(path) + string(filepath.Separator)
	real, rest, links := root, path[min(len(path), len(root)):], 0
	if _, err := os.Stat(root); err != nil {
		return "", nil
	}
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, string(filepath.Separator))
		switch name {
		case "", ".":
			continue
		case "..":
			real = filepath.Dir(real)
			continue
		}
		at := filepath.Join(real, name)
		info, err := os.Lstat(at)
		if err != nil {
			s.passes(real, name, true)
			return "", nil
		}
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			s.passes(real, name, true)
			target, err := os.Readlink(at)
			if links++; err != nil || links > maxLinks {
				return "", nil
			}
			if filepath.IsAbs(target) {
				root = filepath.VolumeName(target) + string(filepath.Separator)
				real, target = root, target[len(root):]
			}
			rest = target + string(filepath.Separator) + rest
		case info.IsDir():
			// A folder that is renamed takes away all that is in it, but only inotify watches a folder without opening every
			// file there.
			if runtime.GOOS == "linux" {
				s.passes(real, name, false)
			}
			real = at
		case strings.Trim(rest, string(filepath.Separator)) != "":
			s.passes(real, name, true) // a file where a folder should be
			return "", nil
		default:
			return at, info
		}
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", nil
	}
	return real, info
}

// passes notes that the way leads through an entry of a folder.
func (s *survey) passes(real, name string, need bool) {
	p := s.place(real)
	if p.way == nil {
		p.way = make(map[string]bool)
	}
	p.way[name] = true
	p.need = p.need || need
}
