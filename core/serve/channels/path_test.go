package channels

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/ws76/ws76/core/hub"
)

func TestParsePath(t *testing.T) {
	for _, tc := range []struct {
		resource string
		want     Path
	}{
		{"/ws/lab/rw", Path{"lab", ReadWrite, false}},
		{"/ws/lab/ro", Path{"lab", ReadOnly, false}},
		{"/ws/lab/wo?echo=1", Path{"lab", WriteOnly, true}},
		{"/ws/lab/rw?x=y&echo", Path{"lab", ReadWrite, true}},
		{"/ws/lab/rw?echo=0", Path{"lab", ReadWrite, false}},
		{"/ws/lab/rw?", Path{"lab", ReadWrite, false}},
		{"/ws/K%C3%BCche/rw", Path{"Küche", ReadWrite, false}},
		{"/ws/Küche/rw", Path{"Küche", ReadWrite, false}},
		{"/ws/rw/rw", Path{"rw", ReadWrite, false}},
		{"/ws/a+b/rw", Path{"a+b", ReadWrite, false}},
	} {
		if got, ok, err := ParsePath(tc.resource); got != tc.want || !ok || err != nil {
			t.Errorf("%s: %+v, %v, %v", tc.resource, got, ok, err)
		}
	}
	for _, resource := range []string{"/", "", "/echo", "/wsx", "/WS/lab/rw", "ws/lab/rw", "http://h/ws/lab/rw"} {
		if _, ok, err := ParsePath(resource); ok || err != nil {
			t.Errorf("%s: %v, %v", resource, ok, err)
		}
	}
	for _, tc := range []struct{ resource, want string }{
		{"/ws", "want /ws/CHANNEL/rw"}, {"/ws/", "want /ws/CHANNEL"}, {"/ws/lab", "want"}, {"/ws/lab/", "want"}, {"/ws/lab/rx", "want"},
		{"/ws/lab/rw/", "want"}, {"/ws/a/b/rw", "want"}, {"/ws//rw", "it is empty"}, {"/ws/a%2Fb/rw", `'/' at byte 1`},
		{"/ws/%2e%2e/rw", "that is a folder"}, {"/ws/%zz/rw", "%zz"}, {"/ws/%FF/rw", "not UTF-8"}, {"/ws/a%00/rw", `'\x00' at byte 1`},
		{"/ws/" + strings.Repeat("x", 9999) + "/rw", "at most 128"},
	} {
		_, ok, err := ParsePath(tc.resource)
		var pe *PathError
		if !ok || !errors.As(err, &pe) || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 1000 {
			t.Errorf("%.40s: %v, %v", tc.resource, ok, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/ws/lab/rw?echo=1", "/ws/K%C3%BCche/ro", "/ws/%2e/wo", "/ws//", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, resource string) {
		p, ok, err := ParsePath(resource)
		if !ok || err != nil {
			if p != (Path{}) {
				t.Errorf("%q: %+v with %v", resource, p, err)
			}
			return
		}
		if err := hub.CheckName(p.Channel); err != nil {
			t.Error(err)
		}
		// What was understood can be written so that it is understood again.
		again := Prefix + url.PathEscape(p.Channel) + "/" + string(p.Mode)
		if p.Echo {
			again += "?echo=1"
		}
		if p2, _, err := ParsePath(again); p2 != p || err != nil {
			t.Errorf("%q: %+v; %q: %+v, %v", resource, p, again, p2, err)
		}
	})
}
