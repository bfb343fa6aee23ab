package main

//go:generate go test -count=1 -run ^TestGenerated$ -update .

import (
	"bytes"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/completion"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/docgen"
	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/transports/all"
)

var update = flag.Bool("update", false, "write completions and man pages instead of comparing them")

const (
	completionsDir = "../../completions"
	manDir         = "../../man"
)

// documentedApp returns the command tree, which is not to be run.
func documentedApp() *cli.App {
	return newApp(&reach.Env{Env: &app.Env{Stdout: io.Discard, Stderr: io.Discard, Getenv: os.Getenv, Log: app.NewLogger(io.Discard)}})
}

// checkedWords are the words of flags and arguments that check them themselves.
func checkedWords() map[string][]string {
	var allow []string
	for _, kind := range permit.Kinds {
		allow = append(allow, string(kind))
	}
	return map[string][]string{"--allow": allow, "SHELL": completion.ShellNames()}
}

// asked are the flags and arguments whose values completion asks ws76 for, with
// their kinds; see listWords.
var asked = map[string]string{
	"--via":                   "via",
	"--from-via":              "via",
	"--to-via":                "via",
	"--port":                  "port",
	"--plugin":                "plugin",
	"ws76 plugin info NAME":   "plugin",
	"ws76 plugin remove NAME": "plugin-installed",
	"ws76 COMMAND":            "plugin-command",
	"URL":                     "url",
	"FROM":                    "endpoint",
	"TO":                      "endpoint",
}

// generated returns every generated file by its path, and the commands whose
// options the man pages have.
func generated(t *testing.T) (files map[string][]byte, described []string) {
	t.Helper()
	root := docgen.Tree(documentedApp(), docgen.Values{Words: checkedWords(), Sources: asked})
	files = map[string][]byte{
		filepath.Join(completionsDir, "ws76.bash"): docgen.Bash(root),
		filepath.Join(completionsDir, "_ws76"):     docgen.Zsh(root),
		filepath.Join(completionsDir, "ws76.fish"): docgen.Fish(root),
		filepath.Join(completionsDir, "ws76.ps1"):  docgen.PowerShell(root),
	}
	var transports []docgen.Term
	for _, e := range all.Transports().Entries() {
		transports = append(transports, docgen.Term{Name: e.Example, Text: e.Summary})
	}
	sources, err := filepath.Glob(filepath.Join(manDir, "src", "*.in"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of man pages: %v", err)
	}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		page, paths, err := docgen.Man(text, root, transports)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		files[filepath.Join(manDir, strings.TrimSuffix(filepath.Base(source), ".in"))] = page
		described = append(described, paths...)
	}
	return files, described
}

