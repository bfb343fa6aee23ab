package lualib

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// file opens a path: any if trusted, otherwise one in the folders, to which os.Root keeps whatever links there are.
func (l *library) file(path string, flags int) (*os.File, error) {
	if l.Trusted {
		if !filepath.IsAbs(path) && len(l.Roots) > 0 {
			path = filepath.Join(l.Roots[0], path)
		}
		return os.OpenFile(path, flags, 0o666)
	}
	err := fmt.Errorf("%s: outside of the folders of the script; start with --trust-scripts to allow it", path)
	for _, folder := range l.Roots {
		inside := path
		if filepath.IsAbs(path) {
			if abs, e := filepath.Abs(folder); e == nil {
				inside, _ = filepath.Rel(abs, path)
			}
		}
		if !filepath.IsLocal(inside) {
			continue
		}
		file, e := openIn(folder, inside, flags)
		if e == nil || !errors.Is(e, fs.ErrNotExist) || filepath.IsAbs(path) {
			return file, e
		}
		err = e // a relative path may be in another of the folders
	}
	return nil, err
}

func openIn(folder, path string, flags int) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(path, flags, 0o666)
}

// failFile returns nil, the message and a name for the kind of error.
func failFile(L *lua.LState, what string, err error) int {
	name := "error"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		name = "not found"
	case errors.Is(err, fs.ErrPermission), strings.Contains(err.Error(), "--trust-scripts"), strings.Contains(err.Error(), "escapes"):
		name = "not allowed"
	}
	fail(L, "%s: %v", what, err)
	L.Push(lua.LString(name))
	return 3
}

func (l *library) readFile(L *lua.LState) int {
	f, err := l.file(L.CheckString(1), os.O_RDONLY|nonBlocking)
	if err != nil {
		return failFile(L, "read_file", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return failFile(L, "read_file", err)
	}
	if !info.Mode().IsRegular() { // a pipe or a device could be waited for without end
		return failFile(L, "read_file", fmt.Errorf("%s is no regular file", f.Name()))
	}
	l.Budget.Size(L, "read_file", int(min(info.Size(), 1<<30)))
	data, err := io.ReadAll(io.LimitReader(f, info.Size()+1<<16))
	if err != nil {
		return failFile(L, "read_file", err)
	}
	l.Budget.Size(L, "read_file", len(data))
	L.Push(lua.LString(data))
	return 1
}

func (l *library) writeFile(L *lua.LState) int {
	return l.write(L, "write_file", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

func (l *library) appendFile(L *lua.LState) int {
	return l.write(L, "append_file", os.O_WRONLY|os.O_CREATE|os.O_APPEND)
}

func (l *library) write(L *lua.LState, what string, flags int) int {
	path, data := L.CheckString(1), L.CheckString(2)
	l.Budget.Spend(L, what, len(data)>>2)
	f, err := l.file(path, flags|nonBlocking)
	if err != nil {
		return failFile(L, what, err)
	}
	_, err = f.WriteString(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return failFile(L, what, err)
	}
	L.Push(lua.LTrue)
	return 1
}
