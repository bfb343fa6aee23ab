package bridge_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ws76/ws76/core/bridge"
)

func TestTemplate(t *testing.T) {
	v := &bridge.Values{Path: "/dev/7", Query: "id=a%20b&n=2&n=3&up=..&s=x/y", Origin: "http://page.test", Remote: "192.0.2.7", Channel: "lab/é"}
	for _, c := range []struct{ template, want, fails string }{
		{template: "ws://h/x", want: "ws://h/x"},
		{template: "ws://h{path}?{query}", want: "ws://h/dev/7?id=a%20b&n=2&n=3&up=..&s=x/y"},
		{template: "ws://h:1/a{path}/b", want: "ws://h:1/a/dev/7/b"},
		{template: "ws://h/{query.id}?from={remote}&o={origin}", want: "ws://h/a%20b?from=192.0.2.7&o=http%3A%2F%2Fpage.test"},
		{template: "ws://h/?p={path}", want: "ws://h/?p=%2Fdev%2F7"},
		{template: "mqtt://h/dev/{channel}", want: "mqtt://h/dev/lab%2F%C3%A9"},
		{template: "ws://h/{query.s}", want: "ws://h/x%2Fy"},
		{template: "ws://h/{query.up}", fails: `segment ".."`},
		{template: "ws://h/{query.n}", fails: "2 times"},
		{template: "ws://h/{query.none}", fails: `no "none"`},
		{template: "ws://h?{query.up}", want: "ws://h?.."},
		{template: "ws://{path}/", fails: "has no host"},
		{template: "ws://h{query.id}/", fails: "only {path}"},
		{template: "{path}://h/", fails: "path and the query only"},
		{template: "ws://u{path}@h/", want: "ws://u/dev/7@h/"},
		{template: "ws://h/{nothing}", fails: "no name {nothing}"},
		{template: "ws://h/{query.}", fails: "no name"},
		{template: "ws://h/{path", fails: "without its counterpart"},
		{template: "ws://h/path}", fails: "without its counterpart"},
	} {
		got, err := expand(c.template, v, "")
		switch {
		case c.fails == "" && (err != nil || got != c.want):
			t.Errorf("%s: got %q, %v; want %q", c.template, got, err, c.want)
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%s: got %q, %v; want an error with %q", c.template, got, err, c.fails)
		}
	}
}

func expand(template string, v *bridge.Values, refused string) (string, error) {
	t, err := bridge.ParseTemplate(template)
	if err != nil {
		return "", err
	}
	return t.Expand(v, refused)
}

// A path that is no path, or climbs, leads nowhere.
func TestTemplateRefuses(t *testing.T) {
	for _, path := range []string{
		"@evil.test/", "evil", "", "/..", "/a/../b", "/%2e%2e/b", "/a/.%2E", "/a%2f..%2fb", "/a%5C..%5Cb", "/.", "/a\\..", "/%00", "/a%0Ab", "*",
	} {
		if got, err := expand("ws://h{path}", &bridge.Values{Path: path}, ""); err == nil {
			t.Errorf("path %q became %q", path, got)
		}
	}
	for _, value := range []string{"a+b", "a%2Bb", "#", "*"} {
		v := &bridge.Values{Query: "x=" + value, Channel: "c"}
		if got, err := expand("mqtt://h/{query.x}", v, "+#* "); err == nil {
			t.Errorf("%q became the topic %q", value, got)
		}
	}
}

// An empty query leaves no question mark behind.
func TestTemplateEmptyQuery(t *testing.T) {
	if got, err := expand("ws://h{path}?{query}", &bridge.Values{Path: "/x"}, ""); got != "ws://h/x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// Whatever a client asks for, the host stays, and the path below what is written.
func FuzzTemplate(f *testing.F) {
	f.Add("/a/b", "x=1", "http://o", "lab")
	f.Add("/..", "x=..", "", "")
	f.Add("//evil.test/", "x=//evil.test", "@", "a/b")
	f.Add("/%2e%2E/", "x=%2F..", "\r\nX: y", "..")
	templates := []string{"ws://host:81{path}?{query}", "ws://host:81/base/{query.x}/end", "ws://host:81/c/{channel}?o={origin}&q={query.x}"}
	f.Fuzz(func(t *testing.T, path, query, origin, channel string) {
		v := &bridge.Values{Path: path, Query: query, Origin: origin, Remote: "192.0.2.1", Channel: channel}
		for i, template := range templates {
			got, err := expand(template, v, "")
			if err != nil {
				continue
			}
			u, err := url.Parse(got)
			if err != nil {
				t.Fatalf("%q cannot be parsed: %v", got, err)
			}
			if u.Scheme != "ws" || u.Host != "host:81" || u.User != nil || u.Fragment != "" {
				t.Errorf("%q leads elsewhere: %#v", got, u)
			}
			if base := []string{"/", "/base/", "/c/"}[i]; !strings.HasPrefix(u.EscapedPath(), base) {
				t.Errorf("%q is not below %s", got, base)
			}
			for segment := range strings.SplitSeq(u.Path, "/") {
				if segment == ".." || segment == "." {
					t.Errorf("%q climbs", got)
				}
			}
			for j := range len(got) {
				if got[j] <= ' ' || got[j] >= 0x7F {
					t.Errorf("%q has the byte %#x", got, got[j])
				}
			}
		}
	})
}
