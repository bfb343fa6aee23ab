//go:build !windows

package watch

import (
	"os"
	"path/filepath"
	"testing"
)

// link makes a symbolic link, or puts it in the place of what is there, as ln -sfn and Kubernetes do.
func link(t *testing.T, target, path string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o777))
	check(t, os.Symlink(target, path+".new"))
	check(t, os.Rename(path+".new", path))
}

// versions makes folders v1 and v2 with files.
func versions(t *testing.T, files ...string) {
	t.Helper()
	for _, f := range files {
		write(t, filepath.Join("v1", f), "one")
		write(t, filepath.Join("v2", f), "two")
	}
}

// TestLinks goes through the ways on which links lead to a file.
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		make          func(t *testing.T)
		steps         []step
	}{
		{"the file", "hook.lua", func(t *testing.T) {
			versions(t, "a")
			link(t, "v1/a", "hook.lua")
		}, []step{
			{func(t *testing.T) { write(t, "v1/a", "new") }, "write"},
			{func(t *testing.T) { link(t, "v2/a", "hook.lua") }, "write"},
			{func(t *testing.T) { write(t, "v2/a", "new") }, "write"},
			{func(t *testing.T) { write(t, ".a", "newer"); check(t, os.Rename(".a", "v2/a")) }, "write"},
			{func(t *testing.T) { check(t, os.Remove("v2/a")) }, "remove"},
			{func(t *testing.T) { write(t, "v2/a", "back") }, "create"},
			{func(t *testing.T) { write(t, ".a", "no link"); check(t, os.Rename(".a", "hook.lua")) }, "write"},
			{func(t *testing.T) { write(t, "hook.lua", "no link any more") }, "write"},
			{func(t *testing.T) { link(t, "v1/a", "hook.lua") }, "write"},
			{func(t *testing.T) { write(t, "v1/a", "and a link again") }, "write"},
		}},
		{"Kubernetes", "etc/hook.lua", func(t *testing.T) {
			write(t, "etc/..v1/hook.lua", "one")
			link(t, "..v1", "etc/..data")
			link(t, "..data/hook.lua", "etc/hook.lua")
		}, []step{
			{kubernetes("..v1", "..v2"), "write"},
			{kubernetes("..v2", "..v3"), "write"},
			{func(t *testing.T) { write(t, "etc/..v3/hook.lua", "in place") }, "write"},
			{kubernetes("..v3", "..v1"), "write"},
		}},
		{"a mounted folder", "etc", func(t *testing.T) {
			write(t, "etc/..v1/hook.lua", "one")
			link(t, "..v1", "etc/..data")
			link(t, "..data/hook.lua", "etc/hook.lua")
		}, []step{
			{kubernetes("..v1", "..v2"), "write"},
			{kubernetes("..v2", "..v3"), "write"},
		}},
		{"a pattern of links", "etc/*.lua", func(t *testing.T) {
			write(t, "etc/..v1/hook.lua", "one")
			link(t, "..v1", "etc/..data")
		}, []step{
			{func(t *testing.T) { link(t, "..data/hook.lua", "etc/hook.lua") }, "create"},
			{kubernetes("..v1", "..v2"), "write"},
			{kubernetes("..v2", "..v3"), "write"},
			{func(t *testing.T) { check(t, os.Remove("etc/hook.lua")) }, "remove"},
		}},
		{"a parent", "current/lua/hook.lua", func(t *testing.T) {
			versions(t, "lua/hook.lua")
			link(t, "v1", "current")
		}, []step{
			{func(t *testing.T) { link(t, "v2", "current") }, "write"},
			{func(t *testing.T) { write(t, "v2/lua/hook.lua", "new") }, "write"},
			{func(t *testing.T) { link(t, "nowhere", "current") }, "remove"},
			{func(t *testing.T) { check(t, os.Rename("v1", "nowhere")) }, "create"},
			{func(t *testing.T) { link(t, "v2", "nowhere2"); link(t, "nowhere2", "current") }, "write"},
			{func(t *testing.T) { check(t, os.Rename("nowhere", "v3")); link(t, "v3", "nowhere2") }, "write"},
		}},
		{"a glob in a linked folder", "current/**/*.lua", func(t *testing.T) {
			versions(t, "lua/hook.lua")
			link(t, "v1", "current")
		}, []step{
			{func(t *testing.T) { link(t, "v2", "current") }, "write"},
			{func(t *testing.T) {
				check(t, os.Rename("v2/lua", "away"))
				link(t, "../away", "v2/lua")
				write(t, "away/hook.lua", "new")
			}, "write"},
			{func(t *testing.T) { write(t, "away/hook.lua", "newer") }, "write"},
		}},
		{"a chain", "a", func(t *testing.T) {
			versions(t, "f")
			abs, err := filepath.Abs("two/c")
			check(t, err)
			link(t, "one/b", "a")
			link(t, abs, "one/b")
			link(t, "../v1/../v1/f", "two/c")
		}, []step{
			{func(t *testing.T) { link(t, "../v2/f", "two/c") }, "write"},
			{func(t *testing.T) { write(t, "one/own", "x"); link(t, "own", "one/b") }, "write"},
			{func(t *testing.T) { write(t, "one/own", "xx") }, "write"},
		}},
		{"a circle", "a", func(t *testing.T) {
			link(t, "b", "a")
			link(t, "a", "b")
		}, []step{
			{func(t *testing.T) { write(t, ".f", "x"); check(t, os.Rename(".f", "b")) }, "create"},
			{func(t *testing.T) { link(t, "a", "b") }, "remove"},
			{func(t *testing.T) { write(t, "c", "x"); link(t, "c", "b") }, "create"},
		}},
		{"dangles for a moment", "a", func(t *testing.T) {
			versions(t, "f")
			link(t, "v1/f", "a")
		}, []step{
			{func(t *testing.T) { check(t, os.Remove("a")); check(t, os.Symlink("v2/f", "a")) }, "write"},
			{func(t *testing.T) { check(t, os.Remove("v2/f")); write(t, "v2/f", "anew") }, "write"},
		}},
		{"folders replaced", "app/x/y/hook.lua", func(t *testing.T) {
			write(t, "app/x/y/hook.lua", "one")
		}, []step{
			{func(t *testing.T) { replace(t, "app/x/y", "hook.lua") }, "write"},
			{func(t *testing.T) { replace(t, "app/x", "y/hook.lua") }, "write"},
			{func(t *testing.T) { replace(t, "app", "x/y/hook.lua") }, "write"},
			{func(t *testing.T) { write(t, "app/x/y/hook.lua", "in place") }, "write"},
			{func(t *testing.T) { check(t, os.RemoveAll("app")); write(t, "app/x/y/hook.lua", "anew") }, "write"},
			{func(t *testing.T) { write(t, "app/x/y/hook.lua", "in place, too") }, "write"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			c.make(t)
			r := begin(t, c.pattern)
			name := c.pattern
			switch c.pattern {
			case "etc", "etc/*.lua":
				name = "etc/hook.lua"
			case "current/**/*.lua":
				name = "current/lua/hook.lua"
			}
			for i, s := range c.steps {
				t.Log("step", i)
				s.do(t)
				r.expect(t, s.op+" "+name)
			}
		})
	}
}

