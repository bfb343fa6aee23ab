package plugins

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

//go:embed */plugin.lua */README.md
var embedded embed.FS

// ErrNotFound says that there is no plugin, or command of one, of a name.
var ErrNotFound = errors.New("not found")

// builtin returns the plugins that are part of the program, by name.
var builtin = sync.OnceValues(func() ([]*Plugin, error) {
	files, err := fs.Glob(embedded, "*/"+MainFile)
	if err != nil {
		return nil, err
	}
	var list []*Plugin
	for _, file := range files {
		source, err := embedded.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m, err := ParseManifest(source, file)
		if err != nil {
			return nil, err
		}
		if m.Name != path.Dir(file) {
			return nil, fmt.Errorf("%s: the plugin is called %q", file, m.Name)
		}
		list = append(list, &Plugin{Manifest: *m, source: source})
	}
	return list, nil
})

// Finder knows where plugins are.
type Finder struct {
	// Path are folders whose subfolders are plugins. What is found first counts; the
	// plugins that are built in come last.
	Path []string
}

// List returns all plugins, by name, and what was wrong with those that cannot be
// used. A folder of Path that is not there has none.
func (f *Finder) List() ([]*Plugin, []error) {
	var list []*Plugin
	var errs []error
	known := map[string]bool{}
	for _, dir := range f.Path {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, entry := range entries {
			folder := filepath.Join(dir, entry.Name())
			if hidden(entry.Name()) || known[entry.Name()] || !isPlugin(folder) {
				continue
			}
			known[entry.Name()] = true
			p, err := Open(folder)
			if err != nil {
				errs = append(errs, fmt.Errorf("plugin %s: %w", entry.Name(), err))
				continue
			}
			list = append(list, p)
		}
	}
	ours, err := builtin()
	if err != nil {
		errs = append(errs, err)
	}
	for _, p := range ours {
		if !known[p.Name] {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *Plugin) int { return strings.Compare(a.Name, b.Name) })
	return list, errs
}

func isPlugin(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, MainFile))
	return err == nil && info.Mode().IsRegular()
}

// Find returns the plugin of a name, or the one in a folder where name is a path: has
// a slash in it, or is "." or "..". The error wraps ErrNotFound where there is none.
func (f *Finder) Find(name string) (*Plugin, error) {
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		if !isPlugin(name) {
			return nil, fmt.Errorf("plugin %q: there is no file %s: %w", name, filepath.Join(name, MainFile), ErrNotFound)
		}
		return Open(name)
	}
	if err := CheckName(name); err != nil {
		return nil, err
	}
	for _, dir := range f.Path {
		if folder := filepath.Join(dir, name); isPlugin(folder) {
			p, err := Open(folder)
			if err != nil {
				return nil, fmt.Errorf("plugin %s: %w", name, err)
			}
			return p, nil
		}
	}
	ours, err := builtin()
	for _, p := range ours {
		if p.Name == name {
			return p, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("there is no plugin %q: %w in %s", name, ErrNotFound, strings.Join(append(slices.Clone(f.Path), "the built-in ones"), " or "))
}

// FindCommand returns the plugin that has a command of the name, and the command.
func (f *Finder) FindCommand(name string) (*Plugin, *Command, error) {
	list, _ := f.List()
	for _, p := range list {
		for i := range p.Commands {
			if p.Commands[i].Name == name {
				return p, &p.Commands[i], nil
			}
		}
	}
	return nil, nil, fmt.Errorf("no plugin has a command %q: %w", name, ErrNotFound)
}

// Readme returns the page of documentation that is built in with a plugin.
func (p *Plugin) Readme() string {
	var text []byte
	if p.Builtin() {
		text, _ = embedded.ReadFile(p.Name + "/README.md")
	} else {
		text, _ = readSource(filepath.Join(p.Dir, "README.md"))
	}
	return string(text)
}
