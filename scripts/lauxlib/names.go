package lauxlib

import (
	"fmt"
	"iter"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The names of variables and functions in errors and tracebacks, as ldebug.c of Lua finds them: by a look at the code that
// runs, backwards from the instruction that is at it. It costs nothing until something fails.

// frame is a level of the stack that runs Lua code: 0 is the running function, 1 its caller.
type frame struct {
	debug *lua.Debug
	proto *lua.FunctionProto
	pc    int // of the instruction that is at it
}

// at returns the frame of a level; ok is false where there is none or it is no Lua code of a script.
func at(L *lua.LState, level int) (f frame, ok bool) {
	debug, fn, _ := function(L, level)
	if fn == nil || fn.IsG {
		return f, false
	}
	// The interpreter shows the line but not the instruction, of which there are several in a line.
	return frame{debug, fn.Proto, frameOf(debug).pc()}, true
}

// entry is a function that is under way.
type entry struct {
	debug *lua.Debug
	fn    *lua.LFunction
	host  bool // it is no level of the stack
	gone  int  // how many functions behind it tail calls have taken the place of
}

// stack goes through the functions under way, from the running one on.
func stack(L *lua.LState) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for L != nil {
			var e entry
			for raw := 0; ; raw += 1 + e.gone {
				debug, ok := L.GetStack(raw)
				if !ok {
					break
				}
				v, _ := L.GetInfo("f", debug, lua.LNil)
				fn := v.(*lua.LFunction)
				e = entry{debug: debug, fn: fn, host: ofHost(fn)}
				if !fn.IsG {
					e.gone = *frameOf(debug).tails()
				}
				if !yield(e) {
					return
				}
			}
			if e.fn == nil || e.fn.Env != protected {
				return
			}
			L = L.Parent
		}
	}
}

// Function returns what runs at a level of the stack, nil where a tail call has taken the place of what was there. ok is
// false where the stack ends before.
func Function(L *lua.LState, level int) (fn *lua.LFunction, ok bool) {
	_, fn, ok = function(L, level)
	return fn, ok
}

func function(L *lua.LState, level int) (*lua.Debug, *lua.LFunction, bool) {
	for e := range stack(L) {
		switch {
		case e.host:
			continue
		case level == 0:
			return e.debug, e.fn, true
		case level <= e.gone:
			return nil, nil, true
		}
		level -= e.gone + 1
	}
	return nil, nil, false
}

// Where is the "file:line: " of a level of the stack, "" where that is no Lua code.
func Where(L *lua.LState, level int) string {
	f, ok := at(L, level)
	if !ok || f.pc < 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", f.proto.SourceName, f.proto.DbgSourcePositions[f.pc])
}

// callee is what the instruction at hand calls its function, such as "method", "send", or "" where it is no call or nothing is
// known.
func (f frame) callee() (kind, name string) {
	if f.pc < 0 {
		return "", ""
	}
	switch inst := f.proto.Code[f.pc]; opcode(inst) {
	case lua.OP_CALL, lua.OP_TAILCALL, lua.OP_TFORLOOP:
		return f.register(f.pc, argA(inst))
	}
	return "", ""
}

// Operand returns what the value is called that an instruction of the caller of the running function works on, such as
// "local", "x". Only values that are in a variable or field of the instruction's have a name.
func Operand(L *lua.LState, value lua.LValue) (kind, name string) {
	f, ok := at(L, 1)
	if !ok {
		return "", ""
	}
	return f.operand(L, func(v lua.LValue) bool { return v == value || v != v && value != value })
}

// Failed is what the table or userdata is called that the instruction at hand of the running Lua function has failed on.
func Failed(L *lua.LState) (kind, name string) {
	f, ok := at(L, 0)
	if !ok {
		return "", ""
	}
	return f.operand(L, func(v lua.LValue) bool {
		switch v.(type) {
		case *lua.LTable, *lua.LUserData:
			return true
		}
		return false
	})
}

// operand names the first operand of the instruction at hand that is meant.
func (f frame) operand(L *lua.LState, meant func(v lua.LValue) bool) (kind, name string) {
	inst := f.proto.Code[f.pc]
	var registers []int
	switch op := opcode(inst); op {
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF, lua.OP_LEN, lua.OP_UNM:
		registers = []int{argB(inst)}
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_CALL, lua.OP_TAILCALL, lua.OP_TFORLOOP:
		registers = []int{argA(inst)}
	case lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW:
		registers = []int{argB(inst), argC(inst)}
	}
	for _, r := range registers {
		if r >= constant {
			if meant(f.proto.Constants[r-constant]) {
				return "", ""
			}
			continue
		}
		if _, v := L.GetLocal(f.debug, r+1); meant(v) {
			return f.register(f.pc, r)
		}
	}
	return "", ""
}

// Called is what the value is called that the caller of the running function, a __call, has called.
func Called(L *lua.LState) (kind, name string) {
	f, ok := at(L, 1)
	if !ok {
		return "", ""
	}
	if inst := f.proto.Code[f.pc]; opcode(inst) == lua.OP_CALL || opcode(inst) == lua.OP_TAILCALL {
		return f.register(f.pc, argA(inst))
	}
	return "", ""
}

