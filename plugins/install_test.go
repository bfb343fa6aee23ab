package plugins

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts"
)

const source = `plugin = { name = "hello", version = "1.0", summary = "greets", commands = { greet = { summary = "s", run = f } } }
function on_message(conn, data) return "hello " .. data end
`

// entry is one entry of an archive; a body of "" and a type other than a file's is
// none.
type entry struct {
	name, body string
	typeflag   byte
	link       string
	size       int64 // that the header says; 0: the body's
}

// archive writes a .tar.gz file.
func archive(t *testing.T, entries ...entry) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.typeflag, Linkname: e.link, Mode: 0o4777, Size: int64(len(e.body)), Format: tar.FormatPAX}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}}
		}
		if e.size > 0 {
			h.Size = e.size
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.size > 0 {
			zeros := make([]byte, 1<<20)
			for left := e.size; left > 0; left -= int64(len(zeros)) {
				if _, err := w.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
					t.Fatal(err)
				}
			}
		} else if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(path, buf.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// tree lists what is in a folder, but not beside it.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestInstallArchive(t *testing.T) {
	for name, entries := range map[string][]entry{
		"at the top":    {{name: "./", typeflag: tar.TypeDir}, {name: "./plugin.lua", body: source}, {name: "lib/x.lua", body: "return 1"}, {name: ".git/config", body: "x"}},
		"in one folder": {{typeflag: tar.TypeXGlobalHeader}, {name: "hello-1.0/", typeflag: tar.TypeDir}, {name: "hello-1.0/lib/x.lua", body: "return 1"}, {name: "hello-1.0/plugin.lua", body: source}},
	} {
		t.Run(name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "plugins")
			p, err := Install(archive(t, entries...), home, &Finder{Path: []string{home}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"hello", "hello/.installed.json", "hello/lib", "hello/lib/x.lua", "hello/plugin.lua"}
			if got := tree(t, home); !reflect.DeepEqual(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if info, err := os.Stat(filepath.Join(home, "hello", "plugin.lua")); err != nil || info.Mode()&(fs.ModeSetuid|0o133) != 0 {
				t.Error("a file has more rights than it needs:", info.Mode(), err)
			}
			if p.Name != "hello" || p.Record == nil || len(p.Record.Files) != 2 || p.Record.Version != "1.0" {
				t.Errorf("%+v", p)
			}
			if changed, err := p.Changed(); err != nil || changed != nil {
				t.Error(changed, err)
			}
			if _, err := Install(archive(t, entries...), home, &Finder{Path: []string{home}}, nil); err == nil || !strings.Contains(err.Error(), "there is a plugin hello already") || !strings.Contains(err.Error(), "ws76 plugin remove hello") {
				t.Error("twice:", err)
			}
		})
	}
}

