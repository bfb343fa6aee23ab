package lualib

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/permit"
)

// OpenFile opens a path of a script, as os.OpenFile does.
func (l *Options) OpenFile(path string, flags int) (file *os.File, err error) {
	return file, l.at(path, flags&(os.O_WRONLY|os.O_RDWR) != 0, func(path string) error {
		file, err = l.Permissions.OpenFile(path, flags)
		return err
	})
}

// openToWrite is OpenFile for a file that n bytes are about to be written to.
func (l *Options) openToWrite(path string, flags, n int) (file *os.File, err error) {
	return file, l.at(path, true, func(path string) error {
		if err = l.charge(path, flags, n); err == nil {
			file, err = l.Permissions.OpenFile(path, flags)
		}
		return err
	})
}

// longestPath is in bytes. No system has longer ones, and errors quote it.
const longestPath = 4096

// at calls f with the place of a path. One that is relative is in the working folder. What is only looked at may be in one of the other
// Folders as well, where f finds none in those before that is allowed and there; what is changed is there or nowhere.
func (l *Options) at(path string, change bool, f func(path string) error) error {
	if len(path) > longestPath {
		return fmt.Errorf("a path of %d bytes; the limit is %d", len(path), longestPath)
	}
	if filepath.IsAbs(path) || len(l.Folders) == 0 {
		return f(path)
	}
	if change {
		err := f(filepath.Join(l.Folders[0], path))
		if is[*permit.Denied](err) && len(l.Folders) > 1 && filepath.IsLocal(path) {
			err = fmt.Errorf("%w, and so would a path below ws76.data_dir", err)
		}
		return err
	}
	// Whether there is a file where nothing may be read is not told.
	var refused error
	var missing, unseen []string
	for _, folder := range l.Folders {
		place := filepath.Join(folder, path)
		switch err := f(place); {
		case is[*permit.Denied](err):
			if !filepath.IsLocal(path) {
				refused = cmp.Or(refused, err)
				continue
			}
			if l.Permissions.Ask(permit.Effect{Kind: permit.Read, Target: folder}) == nil {
				return err // a link that leads out of an allowed folder, or a name that is left out
			}
			unseen = append(unseen, folder)
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, folder)
		default:
			return err
		}
	}
	if refused != nil {
		return refused
	}
	err := fmt.Errorf("%s: %w in %s", path, fs.ErrNotExist, strings.Join(missing, " or "))
	if len(missing) == 0 {
		return l.Permissions.Ask(permit.Effect{Kind: permit.Read, Target: filepath.Join(l.Folders[0], path)})
	}
	if len(unseen) > 0 {
		err = fmt.Errorf("%w; it was not looked for in %s: --allow read=%s would allow it", err, unseen[0], filepath.Join(unseen[0], path))
	}
	return err
}

func is[T error](err error) bool { return errors.As(err, new(T)) }

// failFile returns nil, the message and a name for the kind of error.
func failFile(L *lua.LState, what string, err error) int {
	name := "error"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		name = "not found"
	case errors.Is(err, fs.ErrPermission), is[*permit.Denied](err):
		name = permit.Name
	}
	fail(L, "%s: %v", what, err)
	L.Push(lua.LString(name))
	return 3
}

func (l *library) readFile(L *lua.LState) int {
	f, err := l.OpenFile(L.CheckString(1), os.O_RDONLY|nonBlocking)
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
	f, err := l.openToWrite(path, flags|nonBlocking, len(data))
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
