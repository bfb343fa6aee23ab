package plugins

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/check"
	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/scripts/scripttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestShipped runs the tests of each plugin that is built in, and looks at its page.
func TestShipped(t *testing.T) {
	list, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range list {
		names[p.Name] = true
		t.Run(p.Name, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join(p.Name, "plugin_test.lua"))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir()) // for what they write
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tests, err := check.Script(source, path, &check.Known{})
			if err != nil || len(tests.Tests) == 0 {
				t.Fatalf("%d tests, %v", len(tests.Tests), err)
			}
			library, err := p.Defaults()
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests.Tests {
				t.Run(test.Name, func(t *testing.T) {
					if err := scripttest.Test(t.Context(), path, test.Name, scripts.Options{Library: library, Permissions: permit.All}); err != nil {
						t.Error(err)
					}
				})
			}
			readme := p.Readme()
			for _, o := range p.Options {
				if !strings.Contains(readme, "| `"+o.Name+"` |") {
					t.Errorf("README.md does not have the option %s", o.Name)
				}
			}
			for _, c := range p.Commands {
				if !strings.Contains(readme, c.Name) {
					t.Errorf("README.md does not have the command %s", c.Name)
				}
			}
		})
	}
	for _, want := range []string{"socketio", "heartbeat", "redact", "ratelimit", "jsonlog", "sensors", "dedup"} {
		if !names[want] {
			t.Errorf("%s is not built in", want)
		}
	}
}

func TestManifest(t *testing.T) {
	m, err := ParseManifest([]byte(`
local function run() error("is not called") end
plugin = {
  name = "hello", version = "1.2.3", summary = "greets",
  connect = run,
  options = {
    { name = "word", type = "string", default = "a, b", help = "what" },
    { name = "n", type = "int", default = -3 },
    { name = "on", type = "bool", default = true },
    { name = "list", type = "list", default = { "a,b", "c" } },
    { name = "kind", type = "enum", values = { "x", "y" }, default = "y" },
    { name = "must", type = "duration", required = true },
  },
  commands = { ["b-2"] = { summary = "two", run = run }, b1 = { summary = "one", usage = "URL", run = function(args) end } },
}
error("is not run either")`), "hello/plugin.lua")
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Name: "hello", Version: "1.2.3", Summary: "greets", Connect: true,
		Options: []Option{
			{Name: "word", Type: "string", Default: "a, b", HasDefault: true, Help: "what"},
			{Name: "n", Type: "int", Default: "-3", HasDefault: true},
			{Name: "on", Type: "bool", Default: "true", HasDefault: true},
			{Name: "list", Type: "list", Default: `a\,b,c`, HasDefault: true},
			{Name: "kind", Type: "enum", Default: "y", HasDefault: true, Values: []string{"x", "y"}},
			{Name: "must", Type: "duration", Required: true},
		},
		Commands: []Command{{Name: "b-2", Summary: "two"}, {Name: "b1", Usage: "URL", Summary: "one"}},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
}