// TestInstallRefused installs what is broken or malicious: nothing of it is left.
func TestInstallRefused(t *testing.T) {
	good := entry{name: "plugin.lua", body: source}
	many := []entry{good}
	for i := range MaxFiles {
		many = append(many, entry{name: fmt.Sprintf("f%d", i)})
	}
	deep := strings.Repeat("d/", maxPath/2) + "f"
	for name, test := range map[string]struct {
		entries []entry
		want    string
	}{
		"out by dots":            {[]entry{good, {name: "../evil", body: "x"}}, `"../evil": its path leads out`},
		"out by dots in between": {[]entry{good, {name: "a/../../evil", body: "x"}}, "leads out"},
		"dots that stay inside":  {[]entry{good, {name: "a/../b", body: "x"}}, "leads out"},
		"absolute":               {[]entry{good, {name: "/tmp/evil", body: "x"}}, "leads out"},
		"backslashes":            {[]entry{good, {name: `..\evil`, body: "x"}}, "not all systems"},
		"a drive":                {[]entry{good, {name: "C:evil", body: "x"}}, "not all systems"},
		"control characters":     {[]entry{good, {name: "a\x1b[31m", body: "x"}}, "not all systems"},
		"a symbolic link":        {[]entry{good, {name: "l", typeflag: tar.TypeSymlink, link: "/etc"}}, `"l": it is a link`},
		"through a link":         {[]entry{{name: "l", typeflag: tar.TypeSymlink, link: "/tmp"}, {name: "l/evil", body: "x"}, good}, "a link"},
		"a hard link":            {[]entry{good, {name: "l", typeflag: tar.TypeLink, link: "plugin.lua"}}, "a link"},
		"a hidden link":          {[]entry{good, {name: ".l", typeflag: tar.TypeSymlink, link: "/etc"}}, "a link"},
		"a device":               {[]entry{good, {name: "d", typeflag: tar.TypeChar}}, "a device"},
		"a pipe":                 {[]entry{good, {name: "p", typeflag: tar.TypeFifo}}, "a device or a pipe"},
		"a file twice":           {[]entry{good, {name: "./plugin.lua", body: "x"}}, "there twice"},
		"in other letters":       {[]entry{good, {name: "PLUGIN.LUA", body: "x"}}, "there twice"},
		"a file as a folder":     {[]entry{good, {name: "plugin.lua/x", body: "x"}}, "there twice"},
		"a folder as a file":     {[]entry{good, {name: "a/b", body: "x"}, {name: "a", body: "x"}}, "there twice"},
		"too many files":         {many, "more than 1000"},
		"a long path":            {[]entry{good, {name: deep, body: "x"}}, "the limit is 200"},
		"a huge file":            {[]entry{good, {name: "big", size: MaxSize + 1}}, "the limit for all files"},
		"huge files":             {[]entry{good, {name: "a", size: MaxSize / 2}, {name: "b", size: MaxSize/2 + 1}}, "which is the limit"},
		"huge hidden files":      {[]entry{good, {name: ".a", size: MaxSize}, {name: ".b", size: MaxSize}, {name: ".c", size: MaxSize}, {name: ".d", size: MaxSize}, {name: ".e", size: MaxSize}}, "too large"},
		"nothing":                {nil, "no plugin.lua"},
		"no plugin":              {[]entry{{name: "a/x", body: "x"}}, "no plugin.lua"},
		"two folders":            {[]entry{{name: "a/plugin.lua", body: source}, {name: "b/x", body: "x"}}, "no plugin.lua"},
		"no manifest":            {[]entry{{name: "plugin.lua", body: "x = 1"}}, "no manifest"},
		"no Lua":                 {[]entry{{name: "plugin.lua", body: "\x7fELF"}}, "plugin.lua"},
		"other files of no Lua":  {[]entry{good, {name: "x.lua", body: "x = = 1"}}, "x.lua:1"},
		"a name that is a path":  {[]entry{{name: "plugin.lua", body: strings.Replace(source, "hello", "../hello", 1)}}, "no name of a plugin"},
		"a name that is taken":   {[]entry{{name: "plugin.lua", body: strings.Replace(source, "hello", "socketio", 1)}}, "there is a plugin socketio already"},
		"a command of a plugin":  {[]entry{{name: "plugin.lua", body: strings.Replace(source, "greet =", "sensors =", 1)}}, "is one of plugin sensors"},
		"a command of ws76":      {[]entry{{name: "plugin.lua", body: strings.Replace(source, "greet =", "serve =", 1)}}, "its command serve is taken by a command of ws76"},
		"name taken":             {[]entry{{name: "plugin.lua", body: strings.Replace(source, `"hello"`, `"record"`, 1)}}, "its name record is taken by a plugin that is built in"},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			home := filepath.Join(base, "plugins")
			p, err := Install(archive(t, test.entries...), home, &Finder{Path: []string{home}}, func(name string, _ bool) string {
				return map[string]string{"serve": "a command of ws76", "record": "a plugin that is built in"}[name]
			})
			var refused *InstallError
			if p != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v, want an error with %q", p, err, test.want)
			}
			if got := tree(t, base); !reflect.DeepEqual(got, []string{"plugins"}) {
				t.Errorf("this is left: %q", got)
			}
		})
	}
}

