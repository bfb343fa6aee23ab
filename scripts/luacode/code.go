package luacode

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// The code of one function, after lcode.c of Lua 5.1: gopher-lua's instructions are those of PUC's virtual machine.

// maxStack is how many registers a function may have, as in Lua 5.1.
const maxStack = 250

const (
	multRet = -1       // as many values as there are
	noJump  = -1       // the end of a list of jumps
	noReg   = 1<<8 - 1 // no register
)

// kind says where the value of an expression is.
type kind int

const (
	kVoid     kind = iota
	kNil           // nil, true, false
	kTrue          //
	kFalse         //
	kConst         // info: constant
	kNumber        // num
	kLocal         // info: register
	kUpvalue       // info: upvalue
	kGlobal        // info: constant with its name
	kIndexed       // info: register of the table, aux: key, register or constant
	kJump          // info: instruction of a comparison's jump
	kReloc         // info: instruction that can put it anywhere
	kNonReloc      // info: register
	kCall          // info: instruction
	kVararg        // info: instruction
)

// value is an expression that is being compiled.
type value struct {
	kind      kind
	info, aux int
	num       float64
	t, f      int // lists of jumps that leave when it is true, or false
}

func val(k kind, info int) value { return value{kind: k, info: info, t: noJump, f: noJump} }

func (v *value) hasJumps() bool { return v.t != v.f }

// constant is a key of the table of constants. Numbers are told apart by their bits: -0 is not 0 there.
type constant struct {
	kind byte
	bits uint64
	text string
}

// function is one that is being compiled.
type function struct {
	c       *compiler
	outer   *function
	proto   *lua.FunctionProto
	known   map[constant]int
	strings []string // the constants, as text
	block   *block
	here    int         // list of jumps to the next instruction
	tails   map[int]int // the last jump of a list that was joined, so that a long one is not gone through for each
	free    int         // the first free register
	active  []int       // index in proto.DbgLocals of each variable in sight, whose registers these are
	upvals  []upvalue
	line    int
}

// upvalue says where a closure finds a variable of an outer function.
type upvalue struct {
	of    *variable
	name  string
	local bool // in a register of the function around it, else among its upvalues
	index int
}

func (f *function) pc() int { return len(f.proto.Code) }

func (f *function) emit(i uint32) int {
	f.patchHere()
	f.proto.Code = append(f.proto.Code, i)
	f.proto.DbgSourcePositions = append(f.proto.DbgSourcePositions, f.line)
	return f.pc() - 1
}

func (f *function) abc(op, a, b, c int) int { return f.emit(instABC(op, a, b, c)) }

func (f *function) abx(op, a, bx int) int {
	if bx > maxBx {
		f.c.fail(f.line, "constant table overflow")
	}
	return f.emit(instABx(op, a, bx))
}

// Constants.

func (f *function) addConst(key constant, v lua.LValue) int {
	if i, ok := f.known[key]; ok {
		return i
	}
	i := len(f.proto.Constants)
	f.known[key] = i
	f.proto.Constants = append(f.proto.Constants, v)
	f.strings = append(f.strings, key.text)
	if i > maxBx {
		f.c.fail(f.line, "constant table overflow")
	}
	return i
}

func (f *function) stringConst(s string) int {
	return f.addConst(constant{kind: 's', text: s}, lua.LString(s))
}

// numberConst is a number's place. As in PUC's, 0 and -0 are one: the first that comes.
func (f *function) numberConst(n float64) int {
	return f.addConst(constant{kind: 'n', bits: math.Float64bits(n + 0)}, lua.LNumber(n))
}

// Jumps. A list of them is linked through their targets until these are known.

func (f *function) jump() int {
	here := f.here // its own target is to be that of those that would come here
	f.here = noJump
	j := f.emit(instAsBx(lua.OP_JMP, 0, noJump))
	return f.join(j, here)
}

func (f *function) condJump(op, a, b, c int) int {
	f.abc(op, a, b, c)
	return f.jump()
}

func (f *function) next(pc int) int {
	offset := argSBx(f.proto.Code[pc])
	if offset == noJump {
		return noJump
	}
	return pc + 1 + offset
}

func (f *function) fixJump(pc, to int) {
	offset := to - (pc + 1)
	if offset > maxSBx || offset < -maxSBx {
		f.c.fail(f.line, "control structure too long")
	}
	setSBx(&f.proto.Code[pc], offset)
}

// join appends list b to list a.
func (f *function) join(a, b int) int {
	if b == noJump {
		return a
	}
	if a == noJump {
		return b
	}
	f.fixJump(f.tail(a), b)
	if f.tails == nil {
		f.tails = map[int]int{}
	}
	f.tails[a] = f.tail(b)
	return a
}

