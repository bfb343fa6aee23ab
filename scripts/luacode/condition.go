package luacode

import lua "github.com/yuin/gopher-lua"

// Conditions and their jumps, after lcode.c of Lua 5.1.

func (f *function) invert(v *value) {
	i := f.control(v.info)
	setA(i, 1-argA(*i))
}

// jumpIf is a jump that is taken when the value is true, or when it is false.
func (f *function) jumpIf(v *value, when int) int {
	if v.kind == kReloc {
		if i := f.proto.Code[v.info]; opOf(i) == lua.OP_NOT {
			f.unemit() // test what it negates
			return f.condJump(lua.OP_TEST, argB(i), 0, 1-when)
		}
	}
	f.dischargeAnywhere(v)
	f.freeValue(v)
	return f.condJump(lua.OP_TESTSET, noReg, v.info, when)
}

func (f *function) unemit() {
	f.proto.Code = f.proto.Code[:f.pc()-1]
	f.proto.DbgSourcePositions = f.proto.DbgSourcePositions[:f.pc()]
}

// ifTrue goes on where v is true and jumps away where it is false.
func (f *function) ifTrue(v *value) {
	f.discharge(v)
	pc := noJump
	switch v.kind {
	case kConst, kNumber, kTrue: // always true
	case kJump:
		f.invert(v)
		pc = v.info
	default:
		pc = f.jumpIf(v, 0)
	}
	v.f = f.join(v.f, pc)
	f.patchToHere(v.t)
	v.t = noJump
}

// ifFalse goes on where v is false.
func (f *function) ifFalse(v *value) {
	f.discharge(v)
	pc := noJump
	switch v.kind {
	case kNil, kFalse: // always false
	case kJump:
		pc = v.info
	default:
		pc = f.jumpIf(v, 1)
	}
	v.t = f.join(v.t, pc)
	f.patchToHere(v.f)
	v.f = noJump
}

func (f *function) not(v *value) {
	f.discharge(v)
	switch v.kind {
	case kNil, kFalse:
		v.kind = kTrue
	case kConst, kNumber, kTrue:
		v.kind = kFalse
	case kJump:
		f.invert(v)
	case kReloc, kNonReloc:
		f.dischargeAnywhere(v)
		f.freeValue(v)
		v.kind, v.info = kReloc, f.abc(lua.OP_NOT, 0, v.info, 0)
	}
	v.t, v.f = v.f, v.t
	f.dropValues(v.f)
	f.dropValues(v.t)
}