// TestInstallCut installs an archive of which the end is missing, at many places.
func TestInstallCut(t *testing.T) {
	whole, err := os.ReadFile(archive(t, entry{name: "plugin.lua", body: source}, entry{name: "x.lua", body: "return 1"}))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 7 {
		home := t.TempDir()
		path := filepath.Join(t.TempDir(), "cut.tgz")
		if err := os.WriteFile(path, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if p, err := Install(path, home, &Finder{Path: []string{home}}, nil); err == nil {
			t.Errorf("%d of %d bytes: installed %s", n, len(whole), p.Name)
		}
		if got := tree(t, home); got != nil {
			t.Errorf("%d bytes: this is left: %q", n, got)
		}
	}
}

func TestInstallFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "anything")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	write("plugin.lua", source)
	write("lib/x.lua", "return 1")
	write(".git/config", "x")
	home := t.TempDir()
	finder := &Finder{Path: []string{home}}
	p, err := Install(dir, home, finder, nil)
	if err != nil || p.Dir != filepath.Join(home, "hello") {
		t.Fatal(p, err)
	}
	if found, err := finder.Find("hello"); err != nil || found.Record == nil {
		t.Error(found, err)
	}
	if found, command, err := finder.FindCommand("greet"); err != nil || found.Name != "hello" || command.Summary != "s" {
		t.Error(found, command, err)
	}
	// What has changed since is said when it is loaded.
	for _, change := range []error{
		os.WriteFile(filepath.Join(p.Dir, "plugin.lua"), []byte(source+"-- more"), 0o666),
		os.WriteFile(filepath.Join(p.Dir, "new.lua"), nil, 0o666),
		os.Remove(filepath.Join(p.Dir, "lib", "x.lua")),
	} {
		if change != nil {
			t.Fatal(change)
		}
	}
	if changed, err := p.Changed(); err != nil || !reflect.DeepEqual(changed, []string{"lib/x.lua is missing", "new.lua is new", "plugin.lua has changed"}) {
		t.Errorf("%q %v", changed, err)
	}
	var said []string
	script, err := p.Load(nil, scripts.Options{Log: logInto(&said)})
	if err != nil {
		t.Fatal(err)
	}
	script.Stop(t.Context(), "done")
	if len(said) != 1 || !strings.Contains(said[0], "not as it was installed: lib/x.lua is missing, new.lua is new, plugin.lua has changed") {
		t.Errorf("%q", said)
	}

	if _, err := Remove("socketio", home); !errors.Is(err, ErrBuiltin) {
		t.Error(err)
	}
	if _, err := Remove("nothing", home); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	for _, name := range []string{"../" + filepath.Base(home) + "/hello", dir, ".", ""} {
		if _, err := Remove(name, home); err == nil {
			t.Errorf("removed %q", name)
		}
	}
	if _, err := Remove("hello", home); err != nil {
		t.Error(err)
	}
	if got := tree(t, home); got != nil {
		t.Errorf("%q is left", got)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error("the source has gone:", err)
	}
}

// TestInstallFolderLinks has links in a folder that is installed.
func TestInstallFolderLinks(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugin.lua"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "l.lua")); err != nil {
		testenv.Missing(t, "no links: "+err.Error())
	}
	if _, err := Install(dir, home, &Finder{}, nil); err == nil || !strings.Contains(err.Error(), "a link") {
		t.Error(err)
	}
	if got := tree(t, home); got != nil {
		t.Errorf("%q is left", got)
	}
}

// FuzzInstall takes any bytes for a tar file: what is installed is whole, and nothing
// is written elsewhere.
func FuzzInstall(f *testing.F) {
	add := func(headers ...*tar.Header) {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range headers {
			body := ""
			if h.Typeflag == tar.TypeReg {
				body = source
			}
			h.Size = int64(len(body))
			if err := w.WriteHeader(h); err != nil {
				f.Fatal(err)
			}
			if _, err := w.Write([]byte(body)); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	add(&tar.Header{Name: "plugin.lua", Typeflag: tar.TypeReg})
	add(&tar.Header{Name: "hello/plugin.lua", Typeflag: tar.TypeReg}, &tar.Header{Name: "hello/../../x", Typeflag: tar.TypeReg})
	add(&tar.Header{Name: "plugin.lua", Typeflag: tar.TypeReg}, &tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: ".."}, &tar.Header{Name: "x/y", Typeflag: tar.TypeReg})
	f.Fuzz(func(t *testing.T, data []byte) {
		base := t.TempDir()
		path, home := filepath.Join(base, "a.tar"), filepath.Join(base, "plugins")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		p, err := Install(path, home, &Finder{}, nil)
		left := tree(t, base)
		if err != nil {
			if !reflect.DeepEqual(left, []string{"a.tar", "plugins"}) {
				t.Fatalf("%v, and this is left: %q", err, left)
			}
			return
		}
		if changed, err := p.Changed(); err != nil || changed != nil {
			t.Fatal(changed, err)
		}
		for _, name := range left {
			if name != "a.tar" && name != "plugins" && name != "plugins/"+p.Name && !strings.HasPrefix(name, "plugins/"+p.Name+"/") {
				t.Fatalf("%q was written", name)
			}
		}
	})
}
