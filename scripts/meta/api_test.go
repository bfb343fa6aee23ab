package meta

import (
	"strings"
	"testing"
)

func TestTypes(t *testing.T) {
	types := Types()
	for _, want := range []struct{ what, got, want string }{
		{"a field", types.Classes["ws76.Conn"]["remote"], "string"},
		{"an optional field", types.Classes["ws76.Conn"]["peer"], "ws76.Conn"},
		{"a method", types.Classes["ws76.Conn"]["stats"], "ws76.Stats"},
		{"a class of another", types.Classes["ws76.Ended"]["error"], "string"},
		{"a function", types.Results["ws76.connect"], "ws76.Conn"},
		{"a function in a table", types.Results["ws76.json.encode"], "string"},
		{"a hook", types.Params["on_message"][0], "ws76.Conn"},
		{"a function that is given", types.Params["ws76.listen"][0], "ws76.Conn"},
		{"options of a function", strings.Join(types.Options["ws76.connect"][1], " "), "via dialect protocol headers timeout"},
		{"options of a method", strings.Join(types.Options["ws76.Conn.request"][1], " "), "timeout match"},
		{"options beside a string", strings.Join(types.Options["ws76.http"][0], " "), "url method headers body timeout"},
		{"what a function is given", strings.Join(types.Options["ws76.watch"][1], " "), ""},
	} {
		if want.got != want.want {
			t.Errorf("%s: %q, want %q", want.what, want.got, want.want)
		}
	}
	if _, ok := types.Classes["ws76.Conn"]["send"]; !ok {
		t.Error("ws76.Conn has no send")
	}
	if len(types.Params["ws76.watch"]) != 0 {
		t.Errorf("ws76.watch gives its function %q, want a table of no class", types.Params["ws76.watch"])
	}
}
