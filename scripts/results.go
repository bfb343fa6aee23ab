package scripts

import (
	"fmt"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/scripts/luastring"
)

// bytesOf returns the bytes of s without a copy; they must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// results appends to out what the value that a hook has returned for m stands for.
func (st *state) results(v lua.LValue, m core.Message, out *[]core.Message) error {
	switch v := v.(type) {
	case *lua.LNilType:
		*out = append(*out, m)
		return nil
	case lua.LBool:
		if v {
			*out = append(*out, m)
		}
		return nil
	case *lua.LTable:
		if v.RawGetString("data") != lua.LNil {
			break // one message
		}
		n := v.Len()
		if limit := st.script.o.Limits.MaxQueue; n > limit {
			return fmt.Errorf("returned %d messages; the limit is %d%s", n, limit, luastring.RaisedBy(st.script.o.Limits.Names.MaxQueue))
		}
		if n == 0 && v.RawGetString("kind") != lua.LNil {
			return fmt.Errorf("returned a table with kind and without data")
		}
		for i := 1; i <= n; i++ {
			item := v.RawGetInt(i)
			if item == lua.LTrue {
				*out = append(*out, m)
				continue
			}
			made, err := messageOf(item, m.Kind)
			if err != nil {
				return fmt.Errorf("message %d of the list returned: %w", i, err)
			}
			*out = append(*out, made)
		}
		return nil
	}
	made, err := messageOf(v, m.Kind)
	if err != nil {
		return fmt.Errorf("returned %w", err)
	}
	*out = append(*out, made)
	return nil
}

// messageOf makes a message of a string, or of a table with data and kind.
func messageOf(v lua.LValue, kind core.Kind) (core.Message, error) {
	switch t := v.(type) {
	case lua.LNumber:
		v = lua.LString(t.String())
	case *lua.LTable:
		v = t.RawGetString("data")
		if k := t.RawGetString("kind"); k != lua.LNil {
			var err error
			if kind, err = parseKind(k); err != nil {
				return core.Message{}, err
			}
		}
	}
	data, ok := v.(lua.LString)
	if !ok {
		return core.Message{}, fmt.Errorf("%s; want a string or {data = …, kind = …}", describe(v))
	}
	m := core.Message{Data: bytesOf(string(data)), Kind: kind}
	if kind == core.Text && !hixie.ValidUTF8(m.Data) {
		return m, fmt.Errorf("text that is not UTF-8 at byte %d; bytes go as {data = …, kind = \"binary\"}", hixie.InvalidAt(m.Data))
	}
	return m, nil
}

func parseKind(v lua.LValue) (core.Kind, error) {
	switch v {
	case kindText:
		return core.Text, nil
	case kindBinary:
		return core.Binary, nil
	}
	return 0, fmt.Errorf("a message of kind %q; want \"text\" or \"binary\"", v.String())
}
