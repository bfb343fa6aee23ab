package scripts

import (
	"fmt"
	"log/slog"

	"github.com/ws76/ws76/scripts/luastring"
)

// What becomes of a script whose call does not end.

// abandoned takes the place of a call that does not end. It has the lock, which
// the call has lost. Nothing is built anew before that call has ended.
func (s *Script) abandoned(st *state) {
	defer s.mu.Unlock()
	st.given.Store(true)
	if s.cur != st { // it was being built; whoever builds it will hear of it
		return
	}
	late := fmt.Sprintf("a call did not stop within %d times its limit of %v%s", patienceFactor, s.o.Limits.Timeout, luastring.RaisedBy(s.o.Limits.Names.Timeout))
	if s.task { // what it has done is not done again
		s.finish(&Error{Script: s.name, In: "the program", Text: s.name + ": " + late})
	} else {
		s.o.log(slog.LevelError, "%s: %s; when it has ended, the script is loaded anew, without what it knew", s.name, late)
		s.reloads.failed = true
	}
	s.without()
	s.stuck = st
	s.down.Store(true)
	st.release()
}

// returned sees to what is left to do when a call that was abandoned has ended.
func (s *Script) returned(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck != st {
		return
	}
	s.stuck = nil
	if s.stopped || s.toldStop || s.task {
		return
	}
	s.running.Go(func() {
		s.mu.Lock()
		if s.stopped || s.cur != nil {
			s.mu.Unlock()
			return
		}
		s.renew()
	})
}

// renew builds the script anew where it has no state. It gives the lock back.
func (s *Script) renew() {
	s.down.Store(true)
	fresh, err := s.build(nil)
	if err != nil {
		s.complain("%s: it cannot be loaded anew and is off: %v", err)
		if err != errAbandoned {
			s.mu.Unlock()
		}
		return
	}
	s.install(fresh)
	s.recovered("loaded anew")
	if s.started {
		s.restart()
	}
	s.leaveFrom(fresh)
}
