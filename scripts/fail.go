package scripts

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// failGlobal is the global by which a script says what becomes of what it should have
// seen, where it could not.
const failGlobal = "fail"

// ParseFail reads what a script or a plugin may say of itself: drop or close.
func ParseFail(name string) (ErrorPolicy, error) {
	for _, p := range []ErrorPolicy{Drop, Close} {
		if name == p.String() {
			return p, nil
		}
	}
	return Pass, fmt.Errorf("fail is %q; want drop or close", name)
}

// stated returns the policy that the code of a state has set; Pass for none.
func (st *state) stated() (ErrorPolicy, error) {
	switch v := st.L.G.Global.RawGetString(failGlobal).(type) {
	case lua.LString:
		return ParseFail(string(v))
	case *lua.LFunction:
		return Pass, nil // which is called so
	default:
		if lua.LVAsBool(v) { // who writes that means to guard something
			return Pass, fmt.Errorf(`fail is %s; want "drop" or "close"`, describe(v))
		}
	}
	return Pass, nil
}

// misplaced returns an error where what has the name of a hook is no function: it would not be called, and what the script
// keeps back would pass. false is none, as nil is.
func (st *state) misplaced() error {
	for _, name := range Events {
		v := st.L.G.Global.RawGetString(name)
		if _, ok := v.(*lua.LFunction); !ok && lua.LVAsBool(v) {
			return fmt.Errorf("%s is %s; want a function", name, describe(v))
		}
	}
	return nil
}

// Guards reports whether one of the scripts keeps back what it could not see.
func (set Set) Guards() bool {
	return slices.ContainsFunc(set, func(s *Script) bool { return s.policy() != Pass })
}

// policy is what becomes of a message that the script should have seen and could not:
// the safest of what the user, the manifest and the script itself say.
func (s *Script) policy() ErrorPolicy {
	return max(s.o.OnError, s.o.Fail, ErrorPolicy(s.fail.Load()))
}

// guards reports whether an event is one without which something would pass that the
// script keeps back.
func (e event) guards() bool {
	return e == onMessage || e == onSend || e == onLine || e == onHandshake
}