// TestGenerated fails when completions or man pages are not what the command tree
// and man/src make of them, or when one is there that should not be.
func TestGenerated(t *testing.T) {
	files, _ := generated(t)
	if *update {
		for path, want := range files {
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, want := range files {
		if got, err := os.ReadFile(path); err != nil {
			t.Errorf("%v; go generate ./... makes it", err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: go generate ./... makes it new", path)
		}
	}
	for _, pattern := range []string{completionsDir + "/*", manDir + "/*.[0-9]"} {
		have, _ := filepath.Glob(pattern)
		for _, path := range have {
			if _, ok := files[path]; !ok && filepath.Ext(path) != ".go" {
				t.Errorf("%s is not generated: its source or command is gone", path)
			}
		}
	}
}

// walk calls f for every command below the root with its path, "frame encode".
func walk(commands []*cli.Command, parent string, f func(path string, c *cli.Command)) {
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		path := strings.TrimSpace(parent + " " + c.Name)
		f(path, c)
		walk(c.Subcommands, path, f)
	}
}

// TestManIsComplete fails when a command has no page, no list of options, is not
// named by ws76(1), or has an exit code that its page does not explain.
func TestManIsComplete(t *testing.T) {
	files, described := generated(t)
	page := func(name string) string { return string(files[filepath.Join(manDir, name+".1")]) }
	codes := func(text string) (codes []int) {
		for _, m := range regexp.MustCompile(`(?m)^\.It (\d+)$`).FindAllStringSubmatch(text, -1) {
			code, _ := strconv.Atoi(m[1])
			codes = append(codes, code)
		}
		return codes
	}
	if want := slices.Sorted(maps.Keys(app.ExitMeaning)); !slices.Equal(codes(page("ws76")), want) {
		t.Errorf("ws76(1) has the exit codes %v, want %v", codes(page("ws76")), want)
	}
	if !slices.Contains(described, "ws76") {
		t.Error("no page has the options of ws76 itself")
	}
	walk(documentedApp().Commands, "", func(path string, c *cli.Command) {
		if n := count(described, "ws76 "+path); n != 1 {
			t.Errorf("the options of %q are in %d man pages, want 1", path, n)
		}
		_, exits, ok := strings.Cut(c.CustomHelpTemplate, "EXIT CODES:")
		if !ok {
			t.Errorf("%s: no exit codes in its help", path)
		}
		top, _, sub := strings.Cut(path, " ")
		text := page("ws76-" + top)
		var want []int
		for _, m := range regexp.MustCompile(`(?m)^ +(\d+) `).FindAllStringSubmatch(exits, -1) {
			code, _ := strconv.Atoi(m[1])
			want = append(want, code)
		}
		if got := codes(text); !slices.Equal(got, want) {
			t.Errorf("%s: its man page has the exit codes %v, its help %v", path, got, want)
		}
		for _, f := range c.Flags {
			if name := strings.ReplaceAll(f.Names()[0], "-", `\-`); !strings.Contains(text, `Fl \-`+name) {
				t.Errorf("%s: --%s is not in its man page", path, f.Names()[0])
			}
		}
		if !sub && !strings.Contains(page("ws76"), ".It Xr ws76\\-"+top+" 1\n") {
			t.Errorf("ws76(1) does not name %s", top)
		}
	})
}

func count(list []string, s string) (n int) {
	for _, v := range list {
		if v == s {
			n++
		}
	}
	return n
}

// Every flag that takes one of a few words refuses another, from the command line, the environment and the configuration, and names
// exactly those that completion offers.
func TestWords(t *testing.T) {
	tried := 0
	dir := t.TempDir()
	walk(documentedApp().Commands, "", func(path string, c *cli.Command) {
		for _, f := range c.Flags {
			words := wordsOf(f)
			if words == nil || len(c.Subcommands) > 0 {
				continue
			}
			tried++
			name := f.Names()[0]
			args := append([]string{"ws76"}, strings.Fields(path)...)
			want := name + ` "nonsense": want one of ` + strings.Join(words, ", ")
			if code, said := runQuietly(t, append(args, "--"+name, "nonsense"), nil); code != app.ExitUsage || !strings.Contains(said, "--"+want) {
				t.Errorf("%s: %d, %q", path, code, said)
			}
			variable := "WS76_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			if code, said := runQuietly(t, args, map[string]string{variable: "nonsense"}); code != app.ExitUsage || !strings.Contains(said, words[0]) {
				t.Errorf("%s with %s: %d, %q", path, variable, code, said)
			}
			file := filepath.Join(dir, strings.ReplaceAll(path, " ", "-")+name+".toml")
			if err := os.WriteFile(file, []byte(name+" = \"nonsense\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, said := runQuietly(t, append(args, "--config", file), nil); code != app.ExitConfig || !strings.Contains(said, words[0]) {
				t.Errorf("%s with a configuration: %d, %q", path, code, said)
			}
		}
	})
	if tried < 60 {
		t.Errorf("tried only %d", tried)
	}
}

// wordsOf returns what completion offers for a flag that takes one of a few words, nil for others.
func wordsOf(f cli.Flag) []string {
	if g, ok := f.(*cli.GenericFlag); ok {
		if w, ok := g.Value.(interface{ Words() []string }); ok {
			return w.Words()
		}
	}
	return nil
}

// TestDocumentedFlags finds commands in documents and examples: each must exist,
// and so must its flags.
func TestDocumentedFlags(t *testing.T) {
	tree := documentedApp()
	var files []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/devices/*.md", "../../man/src/*.in", "../../scripts/examples/*", "../../plugins/*.md", "../../interop/*.md"} {
		have, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, have...)
	}
	command := regexp.MustCompile(`(?:^|[\s$(|` + "`" + `])ws76((?: +[^|;&<>()` + "`" + `\s]+)+)`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("\\-", "-", "\\e\n", " ", "\\\n", " ").Replace(string(text))
		for _, m := range command.FindAllStringSubmatch(plain, -1) {
			words := strings.Fields(m[1])
			flags, commands, path := tree.Flags, tree.Commands, "ws76"
			for len(words) > 0 {
				c := app.Find(commands, words[0])
				if c == nil {
					break
				}
				flags, commands, path, words = c.Flags, c.Subcommands, path+" "+c.Name, words[1:]
			}
			if path == "ws76" {
				continue // a sentence about ws76
			}
			found++
			for _, word := range words {
				name, _, _ := strings.Cut(strings.Trim(word, "[],.:"), "=")
				if !strings.HasPrefix(name, "-") || name == "-" || name == "--" || strings.Trim(name, "-v") == "" || name == "--help" {
					continue
				}
				if app.FindFlag(flags, strings.TrimLeft(name, "-")) == nil {
					t.Errorf("%s: %q: %s has no flag %s", file, "ws76"+m[1], path, name)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d commands in the documents", found)
	}
}

// What docs/library.md shows is in examples, which run.
func TestLibraryDoc(t *testing.T) {
	page, err := os.ReadFile("../../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(code []byte) string { return strings.Join(strings.Fields(string(code)), " ") }
	var examples strings.Builder
	for _, folder := range []string{"core", "core/serve", "core/bridge", "transports/all"} {
		code, err := os.ReadFile(filepath.Join("../..", folder, "example_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		examples.WriteString(plain(code))
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 3 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(examples.String(), plain(block[1])) {
			t.Errorf("no example has\n%s", block[1])
		}
	}
}
