package luacode

import (
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// Variables and blocks, after lparser.c of Lua 5.1.

// variable is a local, in a register of its function.
type variable struct {
	f      *function
	reg    int
	hidden *variable // another of the same name
}

// block is a part of a function at whose end variables go out of sight.
type block struct {
	outer     *block
	active    int // variables outside of it
	captured  bool
	breakable bool
	breaks    int // list of jumps
}

// declare makes the registers from the last variable on variables.
func (f *function) declare(names ...string) {
	for _, name := range names {
		f.c.vars[name] = &variable{f, len(f.active), f.c.vars[name]}
		f.active = append(f.active, len(f.proto.DbgLocals))
		f.proto.DbgLocals = append(f.proto.DbgLocals, &lua.DbgLocalInfo{Name: name, StartPc: f.pc()})
	}
}

func (f *function) undeclare(to int) {
	for _, i := range slices.Backward(f.active[to:]) {
		l := f.proto.DbgLocals[i]
		l.EndPc = f.pc() - 1
		if v := f.c.vars[l.Name]; v.hidden != nil {
			f.c.vars[l.Name] = v.hidden
		} else {
			delete(f.c.vars, l.Name)
		}
	}
	f.active = f.active[:to]
}

// upvalue returns which upvalue of f a variable of a function around it is.
func (f *function) upvalue(name string, v *variable) int {
	if i := slices.IndexFunc(f.upvals, func(u upvalue) bool { return u.of == v }); i >= 0 {
		return i
	}
	index, local := v.reg, v.f == f.outer
	if local {
		b := v.f.block
		for b.active > v.reg {
			b = b.outer
		}
		b.captured = true
	} else {
		index = f.outer.upvalue(name, v)
	}
	f.upvals = append(f.upvals, upvalue{v, name, local, index})
	return len(f.upvals) - 1
}

func (f *function) variable(name string) value {
	switch v := f.c.vars[name]; {
	case v == nil:
		return val(kGlobal, f.stringConst(name))
	case v.f == f:
		return val(kLocal, v.reg)
	default:
		return val(kUpvalue, f.upvalue(name, v))
	}
}

// Blocks.

func (f *function) begin(breakable bool) *block {
	f.block = &block{outer: f.block, active: len(f.active), breakable: breakable, breaks: noJump}
	return f.block
}

func (f *function) end() {
	b := f.block
	f.block = b.outer
	f.undeclare(b.active)
	if b.captured && f.block != nil { // a return closes all
		f.abc(lua.OP_CLOSE, b.active, 0, 0)
	}
	f.free = len(f.active)
	f.patchToHere(b.breaks)
}

func (f *function) breakStmt() {
	b, captured := f.block, false
	for !b.breakable {
		captured = captured || b.captured
		b = b.outer
	}
	if captured {
		f.abc(lua.OP_CLOSE, b.active, 0, 0)
	}
	b.breaks = f.join(b.breaks, f.jump())
}
