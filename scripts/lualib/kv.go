package lualib

import (
	"fmt"
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/permit"
)

// Values are kept as text behind a letter: s a string, n a number, b a boolean, j a table as JSON.

// store opens the store for kv:name(key, …).
func (l *library) store(L *lua.LState, name string) *kv.Store {
	if _, ok := L.Get(1).(*lua.LTable); !ok {
		L.RaiseError("kv.%s: call it as ws76.kv:%s(…)", name, name)
	}
	if l.KV == nil {
		L.RaiseError("kv.%s: there is no place to keep values in", name)
	}
	err := l.Permissions.Ask(permit.Effect{Kind: permit.Store, Target: "ws76.kv"})
	var s *kv.Store
	if err == nil {
		s, err = l.KV()
	}
	if err != nil {
		L.RaiseError("kv.%s: %v", name, err)
	}
	return s
}

func (l *library) kvGet(L *lua.LState) int {
	v, ok := l.store(L, "get").Get(L.CheckString(2))
	if !ok {
		L.Push(L.Get(3)) // the default
		return 1
	}
	L.Push(l.kept(L, v))
	return 1
}

// kept makes a Lua value of a kept one.
func (l *library) kept(L *lua.LState, v string) lua.LValue {
	if v == "" {
		return lua.LNil
	}
	switch text := v[1:]; v[0] {
	case 'n':
		f, _ := strconv.ParseFloat(text, 64)
		return lua.LNumber(f)
	case 'b':
		return lua.LBool(text == "true")
	case 'j':
		if t, err := l.decode(L, "kv.get", text); err == nil {
			return t
		}
		return lua.LNil
	default:
		return lua.LString(text)
	}
}

// keep is the reverse. It raises an error for what cannot be kept.
func (l *library) keep(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return "s" + string(v)
	case lua.LNumber:
		return "n" + strconv.FormatFloat(float64(v), 'g', -1, 64)
	case lua.LBool:
		return "b" + strconv.FormatBool(bool(v))
	case *lua.LTable:
		e := l.encoder(L, "kv.set")
		e.out = append(e.out, 'j')
		e.value(v, 0)
		return string(e.account.String(e.out))
	}
	L.RaiseError("kv.set: a %s cannot be kept; strings, numbers, booleans and tables of them can", v.Type())
	return ""
}

func (l *library) kvSet(L *lua.LState) int {
	s, key := l.store(L, "set"), L.CheckString(2)
	v := L.CheckAny(3)
	var err error
	if v == lua.LNil {
		err = s.Delete(key)
	} else {
		text := l.keep(L, v)
		l.Budget.Spend(L, "kv.set", len(text)>>4)
		err = s.Set(key, text)
	}
	if err != nil {
		L.RaiseError("kv.set: %v", err)
	}
	return 0
}

// kvIncr adds to a number, which begins at 0, and returns the sum.
func (l *library) kvIncr(L *lua.LState) int {
	s, key, by := l.store(L, "incr"), L.CheckString(2), float64(L.OptNumber(3, 1))
	var sum float64
	err := s.Update(key, func(old string, ok bool) (string, error) {
		if ok {
			n, isNumber := l.kept(L, old).(lua.LNumber)
			if !isNumber {
				return "", fmt.Errorf("%q is no number", key)
			}
			sum = float64(n)
		}
		if sum += by; sum != sum || math.IsInf(sum, 0) {
			return "", fmt.Errorf("%q becomes %v", key, sum)
		}
		return "n" + strconv.FormatFloat(sum, 'g', -1, 64), nil
	})
	if err != nil {
		L.RaiseError("kv.incr: %v", err)
	}
	L.Push(lua.LNumber(sum))
	return 1
}

func (l *library) kvDelete(L *lua.LState) int {
	if err := l.store(L, "delete").Delete(L.CheckString(2)); err != nil {
		L.RaiseError("kv.delete: %v", err)
	}
	return 0
}

// StoreToSync returns the store that kv:sync() is called for. It raises errors.
func StoreToSync(L *lua.LState, o *Options) *kv.Store {
	l := library{Options: o}
	return l.store(L, "sync")
}

// kvKeys lists the keys, or those that begin with a prefix, in order.
func (l *library) kvKeys(L *lua.LState) int {
	keys := l.store(L, "keys").Keys(L.OptString(2, ""))
	account := l.Budget.Account(L, "kv.keys", 0)
	account.Table(len(keys), 0)
	account.Take(16 * len(keys))
	t := L.CreateTable(len(keys), 0)
	for _, k := range keys {
		t.Append(lua.LString(k))
	}
	L.Push(t)
	return 1
}
