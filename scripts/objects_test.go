package scripts

import (
	"regexp"
	"slices"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/meta"
)

// Objects have the methods that the annotations say, which TestPermissions of cmd/ws76 wants to see on live objects.
func TestMethods(t *testing.T) {
	r := newRig(t, ``, Options{})
	r.script.mu.Lock()
	defer r.script.mu.Unlock()
	var live, said []string
	for kind := range numObjects {
		methods := r.script.cur.metatable(kind).RawGetString("methods").(*lua.LTable)
		methods.ForEach(func(k, _ lua.LValue) { live = append(live, objectKinds[kind].name+":"+k.String()) })
	}
	for _, m := range regexp.MustCompile(`(?m)^function ([A-Z]\w+:\w+)`).FindAllStringSubmatch(meta.Source, -1) {
		if m[1][:4] != "Test" { // of ws76.test
			said = append(said, m[1])
		}
	}
	slices.Sort(live)
	slices.Sort(said)
	if !slices.Equal(live, said) {
		t.Errorf("objects have %v, and the annotations %v", live, said)
	}
}