// Argument is Operand for argument n of the running function.
func Argument(L *lua.LState, n int) (kind, name string) {
	f, ok := at(L, 1)
	if !ok {
		return "", ""
	}
	if inst := f.proto.Code[f.pc]; opcode(inst) == lua.OP_CALL {
		return f.register(f.pc, argA(inst)+n)
	}
	return "", ""
}

// OperandError raises the error that a value, called name if that is known, is none for an operation such as "index".
func OperandError(L *lua.LState, operation string, value lua.LValue, kind, name string) {
	what := "a " + value.Type().String() + " value"
	if name != "" {
		what = fmt.Sprintf("%s '%s' (%s)", kind, name, what)
	}
	Errorf(L, "attempt to %s %s", operation, what)
}

// register names what is in a register before the instruction at pc, unless that name is the compiler's.
func (f frame) register(pc, r int) (kind, name string) {
	if kind, name = f.origin(pc, r); strings.HasPrefix(name, "\x00") || strings.HasPrefix(name, "(") {
		return "", ""
	}
	return kind, name
}

// origin names what is in a register before the instruction at pc.
func (f frame) origin(pc, r int) (kind, name string) {
	if name := f.local(pc, r); name != "" {
		return "local", name
	}
	by := f.setter(pc, r)
	if by < 0 {
		return "", ""
	}
	switch inst := f.proto.Code[by]; opcode(inst) {
	case lua.OP_GETGLOBAL:
		return "global", f.constant(int(inst & maxBx))
	case lua.OP_MOVE, lua.OP_MOVEN:
		if argB(inst) < argA(inst) {
			return f.origin(by, argB(inst))
		}
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
		return "field", f.constant(argC(inst) - constant)
	case lua.OP_SELF:
		return "method", f.constant(argC(inst) - constant)
	case lua.OP_GETUPVAL:
		return "upvalue", f.proto.DbgUpvalues[argB(inst)]
	}
	return "", ""
}

// local is the name of the local variable in a register.
func (f frame) local(pc, r int) string {
	for _, v := range f.proto.DbgLocals {
		if v.StartPc > pc {
			break
		}
		if pc <= v.EndPc {
			if r == 0 {
				return v.Name
			}
			r--
		}
	}
	return ""
}

// constant is the constant string with an index, "?" where it is none.
func (f frame) constant(i int) string {
	if i >= 0 && i < len(f.proto.Constants) {
		if s, ok := f.proto.Constants[i].(lua.LString); ok {
			return string(s)
		}
	}
	return "?"
}

// setter returns which instruction before pc has set a register last, along the jumps that lead there, or -1.
func (f frame) setter(last, r int) int {
	by := -1
	code := f.proto.Code
	for pc := 0; pc < last; pc++ {
		inst := code[pc]
		a, b := argA(inst), argB(inst)
		set := false
		switch op := opcode(inst); op {
		case lua.OP_MOVEN: // and the moves that follow
			for i := pc; ; i++ {
				if argA(code[i]) == r {
					by = i
				}
				if i == pc+argC(inst) {
					pc = i
					break
				}
			}
			continue
		case lua.OP_LOADNIL:
			set = a <= r && r <= b
		case lua.OP_CALL, lua.OP_TAILCALL:
			set = r >= a
		case lua.OP_TFORLOOP:
			set = r >= a+2
		case lua.OP_SELF:
			set = r == a || r == a+1
		case lua.OP_VARARG:
			set = r >= a && (b == 0 || r < a+b-1)
		case lua.OP_JMP, lua.OP_FORLOOP, lua.OP_FORPREP:
			if to := pc + 1 + int(inst&maxBx) - maxBx>>1; pc < to && to <= last {
				pc = to - 1
			}
			set = op != lua.OP_JMP && r >= a && r <= a+3
		case lua.OP_CLOSURE:
			if r == a {
				by = pc
			}
			pc += int(f.proto.FunctionPrototypes[inst&maxBx].NumUpvalues) // what is behind it says where they are
			continue
		case lua.OP_SETLIST:
			if argC(inst) == 0 {
				pc++
			}
		case lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_EQ, lua.OP_LT, lua.OP_LE,
			lua.OP_RETURN, lua.OP_CLOSE, lua.OP_NOP: // OP_TEST counts, as in Lua: what is behind "and" and "or" has no name
		default:
			set = r == a
		}
		if set {
			by = pc
		}
	}
	return by
}

// The parts of an instruction: opcode.go of gopher-lua.
const (
	maxBx    = 1<<18 - 1
	constant = 1 << 8 // from here on an operand is a constant
)

func opcode(inst uint32) int { return int(inst >> 26) }
func argA(inst uint32) int   { return int(inst >> 18 & 0xff) }
func argB(inst uint32) int   { return int(inst & 0x1ff) }
func argC(inst uint32) int   { return int(inst >> 9 & 0x1ff) }
