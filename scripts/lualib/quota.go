package lualib

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of what a script may have in its folder for data, and of what it may write in the folder that is its own by default.
const (
	MaxData      = 1 << 30 // bytes
	MaxDataFiles = 10_000
)

// Quota bounds what a script may write in a folder without being asked. In the folder for data, which is the script's alone, it goes
// by what is there, looked at now and then: others may change it. In other folders much may be that is not the script's, so it
// goes by what the script writes. The zero value is one of those.
type Quota struct {
	folder  string      // for data; "": another
	handles *lua.LTable // marks those of files that it counts

	bytes  int64 // there may be: what was found, and what was written since
	files  int
	looked time.Time // zero: never
	since  int64     // bytes written since then
}

// lookAgain is after how many bytes, or how long where the folder is full, it is looked at again.
const (
	lookAgainBytes = MaxData / 16
	lookAgainTime  = time.Second
)

// take notes that so many bytes and files more are about to be there, unless they are too many.
func (q *Quota) take(bytes int64, files int) error {
	for {
		if q.folder == "" {
			return q.wrote(bytes, files)
		}
		over := q.bytes+bytes > MaxData || q.files+files > MaxDataFiles
		if !q.looked.IsZero() && (!over && q.since < lookAgainBytes || over && time.Since(q.looked) < lookAgainTime) {
			if over && (bytes > 0 || files > 0) {
				return fmt.Errorf("%s has %d files of %d bytes in all; the limits are %d and %d", q.folder, q.files, q.bytes, MaxDataFiles, MaxData)
			}
			q.bytes, q.files, q.since = q.bytes+bytes, q.files+files, q.since+max(bytes, 0)
			return nil
		}
		q.look()
	}
}

// wrote is take for what goes by that.
func (q *Quota) wrote(bytes int64, files int) error {
	if (bytes > 0 || files > 0) && (q.bytes+bytes > MaxData || q.files+files > MaxDataFiles) {
		return fmt.Errorf("the script has written %d files and %d bytes in its folder; the limits are %d and %d, unless --allow write= names it",
			q.files, q.bytes, MaxDataFiles, MaxData)
	}
	// What others have written makes no room by being removed.
	q.bytes, q.files = max(0, q.bytes+bytes), max(0, q.files+files)
	return nil
}

// charge has the quota of the folder where path is, if there is one, take what opening it by flags and writing n bytes makes of it.
func (l *Options) charge(path string, flags, n int) error {
	q := l.quotaOf(path)
	if q == nil {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return q.take(int64(n), 1)
	case flags&os.O_TRUNC != 0:
		return q.take(int64(n)-info.Size(), 0)
	}
	return q.take(int64(n), 0)
}

// chargeMove has it take a file that gets another name, "" where it is removed, once do has been done.
func (l *Options) chargeMove(from, to string, do func() error) error {
	before, after := l.quotaOf(from), l.quotaOf(to)
	info, err := os.Lstat(from)
	if before == after || err != nil {
		return do()
	}
	if after != nil {
		if err := after.take(info.Size(), 1); err != nil {
			return err
		}
	}
	if err := do(); err != nil || before == nil {
		return err
	}
	return before.take(-info.Size(), -1)
}

// quotaOf returns the quota that counts what is at a path; nil for none.
func (l *Options) quotaOf(path string) (q *Quota) {
	switch {
	case l.Permissions.AllowsAll():
		return nil
	case l.Data != "" && strings.HasPrefix(path, l.Data+string(filepath.Separator)):
		if l.quota == nil {
			l.quota = &Quota{folder: l.Data}
		}
		q = l.quota
	case path != "" && l.Permissions.OwnFolder(path) != "":
		if l.Written == nil {
			l.Written = &Quota{}
		}
		q = l.Written
	default:
		return nil
	}
	if q.handles == nil {
		q.handles = &lua.LTable{}
	}
	return q
}

// countWrites has the method write of files take what it writes to those that a quota counts.
func (l *library) countWrites(L *lua.LState) {
	methods, ok := L.GetTypeMetatable("FILE*").(*lua.LTable)
	if !ok {
		return
	}
	write := methods.RawGetString("write")
	methods.RawSetString("write", L.NewFunction(func(L *lua.LState) int {
		for _, q := range []*Quota{l.quota, l.Written} {
			file, ok := L.Get(1).(*lua.LUserData)
			if !ok || q == nil || file.Env == nil || file.Env != q.handles {
				continue
			}
			n := 0
			for i := 2; i <= L.GetTop(); i++ {
				n += len(lua.LVAsString(L.Get(i)))
			}
			if err := q.take(int64(n), 0); err != nil {
				return failFile(L, "write", err)
			}
		}
		L.Insert(write, 1)
		L.Call(L.GetTop()-1, lua.MultRet)
		return L.GetTop()
	}))
}

func (q *Quota) look() {
	q.bytes, q.files, q.since, q.looked = 0, 0, 0, time.Now()
	filepath.WalkDir(q.folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is not the script's
		}
		if info, err := d.Info(); err == nil {
			q.bytes += info.Size()
		}
		if q.files++; q.files > MaxDataFiles {
			return fs.SkipAll
		}
		return nil
	})
}
