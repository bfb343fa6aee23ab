package lauxlib

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// How many levels are shown in a traceback: those below the first number, and of what is beyond, the outermost.
const (
	innerLevels = 12
	outerLevels = 10
)

// level is one of a traceback: a function of a script, one that a tail call has taken the place of, or what the host does
// between two functions of a script, which is one function to the outer.
type level struct {
	frame
	host, tail bool
}

// Traceback is Lua's, of a thread from a level on; 0 is the running function.
func Traceback(th *lua.LState, from int) string {
	all := levels(th)
	var b strings.Builder
	b.WriteString("stack traceback:")
	cut := false
	for i := max(from, 0); i < len(all); i++ {
		if i >= innerLevels && !cut {
			cut = true
			if i+1+outerLevels < len(all) {
				b.WriteString("\n\t...")
				i = len(all) - outerLevels
			}
		}
		all[i].describe(&b, all[i+1:])
	}
	return b.String()
}

// levels are those of the stack of a thread, from the running function on.
func levels(th *lua.LState) (all []level) {
	for e := range stack(th) {
		if e.fn.IsG || e.host {
			if len(all) < 2 || !all[len(all)-1].host {
				all = append(all, level{host: true})
			}
			continue
		}
		f := frame{e.debug, e.fn.Proto, frameOf(e.debug).pc()}
		if n := len(all); n > 1 && all[n-1].host && !f.calls() {
			all = all[:n-1] // what does an operator is no function in Lua
		}
		all = append(all, level{frame: f})
		for range min(e.gone, innerLevels+outerLevels) {
			all = append(all, level{tail: true})
		}
	}
	if n := len(all); n > 1 && all[n-1].host {
		all = all[:n-1] // a coroutine begins with its function
	}
	if n := len(all); n > 0 && all[n-1].proto != nil && all[n-1].proto.LineDefined == 0 {
		all = append(all, level{host: true}) // which has called the main chunk
	}
	return all
}

// describe is a line for a level, of which the outer ones are given.
func (l *level) describe(b *strings.Builder, outer []level) {
	name := ""
	if len(outer) > 0 && outer[0].proto != nil && !l.tail {
		_, name = outer[0].callee()
	}
	switch {
	case l.tail:
		b.WriteString("\n\t(tail call):")
	case l.host:
		b.WriteString("\n\t[C]:")
	default:
		fmt.Fprintf(b, "\n\t%s:", l.proto.SourceName)
		if l.pc >= 0 {
			fmt.Fprintf(b, "%d:", l.proto.DbgSourcePositions[l.pc])
		}
	}
	switch {
	case name != "":
		fmt.Fprintf(b, " in function '%s'", name)
	case l.proto == nil:
		b.WriteString(" ?")
	case l.proto.LineDefined == 0:
		b.WriteString(" in main chunk")
	default:
		fmt.Fprintf(b, " in function <%s:%d>", l.proto.SourceName, l.proto.LineDefined)
	}
}

// calls reports whether the instruction at hand is a call that is written as one.
func (f frame) calls() bool {
	if f.pc < 0 {
		return false
	}
	switch inst := f.proto.Code[f.pc]; opcode(inst) {
	case lua.OP_CALL, lua.OP_TAILCALL, lua.OP_TFORLOOP:
		_, name := f.origin(f.pc, argA(inst))
		return !strings.HasPrefix(name, "\x00")
	}
	return false
}
