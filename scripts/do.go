package scripts

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Do runs the global function name as a task and returns when it has ended, with an *Error where it failed.
func (s *Script) Do(ctx context.Context, name string) error {
	return s.DoFunc(ctx, name, func(L *lua.LState) (*lua.LFunction, []lua.LValue) {
		fn, _ := L.G.Global.RawGetString(name).(*lua.LFunction)
		return fn, nil
	}, nil)
}

// DoFunc is Do for a function that find returns, with its arguments; nil is an error that there is no function name.
// results, which may be nil, gets what it has returned. Both are called in the script's turn.
func (s *Script) DoFunc(ctx context.Context, name string, find func(L *lua.LState) (*lua.LFunction, []lua.LValue), results func([]lua.LValue)) error {
	st := s.enter()
	if st == nil {
		return fmt.Errorf("%s: the script does not run", s.name)
	}
	fn, args := find(st.L)
	if fn == nil {
		s.leave()
		return fmt.Errorf("%s: there is no function %s", s.name, name)
	}
	ended := make(chan error, 1)
	t := st.newTask(name, fn, args)
	t.watched = true
	t.done = func(err *Error) {
		if err != nil {
			ended <- err
			return
		}
		if results != nil {
			results(t.results)
		}
		ended <- nil
	}
	s.leave()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
