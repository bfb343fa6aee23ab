package luacode

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luasyntax"
)

// compiler makes the code of one source.
type compiler struct {
	file    string
	lengths bool                 // "#" is a call: some table may have __len, which Lua 5.1 does not look at
	vars    map[string]*variable // those in sight
}

func (c *compiler) fail(line int, message string) {
	panic(&SyntaxError{File: c.file, Line: line, Message: message})
}

// generate makes the code of a chunk. It panics with a *SyntaxError.
func generate(chunk *luasyntax.Chunk, file string, lengths bool) *lua.FunctionProto {
	f := newFunction(&compiler{file: file, lengths: lengths, vars: map[string]*variable{}}, nil)
	f.proto.IsVarArg = lua.VarArgIsVarArg
	f.begin(false)
	f.line = 1
	for op, sign := range opSigns {
		if chunk.Signs[sign] && (op != opLen || lengths) {
			f.operator(op)
		}
	}
	f.stmts(chunk.Stmts)
	f.close()
	return f.proto
}

// operator begins a chunk with a variable for the function of an operator, by way of the metatable of strings, which every
// environment has: local op = -"op".
func (f *function) operator(op int) {
	v := val(kConst, f.stringConst(opNames[op]))
	zero := value{kind: kNumber, t: noJump, f: noJump}
	f.toAnyReg(&v)
	f.arith(lua.OP_UNM, &v, &zero)
	f.toNextReg(&v)
	f.declare(opNames[op])
}

func newFunction(c *compiler, outer *function) *function {
	return &function{
		c: c, outer: outer, known: map[constant]int{}, here: noJump,
		proto: &lua.FunctionProto{SourceName: c.file, NumUsedRegisters: 2},
	}
}

// close ends a function.
func (f *function) close() {
	f.line = f.proto.LastLineDefined
	f.abc(lua.OP_RETURN, 0, 1, 0)
	f.end()
	p := f.proto
	for _, u := range f.upvals {
		p.DbgUpvalues = append(p.DbgUpvalues, u.name)
	}
	p.NumUpvalues = uint8(len(f.upvals))
	lauxlib.SetStringConstants(p, f.strings)
}
