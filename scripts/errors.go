package scripts

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luacode"
)

// LoadError says that a script could not be loaded: it cannot be read, is no Lua, or its main chunk failed.
type LoadError struct {
	Script    string
	Err       error
	Traceback string // "" where no code ran
}

func (e *LoadError) Error() string {
	if e.Traceback != "" {
		return fmt.Sprintf("%v\n%s", e.Err, e.Traceback)
	}
	return e.Err.Error()
}

// Unwrap returns what went wrong.
func (e *LoadError) Unwrap() error { return e.Err }

// Error is an error of a script's code: in a hook, a timer's function or a task.
type Error struct {
	Script    string
	In        string // "on_message", "timer", "task 3", …
	Text      string // "file:line: message"
	Traceback string // may be ""
}

func (e *Error) Error() string { return e.In + ": " + e.Text }

// ExitError says that the script has asked for the command to end with Code.
type ExitError struct{ Code int }

func (e *ExitError) Error() string {
	return fmt.Sprintf("the script ended the command with code %d", e.Code)
}

// UndeliveredError is the end of a program that had nothing more to do, where messages were lost that it had sent and it
// could not learn of that any more.
type UndeliveredError struct{ NotSent, NotKnown uint64 }

func (e *UndeliveredError) Error() string {
	return fmt.Sprintf("the script has ended, and of the messages that it had sent %d were not sent and %d not known to arrive", e.NotSent, e.NotKnown)
}

// newError turns an error of the interpreter into one of a script.
func (st *state) newError(in string, err error) *Error {
	e := &Error{Script: st.script.name, In: in, Text: err.Error()}
	var api *lua.ApiError
	if errors.As(err, &api) {
		if e.Text = errorText(api.Object); api.Cause != nil {
			e.Text = api.Cause.Error()
		}
		e.Traceback = tidyTrace(api.StackTrace)
	}
	return e
}

// errorText is what an error object says: not all are strings.
func errorText(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return luacode.Reword(nil, string(v))
	case nil:
		return "nil"
	case *lua.LTable:
		if s, ok := v.RawGetString("message").(lua.LString); ok {
			return string(s)
		}
	}
	return "an error object that is a " + v.Type().String() + ": " + v.String()
}

// preludeName is the chunk name of the part of the library that is written in Lua.
const preludeName = lauxlib.Host

// raised makes an error that says where it was of what leaves the code of L as a panic.
func raised(L *lua.LState, panicked any) any {
	err, ok := panicked.(*lua.ApiError)
	if !ok { // too many calls, say
		err = &lua.ApiError{Type: lua.ApiErrorPanic, Object: lua.LString(fmt.Sprint(panicked))}
	}
	if s, ok := err.Object.(lua.LString); ok {
		err.Object = lua.LString(luacode.Reword(L, string(s)))
	}
	err.StackTrace = lauxlib.Traceback(L, 0)
	return err
}

// tidyTrace leaves out of a traceback what is no code of the script.
func tidyTrace(trace string) string {
	lines := slices.DeleteFunc(strings.Split(trace, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "\t[C]:") || strings.HasPrefix(line, "\t(tail call)")
	})
	if len(lines) < 2 { // nothing but the title
		return ""
	}
	return strings.Join(lines, "\n")
}

// reporter logs errors: each place once a second, so that a hook which always
// fails does not fill a disk. It is guarded by the script's lock.
type reporter struct {
	places map[string]*place
	tell   *time.Timer // of what is hidden, when the second is over
}

// place is where errors come from.
type place struct {
	last   time.Time // when one was logged
	hidden int       // since then
	latest string    // of these
}

const (
	reportEvery = time.Second
	maxPlaces   = 256
	maxPlace    = 256     // bytes
	maxReport   = 4 << 10 // bytes of a text
)

// report logs err unless one of its place was logged within the last second; then it is counted, and told when that is over.
// The caller has the script's lock.
func (s *Script) report(err *Error) {
	r := &s.reports
	name := err.In + "\x00" + placeOf(err.Text)
	now := time.Now()
	if r.places[name] == nil && len(r.places) >= maxPlaces {
		maps.DeleteFunc(r.places, func(_ string, p *place) bool { return p.hidden == 0 && now.Sub(p.last) >= reportEvery })
		if len(r.places) >= maxPlaces { // each error is another
			name = ""
		}
	}
	p := r.places[name]
	if p == nil {
		if r.places == nil {
			r.places = map[string]*place{}
		}
		p = &place{}
		r.places[name] = p
	}
	if p.hidden > 0 || now.Sub(p.last) < reportEvery {
		p.hidden++
		p.latest = s.errorLine(err)
		if r.tell == nil && !s.stopped {
			r.tell = time.AfterFunc(reportEvery, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.tellHidden()
			})
		}
		return
	}
	p.last = now
	s.o.log(slog.LevelError, "%s", s.errorLine(err))
}

// tellHidden logs the latest of the errors that were left out, with how many there were. The caller has the lock.
func (s *Script) tellHidden() {
	r := &s.reports
	if r.tell != nil {
		r.tell.Stop()
		r.tell = nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.places)) {
		p := r.places[name]
		switch {
		case p.hidden > 1:
			s.o.log(slog.LevelError, "%s\n(and %d times more since the last report)", p.latest, p.hidden-1)
		case p.hidden > 0:
			s.o.log(slog.LevelError, "%s", p.latest)
		default:
			continue
		}
		*p = place{last: time.Now()}
	}
}

// errorLine is what is logged of an error. It shares no memory with what the script has made.
func (s *Script) errorLine(err *Error) string {
	text := fmt.Sprintf("%s: %s: %s", s.name, err.In, shortened(err.Text, maxReport))
	if err.Traceback != "" {
		text += "\n" + err.Traceback
	}
	return text
}

// shortened returns what a long text begins with.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes in all)", strings.ToValidUTF8(text[:most], ""), len(text))
}

// placeOf is the "file:line" that a message begins with, or its beginning.
func placeOf(text string) string {
	text = strings.Clone(text[:min(len(text), maxPlace)]) // which is kept
	if file, rest, ok := strings.Cut(text, ":"); ok {
		if line, _, ok := strings.Cut(rest, ":"); ok {
			return file + ":" + line
		}
	}
	return text
}

// raise ends the running Lua function with an error that names the place in the script that called it.
func raise(L *lua.LState, format string, args ...any) {
	where := ""
	for level := 1; level < 20; level++ {
		w := L.Where(level)
		if w == "" {
			break
		}
		if !strings.HasPrefix(w, "[G]") && !strings.HasPrefix(w, preludeName) {
			where = w + " "
			break
		}
	}
	L.Error(lua.LString(where+fmt.Sprintf(format, args...)), 0)
}

// fail returns nil and an error's text and name from a Lua function, which is how expected failures are told.
func fail(L *lua.LState, name string, format string, args ...any) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(fmt.Sprintf(format, args...)))
	L.Push(lua.LString(name))
	return 3
}