// tail is the last jump of a list.
func (f *function) tail(list int) int {
	if last, ok := f.tails[list]; ok {
		return last
	}
	for next := f.next(list); next != noJump; next = f.next(list) {
		list = next
	}
	return list
}

// control is the instruction that decides whether the jump at pc is taken.
func (f *function) control(pc int) *uint32 {
	if pc >= 1 {
		switch opOf(f.proto.Code[pc-1]) {
		case lua.OP_EQ, lua.OP_LT, lua.OP_LE, lua.OP_TEST, lua.OP_TESTSET:
			return &f.proto.Code[pc-1]
		}
	}
	return &f.proto.Code[pc]
}

// needsValue reports whether some jump of a list brings no value with it.
func (f *function) needsValue(list int) bool {
	for ; list != noJump; list = f.next(list) {
		if opOf(*f.control(list)) != lua.OP_TESTSET {
			return true
		}
	}
	return false
}

// patchTest lets a test put its value into reg, or nowhere.
func (f *function) patchTest(pc, reg int) bool {
	i := f.control(pc)
	if opOf(*i) != lua.OP_TESTSET {
		return false
	}
	if reg != noReg && reg != argB(*i) {
		setA(i, reg)
	} else {
		*i = instABC(lua.OP_TEST, argB(*i), 0, argC(*i))
	}
	return true
}

func (f *function) dropValues(list int) {
	for ; list != noJump; list = f.next(list) {
		f.patchTest(list, noReg)
	}
}

// patchTo sends the jumps with a value, which goes into reg, to one place and the others to another.
func (f *function) patchTo(list, withValue, reg, without int) {
	delete(f.tails, list)
	for list != noJump {
		next := f.next(list)
		if f.patchTest(list, reg) {
			f.fixJump(list, withValue)
		} else {
			f.fixJump(list, without)
		}
		list = next
	}
}

func (f *function) patchHere() {
	f.patchTo(f.here, f.pc(), noReg, f.pc())
	f.here = noJump
}

func (f *function) patch(list, to int) {
	if to == f.pc() {
		f.patchToHere(list)
		return
	}
	f.patchTo(list, to, noReg, to)
}

func (f *function) patchToHere(list int) { f.here = f.join(f.here, list) }

// Registers.

func (f *function) checkStack(n int) {
	if n += f.free; n > int(f.proto.NumUsedRegisters) {
		if n >= maxStack {
			f.c.fail(f.line, "function or expression too complex")
		}
		f.proto.NumUsedRegisters = uint8(n)
	}
}

func (f *function) reserve(n int) {
	f.checkStack(n)
	f.free += n
}

func (f *function) freeReg(reg int) {
	if reg&bitRK == 0 && reg >= len(f.active) {
		f.free--
	}
}

func (f *function) freeValue(v *value) {
	if v.kind == kNonReloc {
		f.freeReg(v.info)
	}
}

// Values.

func (f *function) setReturns(v *value, n int) {
	switch v.kind {
	case kCall:
		setC(&f.proto.Code[v.info], n+1)
	case kVararg:
		setB(&f.proto.Code[v.info], n+1)
		setA(&f.proto.Code[v.info], f.free)
		f.reserve(1)
	}
}

func (f *function) setOneReturn(v *value) {
	switch v.kind {
	case kCall:
		v.kind, v.info = kNonReloc, argA(f.proto.Code[v.info])
	case kVararg: // never into a variable: gopher-lua clears all registers behind where it puts them
		setB(&f.proto.Code[v.info], 2)
		setA(&f.proto.Code[v.info], f.free)
		v.kind, v.info = kNonReloc, f.free
		f.reserve(1)
	}
}

// isStringConst reports whether an operand is a constant that is a string.
func (f *function) isStringConst(rk int) bool {
	if rk&bitRK == 0 {
		return false
	}
	_, ok := f.proto.Constants[rk&^bitRK].(lua.LString)
	return ok
}

// discharge makes a variable a value.
func (f *function) discharge(v *value) {
	switch v.kind {
	case kLocal:
		v.kind = kNonReloc
	case kUpvalue:
		v.kind, v.info = kReloc, f.abc(lua.OP_GETUPVAL, 0, v.info, 0)
	case kGlobal:
		v.kind, v.info = kReloc, f.abx(lua.OP_GETGLOBAL, 0, v.info)
	case kIndexed:
		f.freeReg(v.aux)
		f.freeReg(v.info)
		op := lua.OP_GETTABLE
		if f.isStringConst(v.aux) {
			op = lua.OP_GETTABLEKS
		}
		v.kind, v.info = kReloc, f.abc(op, 0, v.info, v.aux)
	case kCall, kVararg:
		f.setOneReturn(v)
	}
}

