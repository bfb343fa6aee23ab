package scripts

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/check"
)

// failGlobal is the global by which a script says what becomes of what it should have seen, where it could not.
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

// judge returns what is wrong with the globals that have been set: by the main chunk, or by on_start where main is nil. What
// looks like a hook and is none is an error where the script guards something, and said otherwise.
func (st *state) judge(main *lua.FunctionProto) error {
	s := st.script
	stated, err := st.stated()
	if err = cmp.Or(err, st.misplaced()); err != nil {
		return err
	}
	stated = max(stated, s.o.Fail)
	wrong := st.misnamed(main)
	if len(wrong) > 0 && max(stated, s.o.OnError) != Pass {
		return errors.New(strings.Join(wrong, "; "))
	}
	for _, text := range wrong {
		if !slices.Contains(st.told, text) {
			st.told = append(st.told, text)
			s.o.log(slog.LevelWarn, "%s: %s", s.name, text)
		}
	}
	if stated != Pass && !s.task && len(st.tasks) == 0 && !slices.ContainsFunc(Events, func(name string) bool {
		return lua.LVAsBool(st.L.G.Global.RawGetString(name))
	}) {
		return fmt.Errorf("it states fail and has no hook, so it would keep back nothing; want a global function such as %s", onMessage)
	}
	return nil
}

// misnamed lists what looks like a hook or like fail and is none: globals of other names, fields of tables, locals of the main
// chunk, which may be nil.
func (st *state) misnamed(main *lua.FunctionProto) []string {
	globals := st.L.G.Global
	list := misnamedIn(nil, "", globals)
	list = misnamedIn(list, "ws76.", st.module)
	list = misnamedIn(list, "plugin.", globals.RawGetString("plugin"))
	if main != nil {
		for _, l := range main.DbgLocals {
			if slices.Contains(Events, l.Name) && globals.RawGetString(l.Name) == lua.LNil {
				list = append(list, check.LocalHook(l.Name))
			}
			if l.Name == failGlobal && globals.RawGetString(failGlobal) == lua.LNil && slices.ContainsFunc(main.Constants, isPolicy) {
				list = append(list, check.LocalFail)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func isPolicy(v lua.LValue) bool {
	text, ok := v.(lua.LString)
	return ok && slices.Contains(check.Policies, string(text))
}

// misnamedIn appends those of a table; the globals' prefix is empty.
func misnamedIn(list []string, prefix string, table lua.LValue) []string {
	if t, ok := table.(*lua.LTable); ok {
		t.ForEach(func(key, v lua.LValue) {
			name, _ := key.(lua.LString)
			if value, ok := v.(lua.LString); ok {
				if text, ok := check.NoFail(prefix, string(name), string(value)); ok {
					list = append(list, text)
				}
			}
			if _, ok := v.(*lua.LFunction); !ok || prefix == "" && slices.Contains(Events, string(name)) {
				return
			}
			if hook, ok := check.HookLike(string(name), Events); ok {
				list = append(list, check.NoHook(prefix+string(name), hook))
			}
		})
	}
	return list
}

// policy is what becomes of a message that the script should have seen and could not:
// the safest of what the user, the manifest and the script itself say.
func (s *Script) policy() ErrorPolicy {
	return max(s.o.OnError, s.o.Fail, ErrorPolicy(s.fail.Load()))
}

// guarding is what a version keeps back: by which hooks, as bits, and what becomes of what they fail at.
type guarding struct {
	policy ErrorPolicy
	hooks  uint32
}

// tellUnguarded says what the version before has guarded and the current one does not: who takes the line away, or the hook,
// may not have meant to. The caller has the lock.
func (s *Script) tellUnguarded() {
	now := guarding{policy: s.policy()}
	for e, fn := range s.cur.hooks {
		if fn != nil {
			now.hooks |= event(e).bit() & guarded
		}
	}
	was := s.guarding
	s.guarding = now
	if was.policy == Pass {
		return
	}
	if now.policy == Pass {
		with := "no hook"
		if was.hooks != 0 {
			with = listed(was.hooks)
		}
		s.o.log(slog.LevelWarn, "%s: the version before guarded, with fail = %q and %s; this one does not: what it fails at passes", s.name, was.policy, with)
	}
	if lost := was.hooks &^ now.hooks; lost != 0 {
		s.o.log(slog.LevelWarn, "%s: the version before guarded with %s, which this one does not have: what only that kept back passes", s.name, listed(lost))
	}
}

// listed is a list of events that are given as bits.
func listed(events uint32) string {
	var list []string
	for e, name := range Events {
		if events&event(e).bit() != 0 {
			list = append(list, name)
		}
	}
	return strings.Join(list, " and ")
}

// guarded are the events without which something would pass that the script keeps back.
const guarded = 1<<onMessage | 1<<onSend | 1<<onLine | 1<<onHandshake

func (e event) guards() bool { return guarded&e.bit() != 0 }
