package luacode

import (
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// Variables, blocks and gotos, after lparser.c of Lua 5.1.

// block is a part of a function at whose end variables go out of sight.
type block struct {
	outer     *block
	active    int // variables outside of it
	captured  bool
	breakable bool
	breaks    int // list of jumps
	labels    []label
	gotos     int // those of the function that were waiting when it began
}

// label is a place that goto names.
type label struct {
	name   string
	pc     int
	line   int
	active int
}

// pending is a goto whose label is yet to come. In front of its jump there is room for closing variables.
type pending struct {
	name   string
	pc     int
	line   int
	active int // variables in sight, of which those of blocks that were left are not any more
	from   int // variables in sight where it stands
}

func (f *function) limit(n, most int, what string) {
	if n <= most {
		return
	}
	if f.proto.LineDefined == 0 {
		f.c.fail(f.line, "main function has more than %d %s", most, what)
	}
	f.c.fail(f.line, "function at line %d has more than %d %s", f.proto.LineDefined, most, what)
}

// declare makes the registers from the last variable on variables.
func (f *function) declare(names ...string) {
	f.limit(len(f.active)+len(names), maxLocals, "local variables")
	for _, name := range names {
		f.active = append(f.active, len(f.proto.DbgLocals))
		f.proto.DbgLocals = append(f.proto.DbgLocals, &lua.DbgLocalInfo{Name: name, StartPc: f.pc()})
	}
}

func (f *function) undeclare(to int) {
	for _, i := range f.active[to:] {
		f.proto.DbgLocals[i].EndPc = f.pc() - 1
	}
	f.active = f.active[:to]
}

func (f *function) local(name string) int {
	for reg, i := range slices.Backward(f.active) {
		if f.proto.DbgLocals[i].Name == name {
			return reg
		}
	}
	return -1
}

// find tells what kind of variable a name is. Here is false where a function within f asks.
func (f *function) find(name string, here bool) (kind, int) {
	if reg := f.local(name); reg >= 0 {
		if !here {
			b := f.block
			for b != nil && b.active > reg {
				b = b.outer
			}
			if b != nil {
				b.captured = true
			}
		}
		return kLocal, reg
	}
	for i, u := range f.upvals {
		if u.name == name {
			return kUpvalue, i
		}
	}
	if f.outer == nil {
		return kGlobal, 0
	}
	k, index := f.outer.find(name, false)
	if k == kGlobal {
		return kGlobal, 0
	}
	f.limit(len(f.upvals)+1, maxUpvals, "upvalues")
	f.upvals = append(f.upvals, upvalue{name, k == kLocal, index})
	return kUpvalue, len(f.upvals) - 1
}

func (f *function) variable(name string) value {
	k, index := f.find(name, true)
	if k == kGlobal {
		index = f.stringConst(name)
	}
	return val(k, index)
}

// Blocks.

func (f *function) begin(breakable bool) *block {
	f.block = &block{outer: f.block, active: len(f.active), breakable: breakable, breaks: noJump, gotos: len(f.gotos)}
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
	for i := b.gotos; i < len(f.gotos); i++ {
		g := &f.gotos[i]
		if f.block == nil {
			f.c.fail(g.line, "no visible label '%s' for goto", g.name)
		}
		g.active = min(g.active, b.active)
		if f.follow(*g) {
			f.gotos = slices.Delete(f.gotos, i, i+1)
			i--
		}
	}
}

// follow sends a goto to its label, if the block at hand has it.
func (f *function) follow(g pending) bool {
	for _, l := range f.block.labels {
		if l.name == g.name {
			f.resolve(g, l)
			return true
		}
	}
	return false
}

func (f *function) resolve(g pending, l label) {
	if g.active < l.active {
		name := f.proto.DbgLocals[f.active[g.active]].Name
		f.c.fail(l.line, "<goto %s> at line %d jumps into the scope of local '%s'", g.name, g.line, name)
	}
	if g.from > l.active {
		f.proto.Code[g.pc-1] = instABC(lua.OP_CLOSE, l.active, 0, 0)
	}
	f.fixJump(g.pc, l.pc)
}

func (f *function) gotoStmt(name string, line int) {
	f.abc(lua.OP_NOP, 0, 0, 0)
	g := pending{name, f.jump(), line, len(f.active), len(f.active)}
	for b := f.block; b != nil; b = b.outer {
		for _, l := range b.labels {
			if l.name == name {
				f.resolve(g, l)
				return
			}
		}
	}
	f.gotos = append(f.gotos, g)
}

// labelStmt is a label; at the end of a block its variables are out of sight already.
func (f *function) labelStmt(name string, line int, last bool) {
	for b := f.block; b != nil; b = b.outer {
		for _, l := range b.labels {
			if l.name == name {
				f.c.fail(line, "label '%s' already defined on line %d", name, l.line)
			}
		}
	}
	l := label{name, f.pc(), line, len(f.active)}
	if last {
		l.active = f.block.active
	}
	f.block.labels = append(f.block.labels, l)
	for i := f.block.gotos; i < len(f.gotos); i++ {
		if g := f.gotos[i]; g.name == name {
			f.resolve(g, l)
			f.gotos = slices.Delete(f.gotos, i, i+1)
			i--
		}
	}
}

func (f *function) breakStmt(line int) {
	b, captured := f.block, false
	for b != nil && !b.breakable {
		captured = captured || b.captured
		b = b.outer
	}
	if b == nil {
		f.c.fail(line, "no loop to break")
	}
	if captured {
		f.abc(lua.OP_CLOSE, b.active, 0, 0)
	}
	b.breaks = f.join(b.breaks, f.jump())
}
