package permit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/glob"
	"github.com/ws76/ws76/internal/testenv"
)

func TestAsk(t *testing.T) {
	sh := program("sh")
	for _, c := range []struct {
		allow   string
		e       Effect
		allowed bool
	}{
		{"exec", Effect{Exec, "id", ""}, true},
		{"exec=sh", Effect{Exec, sh, ""}, true},
		{"exec=sh", Effect{Exec, "sh", ""}, true},
		{"exec=" + sh, Effect{Exec, "sh", ""}, true},
		{"exec=sh", Effect{Exec, "./sh", ""}, false},
		{"exec=sh", Effect{Exec, "cat", ""}, false},
		{"net", Effect{Net, "a:1", "http"}, true},
		{"net", Effect{Listen, "a:1", ""}, false},
		{"net=a", Effect{Net, "A.:1", "tcp"}, true},
		{"net=a:1", Effect{Net, "a:1", "tcp"}, true},
		{"net=a:1", Effect{Net, "a:2", "tcp"}, false},
		{"net=a", Effect{Net, "a.b:1", "tcp"}, false},
		{"net=a:1", Effect{Net, "a:http", "tcp"}, false},
		{"net=a:80", Effect{Net, "a:080", "tcp"}, true},
		{"net=:80", Effect{Net, "b:80", "tcp"}, true},
		{"net=:80", Effect{Net, "b:81", "tcp"}, false},
		{"net=*.b", Effect{Net, "a.B:1", "tcp"}, true},
		{"net=*.b", Effect{Net, "b:1", "tcp"}, false},
		{"net=*.b:1", Effect{Net, "ab:1", "tcp"}, false},
		{"net=bücher.example", Effect{Net, "xn--bcher-kva.example:1", "tcp"}, true},
		{"net=::1", Effect{Net, "[0:0::1]:1", "tcp"}, true},
		{"net=[::1]:1", Effect{Net, "[::1]:1", "tcp"}, true},
		{"net=[::1]:1", Effect{Net, "[::1]:2", "tcp"}, false},
		{"net=127.0.0.1", Effect{Net, "[::ffff:127.0.0.1]:1", "tcp"}, true},
		{"net=127.0.0.1", Effect{Net, "localhost:1", "tcp"}, false},
		{"net=127.0.0.1", Effect{Net, "127.1:1", "tcp"}, false},
		{"net=127.0.0.1", Effect{Net, ":1", "tcp"}, false},
		{"net=localhost", Effect{Net, ":1", "tcp"}, true},
		{"listen=:80", Effect{Listen, "0.0.0.0:80", ""}, true},
		{"listen=127.0.0.1:0", Effect{Listen, ":0", ""}, false},
		{"listen=127.0.0.1", Effect{Listen, "127.0.0.1:9", ""}, true},
		{"env", Effect{Env, "X", ""}, true},
		{"env=X", Effect{Env, "X", ""}, true},
		{"env=X", Effect{Env, "XY", ""}, false},
		{"env=X*", Effect{Env, "XY", ""}, true},
		{"unix=/run/a", Effect{Unix, "/run/a", ""}, true},
		{"unix=/run/a", Effect{Unix, "/run/a/b", ""}, true},
		{"unix=/run/a", Effect{Unix, "/run/ab", ""}, false},
		{"unix=/run/a", Effect{Unix, "/run/a/../b", ""}, false},
		{"unix=@a", Effect{Unix, "@a", ""}, true},
		{"unix=@a", Effect{Unix, "@ab", ""}, false},
		{"unix=/", Effect{Unix, "@a", ""}, false},
		{"serial=/dev/ttyUSB0", Effect{Serial, "/dev/ttyUSB0", ""}, true},
		{"serial=/dev/ttyUSB0", Effect{Serial, "/dev/ttyUSB1", ""}, false},
		{"serial", Effect{Serial, "/dev/ttyUSB1", ""}, true},
		{"fd=3", Effect{FD, "3", ""}, true},
		{"fd=3", Effect{FD, "4", ""}, false},
		{"exec", Effect{Debug, "debug.getinfo", ""}, false},
	} {
		p, err := Parse([]string{c.allow})
		if err != nil {
			t.Errorf("%s: %v", c.allow, err)
			continue
		}
		err = p.Ask(c.e)
		var denied *Denied
		if (err == nil) != c.allowed || err != nil && !errors.As(err, &denied) {
			t.Errorf("--allow %s: %v: %v", c.allow, c.e, err)
		}
		if All().Ask(c.e) != nil || (*Permissions)(nil).Ask(c.e) == nil {
			t.Errorf("%v: all, or nothing, is asked wrong", c.e)
		}
		// What a refusal names is what helps.
		if err == nil || c.e.Kind == Debug || strings.HasSuffix(c.e.Target, ":http") {
			continue
		}
		_, flag, _ := strings.Cut(err.Error(), "--allow ")
		flag, _, _ = strings.Cut(flag, " would allow it")
		if p, err := Parse([]string{flag}); err != nil && c.e.Target != ":0" || err == nil && p.Ask(c.e) != nil {
			t.Errorf("%v: %q does not help: %v", c.e, flag, err)
		}
	}
	only := (&Permissions{}).With(Streams())
	if only.Ask(Effect{Net, "a:1", "tls"}) != nil || only.Ask(Effect{Net, "a:1", "socks5"}) == nil || only.Ask(Effect{Net, "a:1", "http"}) == nil {
		t.Error("Streams are more than tcp and tls, or less")
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "all", "exec=", "net=ws://a/", "net=a:70000", "net=a:http", "read=a\nb", "stdio=1", "store", "debug", "Exec",
		"net=a,b", "net=a b", "net=8080", "listen=8080", "net=*a.b", "net=a*", "listen=a,:80", "fd=x", "fd=-1", "env=A,B", "env=A*B"} {
		if _, err := Parse([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if p, err := Parse([]string{"read=A,exec"}); err != nil || p.Ask(Effect{Exec, "id", ""}) == nil {
		t.Errorf("a value is split at its comma: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"net=[::1]:80", "read=.", "unix=@x", "exec=a b", "listen=:0", "net=*.x"} {
		f.Add(seed, "a:1")
	}
	f.Fuzz(func(t *testing.T, spec, target string) {
		p, err := Parse([]string{spec})
		if err != nil {
			return
		}
		if g := p.grants[0]; !g.covers(g) || len(All().Limit(p).grants) != 1 {
			t.Errorf("%q does not cover itself", spec)
		}
		// What a limit leaves is what both allow.
		other, err := Parse([]string{"net=a:1", "exec=sh", "env=A*", "read=/tmp"})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []Kind{Net, Exec, Env, Read} {
			e := Effect{k, target, ""}
			if p.Limit(other).allows(e) && !(p.allows(e) && other.allows(e)) {
				t.Errorf("%q limited allows %v", spec, e)
			}
		}
	})
}

func TestLimit(t *testing.T) {
	stated, err := Parse([]string{"net=a:1", "exec", "env=X*"})
	if err != nil {
		t.Fatal(err)
	}
	granted, err := Parse([]string{"net=a", "exec=sh", "env=X1", "read=/"})
	if err != nil {
		t.Fatal(err)
	}
	p := granted.Limit(stated)
	for _, e := range []Effect{{Net, "a:1", ""}, {Exec, "sh", ""}, {Env, "X1", ""}} {
		if err := p.Ask(e); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
	for _, e := range []Effect{{Net, "a:2", ""}, {Exec, "cat", ""}, {Env, "X2", ""}, {Read, "/x", ""}} {
		err := p.Ask(e)
		if err == nil {
			t.Errorf("%v is allowed", e)
		} else if stated.Ask(e) != nil && strings.Contains(err.Error(), "--allow") {
			t.Errorf("%v: a flag is named that does not help", err)
		}
	}
	if p := All().Limit(stated); p.Ask(Effect{Exec, "cat", ""}) != nil || p.Ask(Effect{Read, "/x", ""}) == nil {
		t.Error("a plugin that is trusted has more than it states, or less")
	}
}

// tree makes a folder with an own folder, a secret outside, and links.
func tree(t *testing.T) (dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		"own/a.txt": "a", "own/sub/b.txt": "b", "own/.hidden": "h", "own/.git/config": "h", "own/..v1/map.txt": "m", "own/x.lua": "code", "own/main": "code", "out/secret": "s", "named.txt": "n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"own/out": "../out", "own/secret": filepath.Join(dir, "out/secret"), "own/nowhere": "../out/new", "own/..data": "..v1", "own/map.txt": "..data/map.txt", "named": "named.txt",
		"own/inside.txt": filepath.Join(dir, "own/a.txt"), "own/to-lua": "x.lua", "own/to-main": "main", "own/sub/up": filepath.Join(dir, "own"),
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			testenv.Missing(t, "no links: "+err.Error())
		}
	}
	if err := os.Link(filepath.Join(dir, "own/main"), filepath.Join(dir, "own/hard")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is changed by name is where it is allowed, by whatever links, and is no code of the script.
func TestRemoveRename(t *testing.T) {
	dir := tree(t)
	at := func(path string) string { return filepath.Join(dir, path) }
	p := (&Permissions{}).With(Own(at("own"), at("own/main"))...).With(Data(at("data"))...)
	if err := os.Mkdir(at("data"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"own/out/secret", "out/secret", "own/x.lua", "own/main", "own/.hidden", "own", "own/sub/up/main", "own/sub/../../named.txt"} {
		var denied *Denied
		if err := p.Remove(at(path)); !errors.As(err, &denied) {
			t.Errorf("removing %s: %v", path, err)
		}
		if err := p.Rename(at(path), at("own/b")); !errors.As(err, &denied) {
			t.Errorf("renaming %s: %v", path, err)
		}
		if err := p.Rename(at("own/a.txt"), at(path)); !errors.As(err, &denied) {
			t.Errorf("renaming to %s: %v", path, err)
		}
	}
	for _, c := range [][2]string{{"own/a.txt", "data/b.txt"}, {"data/b.txt", "own/sub/up/c.txt"}, {"own/secret", "own/link"}} {
		if err := p.Rename(at(c[0]), at(c[1])); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"own/c.txt", "own/link", "own/sub/b.txt"} {
		if err := p.Remove(at(path)); err != nil {
			t.Error(err)
		}
	}
	if secret, err := os.ReadFile(at("out/secret")); string(secret) != "s" {
		t.Error(err)
	}
	for _, who := range []*Permissions{nil, {}} {
		if err := who.Remove(at("own/sub")); err == nil {
			t.Error("removed without permission")
		}
	}
	if err := All().Remove(at("out/secret")); err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	dir := tree(t)
	p := (&Permissions{}).With(Own(filepath.Join(dir, "own"), filepath.Join(dir, "own", "main"))...).With(Data(filepath.Join(dir, "data"))...).With(Path(filepath.Join(dir, "named"))...).With(Path(filepath.Join(dir, "out", "*.txt"))...)
	for path, want := range map[string]struct{ read, write bool }{
		"own/a.txt": {true, true}, "own/sub/b.txt": {true, true}, "own/map.txt": {true, true}, "own/new.txt": {false, true}, "data/new.txt": {true, true},
		"own/.hidden": {}, "own/.git/config": {}, "own/.new": {}, "own/x.lua": {true, false}, "own/main": {true, false}, "own/hard": {true, false}, "own/to-lua": {true, false}, "own/to-main": {true, false}, "own/inside.txt": {true, true},
		"own/sub/up/a.txt": {true, true}, "own/sub/up/../a.txt": {false, true}, "own/X.LUA": {}, "own/out/secret": {}, "own/secret": {}, "own/nowhere": {}, "own/out/new": {},
		"own/../out/secret": {}, "out/secret": {}, "named": {true, false}, "named.txt": {}, "out/x.txt": {}, ".": {}, "own": {true, false},
	} {
		path = filepath.Join(dir, path)
		f, err := p.OpenFile(path, os.O_RDWR|os.O_CREATE)
		if (err == nil) != want.write {
			t.Errorf("writing %s: %v", path, err)
		}
		f.Close()
		f, err = p.OpenFile(path, os.O_RDONLY)
		if ok := err == nil; ok != want.read && !(ok && want.write) {
			t.Errorf("reading %s: %v", path, err)
		}
		f.Close()
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "new")); err == nil {
		t.Error("a link has led out")
	}
	for path, want := range map[string]bool{"own/a.txt": true, "own/map.txt": true, "own/nowhere": false, "own/secret": false, "own/out/secret": false, "own/none": true, "own/.hidden": false, "named": true} {
		to, err := p.Path(Read, filepath.Join(dir, path), true)
		if (err == nil) != want {
			t.Errorf("path of %s: %q, %v", path, to, err)
		}
	}
	if to, err := p.Path(Write, filepath.Join(dir, "own/secret"), false); err != nil || to != filepath.Join(dir, "own/secret") {
		t.Errorf("a link itself: %q, %v", to, err)
	}
	for pattern, want := range map[string]bool{"own/*": true, "own/**/*.txt": true, "*": false, "out/*.txt": true, "out/*": false, "own/../out/*": false, "own/.git/*": false, "own/secret": false, "own/out/*": false, "own/map.txt": true, "own/sub/up/*": true, "own/nowhere/*": true, "named": true, "none": false} {
		if err := p.AskPattern(glob.Split(dir, pattern)); (err == nil) != want {
			t.Errorf("watching %s: %v", pattern, err)
		}
	}
	for _, folder := range []string{"/", "/dev", "/dev/fd", "/proc/self/fd", "/sys/x"} {
		if runtime.GOOS != "windows" && Own(folder, "") != nil {
			t.Errorf("%s counts as a folder of a script's own", folder)
		}
	}
	if Path("/") != nil || Path("") != nil {
		t.Error("the root of the file system counts as a path that was named")
	}
}

// An allowed path may be a link; what lies below an allowed folder may not lead out.
func TestAllowedPaths(t *testing.T) {
	dir := tree(t)
	p, err := Parse([]string{"read=" + filepath.Join(dir, "own"), "read=" + filepath.Join(dir, "own", "secret"), "write=" + filepath.Join(dir, "none.txt")})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"own/.hidden": true, "own/secret": true, "own/out/secret": false, "out/secret": false} {
		f, err := p.OpenFile(filepath.Join(dir, path), os.O_RDONLY)
		if (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
		f.Close()
	}
	f, err := p.OpenFile(filepath.Join(dir, "none.txt"), os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Error(err)
	}
	f.Close()
}

// A pipe in a script's folder is no file of its own: opening it could start or hold up whoever is at its other end.
func TestOwnPipe(t *testing.T) {
	testenv.Need(t, "mkfifo", "coreutils")
	dir := t.TempDir()
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "pipe")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := (&Permissions{}).With(Own(dir, filepath.Join(dir, "main"))...)
	for _, flags := range []int{os.O_RDONLY, os.O_RDWR} {
		if f, err := p.OpenFile(filepath.Join(dir, "pipe"), flags); err == nil || !strings.Contains(err.Error(), "is no regular file") {
			f.Close()
			t.Errorf("a pipe is opened: %v", err)
		}
	}
}

// What is below an allowed folder and has another name may lie elsewhere as well: it is not written to, nor emptied, unless it is
// allowed by itself.
func TestHardLinks(t *testing.T) {
	dir := tree(t)
	at := func(path string) string { return filepath.Join(dir, path) }
	if err := os.Link(at("out/secret"), at("own/twin")); err != nil {
		testenv.Missing(t, "no links: "+err.Error())
	}
	folder, err := Parse([]string{"write=" + at("own")})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Permissions{"own": (&Permissions{}).With(Own(at("own"), at("own/main"))...), "data": (&Permissions{}).With(Data(at("own"))...), "allowed": folder} {
		for _, flags := range []int{os.O_WRONLY | os.O_CREATE | os.O_TRUNC, os.O_WRONLY | os.O_APPEND, os.O_RDWR} {
			_, err := p.With(folderOf(Read, at("own"))).OpenFile(at("own/twin"), flags)
			var denied *Denied
			if !errors.As(err, &denied) || !strings.Contains(err.Error(), "2 names") || !strings.Contains(err.Error(), "--allow write="+at("own/twin")) {
				t.Errorf("%s, flags %#x: %v", name, flags, err)
			}
		}
		f, err := p.OpenFile(at("own/a.txt"), os.O_WRONLY|os.O_TRUNC)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%s: a file that is opened to be written anew has %d bytes, %v", name, info.Size(), err)
		}
		f.Close()
		os.WriteFile(at("own/a.txt"), []byte("a"), 0o666)
	}
	if secret, err := os.ReadFile(at("out/secret")); string(secret) != "s" {
		t.Errorf("the file elsewhere has %q, %v", secret, err)
	}
	f, err := folder.With(Named(Effect{Kind: Write, Target: at("own/twin")})).OpenFile(at("own/twin"), os.O_WRONLY)
	if err != nil {
		t.Errorf("one that is named: %v", err)
	}
	f.Close()
}

func folderOf(kind Kind, path string) Grant { return Grant{kind: kind, value: path} }

// A name that some system takes for one of code is none to write.
func TestNamesOfCode(t *testing.T) {
	dir := tree(t)
	p := (&Permissions{}).With(Own(filepath.Join(dir, "own"), filepath.Join(dir, "own", "main"))...)
	for _, name := range []string{"new.lua", "new.LUA", "new.lua.", "new.lua ", "new.lua. .", "new.lua:x", "new.lua::$DATA", "new.lua.:x", "sub/init.lua "} {
		path := filepath.Join(dir, "own", filepath.FromSlash(name))
		var denied *Denied
		if f, err := p.OpenFile(path, os.O_WRONLY|os.O_CREATE); !errors.As(err, &denied) {
			t.Errorf("writing %q: %v", name, err)
			f.Close()
		}
		if err := p.Rename(filepath.Join(dir, "own/a.txt"), path); !errors.As(err, &denied) {
			t.Errorf("renaming to %q: %v", name, err)
		}
	}
	f, err := p.OpenFile(filepath.Join(dir, "own", "lua.txt"), os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Error(err)
	}
	f.Close()
}

// A folder whose name looks like a pattern is none, of the user's paths and patterns too.
func TestOddFolder(t *testing.T) {
	dir := filepath.Join(tree(t), "own [1]")
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a[1].txt", "in/x.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for arg, want := range map[string]string{"a[1].txt": "a[1].txt", "in/*.txt": "in/x.txt", ".": "in/x.txt"} {
		f, err := (&Permissions{}).With(Path(filepath.Join(dir, arg))...).OpenFile(filepath.Join(dir, want), os.O_RDONLY)
		if err != nil {
			t.Errorf("%s of %s: %v", want, arg, err)
		}
		f.Close()
	}
}
