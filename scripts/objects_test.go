package scripts

import (
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestObjects holds the methods of all objects, none of which may reach anything but what is open already. Who adds one that does has to
// ask st.permit, and to add it to walkedCalls of TestPermissions.
func TestObjects(t *testing.T) {
	s, err := Eval("test.lua", "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer Set{s}.Stop(t.Context(), "done")
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.cur
	for of, want := range map[*lua.LTable]string{
		st.connMT:     "close join leave receive request send stats",
		st.handleMT(): "cancel skipped",
		st.taskMT():   "cancel status",
		st.queueMT():  "close get len put",
		st.streamMT(): "close read read_line write",
		st.listenMT(): "accept close",
	} {
		var names []string
		of.RawGetString("methods").(*lua.LTable).ForEach(func(k, _ lua.LValue) { names = append(names, k.String()) })
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("the methods %s, want %s", got, want)
		}
	}
}