func (f *function) loadNil(from, n int) { f.abc(lua.OP_LOADNIL, from, from+n-1, 0) }

func (f *function) dischargeTo(v *value, reg int) {
	f.discharge(v)
	switch v.kind {
	case kNil:
		f.loadNil(reg, 1)
	case kFalse:
		f.abc(lua.OP_LOADBOOL, reg, 0, 0)
	case kTrue:
		f.abc(lua.OP_LOADBOOL, reg, 1, 0)
	case kConst:
		f.abx(lua.OP_LOADK, reg, v.info)
	case kNumber:
		f.abx(lua.OP_LOADK, reg, f.numberConst(v.num))
	case kReloc:
		setA(&f.proto.Code[v.info], reg)
	case kNonReloc:
		if reg != v.info {
			f.abc(lua.OP_MOVE, reg, v.info, 0)
		}
	default:
		return // void, or a jump
	}
	v.kind, v.info = kNonReloc, reg
}

func (f *function) dischargeAnywhere(v *value) {
	if v.kind != kNonReloc {
		f.reserve(1)
		f.dischargeTo(v, f.free-1)
	}
}

func (f *function) toReg(v *value, reg int) {
	f.dischargeTo(v, reg)
	if v.kind == kJump {
		v.t = f.join(v.t, v.info)
	}
	if v.hasJumps() {
		yes, no := noJump, noJump
		if f.needsValue(v.t) || f.needsValue(v.f) {
			over := noJump
			if v.kind != kJump {
				over = f.jump()
			}
			no = f.abc(lua.OP_LOADBOOL, reg, 0, 1)
			yes = f.abc(lua.OP_LOADBOOL, reg, 1, 0)
			f.patchToHere(over)
		}
		end := f.pc()
		f.patchTo(v.f, end, reg, no)
		f.patchTo(v.t, end, reg, yes)
	}
	*v = val(kNonReloc, reg)
}

func (f *function) toNextReg(v *value) {
	f.discharge(v)
	f.freeValue(v)
	f.reserve(1)
	f.toReg(v, f.free-1)
}

func (f *function) toAnyReg(v *value) int {
	f.discharge(v)
	if v.kind == kNonReloc {
		if !v.hasJumps() {
			return v.info
		}
		if v.info >= len(f.active) {
			f.toReg(v, v.info)
			return v.info
		}
	}
	f.toNextReg(v)
	return v.info
}

func (f *function) toValue(v *value) {
	if v.hasJumps() {
		f.toAnyReg(v)
	} else {
		f.discharge(v)
	}
}

// toRK makes an operand of a value: a register or a constant.
func (f *function) toRK(v *value) int {
	f.toValue(v)
	index := -1
	switch v.kind {
	case kNil:
		index = f.addConst(constant{kind: '0'}, lua.LNil)
	case kTrue:
		index = f.addConst(constant{kind: 't'}, lua.LTrue)
	case kFalse:
		index = f.addConst(constant{kind: 'f'}, lua.LFalse)
	case kNumber:
		index = f.numberConst(v.num)
	case kConst:
		index = v.info
	}
	if index >= 0 && index <= maxIndexRK {
		v.kind, v.info = kConst, index
		return index | bitRK
	}
	return f.toAnyReg(v)
}

// store puts a value into a variable.
func (f *function) store(to, v *value) {
	switch to.kind {
	case kLocal:
		f.freeValue(v)
		f.toReg(v, to.info)
		return
	case kUpvalue:
		f.abc(lua.OP_SETUPVAL, f.toAnyReg(v), to.info, 0)
	case kGlobal:
		f.abx(lua.OP_SETGLOBAL, f.toAnyReg(v), to.info)
	case kIndexed:
		op := lua.OP_SETTABLE
		if f.isStringConst(to.aux) {
			op = lua.OP_SETTABLEKS
		}
		rk := f.toRK(v)
		f.abc(op, to.info, to.aux, rk)
	}
	f.freeValue(v)
}

// self makes the function of a method call, and its first argument.
func (f *function) self(v, key *value) {
	f.toAnyReg(v)
	f.freeValue(v)
	base := f.free
	f.reserve(2)
	f.abc(lua.OP_SELF, base, v.info, f.toRK(key))
	f.freeValue(key)
	*v = val(kNonReloc, base)
}