func TestManifestRefused(t *testing.T) {
	const head = `name = "a", version = "1", summary = "s"`
	for source, want := range map[string]string{
		"x = 1":             "no manifest",
		"plugin = f()":      "no table",
		"plugin = {" + head: "plugin.lua:1: ",
		"plugin = {" + head + "} plugin = {" + head + "}":                                                     "two manifests",
		`plugin = {name = "a"}`:                                                                               "a version and a summary",
		`plugin = {name = "../a", version = "1", summary = "s"}`:                                              "no name of a plugin",
		`plugin = {name = "A", version = "1", summary = "s"}`:                                                 "no name of a plugin",
		`plugin = {name = "a" .. "b", version = "1", summary = "s"}`:                                          "written out",
		`plugin = {name = "a", version = "1", summary = "\27[31m"}`:                                           "no line of text",
		"plugin = {" + head + ", sumary = 1}":                                                                 `no field "sumary"`,
		"plugin = {" + head + ", name = \"b\"}":                                                               "there twice",
		"plugin = {" + head + ", options = {x = 1}}":                                                          "want a list",
		"plugin = {" + head + ", options = {{name = \"x\"}}}":                                                 `type "": want string`,
		"plugin = {" + head + ", options = {{name = \"x\", type = \"int\", default = \"y\"}}}":                "no whole number",
		"plugin = {" + head + ", options = {{name = \"X\", type = \"int\"}}}":                                 "no name of an option",
		"plugin = {" + head + ", options = {{name = \"x\", type = \"enum\"}}}":                                "values",
		"plugin = {" + head + ", options = {{name = \"x\", type = \"int\", default = f()}}}":                  "want a constant",
		"plugin = {" + head + ", options = {{name = \"x\", type = \"int\", default = 1, required = true}}}":   "required and has a default",
		"plugin = {" + head + ", options = {{name = \"x\", type = \"int\"}, {name = \"x\", type = \"int\"}}}": "there twice",
		"plugin = {" + head + ", commands = {x = {summary = \"s\"}}}":                                         "a function run",
		"plugin = {" + head + ", commands = {[\"x y\"] = {summary = \"s\", run = f}}}":                        "no name",
		"plugin = {" + head + ", connect = 1}":                                                                "want a function",
		"plugin = {" + head + ", permissions = {net = \"a:1\"}}":                                              "want a list, as in",
		"plugin = {" + head + ", permissions = {\"nett\"}}":                                                   "there is no permission",
	} {
		m, err := ParseManifest([]byte(source), "a/plugin.lua")
		if err == nil || !strings.Contains(err.Error(), want) || m != nil {
			t.Errorf("%s: %v, %v, want an error with %q", source, m, err, want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	list, err := builtin()
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range list {
		f.Add(string(p.source))
	}
	f.Add(`plugin = { name = "a", version = "1", summary = "s", options = {{ name = "x", type = "list", default = {"a"} }} }`)
	f.Fuzz(func(t *testing.T, source string) {
		m, err := ParseManifest([]byte(source), "x/plugin.lua")
		if (m == nil) == (err == nil) {
			t.Fatal(m, err)
		}
		if m == nil {
			return
		}
		if err := CheckName(m.Name); err != nil {
			t.Error(err)
		}
		for _, o := range m.Options {
			if _, err := o.parse(o.Default); o.HasDefault && err != nil {
				t.Errorf("option %+v: %v", o, err)
			}
		}
	})
}

func TestParseUse(t *testing.T) {
	for text, want := range map[string]struct {
		name     string
		settings map[string]string
	}{
		"a":                      {"a", map[string]string{}},
		"./dir/a":                {"./dir/a", map[string]string{}},
		"a,x=1,y=two words":      {"a", map[string]string{"x": "1", "y": "two words"}},
		"a,x=1,2,3,y=b=c":        {"a", map[string]string{"x": "1,2,3", "y": "b=c"}},
		`a,x=1\,y=2,z=`:          {"a", map[string]string{"x": `1\,y=2`, "z": ""}},
		"a,x=p,http://h/?q=1,2":  {"a", map[string]string{"x": "p,http://h/?q=1,2"}},
		`a,pattern=\d{2\,3},n=1`: {"a", map[string]string{"pattern": `\d{2\,3}`, "n": "1"}},
	} {
		name, settings, err := ParseUse(text)
		if err != nil || name != want.name || !reflect.DeepEqual(settings, want.settings) {
			t.Errorf("%s: %q %q %v", text, name, settings, err)
		}
	}
	for _, text := range []string{"", ",x=1", "a,x", "a,X=1", "a,x=1,x=2", "a,"} {
		if name, settings, err := ParseUse(text); err == nil {
			t.Errorf("%s: %q %q, want an error", text, name, settings)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		o    Option
		text string
		want any // nil: an error
	}{
		{Option{Type: "string"}, `a\,b`, "a,b"},
		{Option{Type: "int"}, "-12", -12.0},
		{Option{Type: "int"}, "1.5", nil},
		{Option{Type: "int"}, "9007199254740993", nil},
		{Option{Type: "float"}, "1.5", 1.5},
		{Option{Type: "float"}, "NaN", nil},
		{Option{Type: "bool"}, "yes", true},
		{Option{Type: "bool"}, "0", false},
		{Option{Type: "bool"}, "maybe", nil},
		{Option{Type: "duration"}, "1m30s", 90.0},
		{Option{Type: "duration"}, "0", 0.0},
		{Option{Type: "duration"}, "5", nil},
		{Option{Type: "duration"}, "-1s", nil},
		{Option{Type: "size"}, "64KiB", 65536.0},
		{Option{Type: "size"}, "1MB", 1e6},
		{Option{Type: "size"}, "9999999GiB", nil},
		{Option{Type: "list"}, `a,b\,c,`, []string{"a", "b,c", ""}},
		{Option{Type: "list"}, "", []string{}},
		{Option{Type: "enum", Values: []string{"x", "y"}}, "y", "y"},
		{Option{Type: "enum", Values: []string{"x", "y"}}, "z", nil},
	} {
		got, err := test.o.parse(test.text)
		if (err != nil) != (test.want == nil) || err == nil && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %q: %v, %v, want %v", test.o.Type, test.text, got, err, test.want)
		}
	}
	m := &Manifest{Name: "a", Options: []Option{{Name: "x", Type: "int", Required: true}, {Name: "y", Type: "list"}}}
	if _, err := m.check(nil); err == nil || !strings.Contains(err.Error(), "must be set") {
		t.Error(err)
	}
	if _, err := m.check(map[string]string{"x": "1", "z": "2"}); err == nil || !strings.Contains(err.Error(), `no option "z"; there are x, y`) {
		t.Error(err)
	}
	if v, err := m.check(map[string]string{"x": "1"}); err != nil || !reflect.DeepEqual(v, values{"x": 1.0, "y": []string{}}) {
		t.Error(v, err)
	}
}