// step is something that is done to files, and what becomes of the one that is watched.
type step struct {
	do func(t *testing.T)
	op string
}

// kubernetes puts a new version of the folder etc in the place of another, as kubelet does.
func kubernetes(from, to string) func(t *testing.T) {
	return func(t *testing.T) {
		write(t, filepath.Join("etc", to, "hook.lua"), to)
		link(t, to, "etc/..data")
		check(t, os.RemoveAll(filepath.Join("etc", from)))
	}
}

// replace puts a new folder with a file in the place of another.
func replace(t *testing.T, folder, file string) {
	write(t, filepath.Join("fresh", file), folder)
	check(t, os.Rename(folder, "old"))
	check(t, os.Rename("fresh", folder))
	check(t, os.RemoveAll("old"))
}

// TestFolderCircle has a link to a folder that it is in: the files there are not found over and over.
func TestFolderCircle(t *testing.T) {
	t.Chdir(t.TempDir())
	link(t, "..", "in/up")
	link(t, ".", "in/self")
	r := begin(t, "in/**/*.txt")
	write(t, "in/a.txt", "x")
	r.expect(t, "create in/a.txt")
}

// TestOddNames watches a file whose name and folder look like a pattern.
func TestOddNames(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "[prod]/h{oo}k*.lua", "x")
	r := &recorder{came: make(chan struct{}, 1)}
	_, err := watcher(t).AddFile("[prod]/../[prod]/h{oo}k*.lua", r.take)
	check(t, err)
	write(t, "[prod]/h{oo}k*.lua", "xx")
	r.expect(t, "write [prod]/h{oo}k*.lua")
}
