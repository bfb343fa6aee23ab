package scripts

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastd"
)

// What the code of a script may write into the log: what a message of a peer makes it write is not to fill a disk.
const (
	maxOutputLine  = 64 << 10 // bytes; what is longer is cut
	maxOutputLines = 1000     // in a second
	maxOutputBytes = 1 << 20  // in a second
)

// output counts what is written within a second, and what is left out of that. It is guarded by the script's lock.
type output struct {
	began              time.Time
	lines, bytes       int
	omitted, omittedOf int         // lines, and the bytes of these
	tell               *time.Timer // says how many, when the second is over
}

// write writes a text of the code of st by way of to, or leaves it out. What the main chunk
// writes no peer has made it write.
func (st *state) write(text string, to func(text string)) {
	s := st.script
	if st != s.cur {
		to(text)
		return
	}
	o := &s.output
	if now := time.Now(); now.Sub(o.began) >= time.Second {
		s.tellOmitted()
		o.began, o.lines, o.bytes = now, 0, 0
	}
	if o.lines >= maxOutputLines || o.bytes+len(text) > maxOutputBytes {
		if o.omitted == 0 {
			o.tell = time.AfterFunc(time.Second, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.tellOmitted()
			})
		}
		o.omitted++
		o.omittedOf += len(text)
		return
	}
	o.lines++
	o.bytes += len(text)
	to(text)
}

// tellOmitted says what was left out, if anything was. The caller has the lock.
func (s *Script) tellOmitted() {
	o := &s.output
	if o.omitted == 0 {
		return
	}
	o.tell.Stop()
	s.o.log(slog.LevelWarn, "%s: left out %d lines of the script, %d bytes, since it writes more than %d lines or %d KiB a second",
		s.name, o.omitted, o.omittedOf, maxOutputLines, maxOutputBytes>>10)
	o.omitted, o.omittedOf = 0, 0
}

// join makes one text of the arguments, as print does, and cuts it where it is longer than
// most bytes, if that is not 0.
func join(L *lua.LState, most int) string {
	var b strings.Builder
	all := 0
	for i := 1; i <= L.GetTop(); i++ {
		text, ok := lauxlib.ToString(luastd.ToString(L, L.Get(i)))
		if !ok {
			lauxlib.Errorf(L, "'tostring' must return a string to 'print'")
		}
		if i > 1 {
			text = "\t" + text
		}
		all += len(text)
		if most > 0 {
			text = text[:min(len(text), most-b.Len())]
		}
		b.WriteString(text)
	}
	if b.Len() < all {
		return fmt.Sprintf("%s... (%d bytes in all)", strings.ToValidUTF8(b.String(), ""), all)
	}
	return b.String()
}

// wsPrint is ws76.print and print. What a program prints is its output, all of it.
func wsPrint(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	switch {
	case s.o.Print == nil:
	case s.task:
		s.o.Print(join(L, 0))
	default:
		st.write(join(L, maxOutputLine), s.o.Print)
	}
	return 0
}

func wsLog(level slog.Level) lua.LGFunction {
	return func(L *lua.LState) int {
		st := stateOf(L)
		s := st.script
		st.write(join(L, maxOutputLine), func(text string) { s.o.log(level, "%s: %s", s.name, text) })
		return 0
	}
}
