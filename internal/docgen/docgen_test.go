package docgen

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func testTree() *Command {
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help"}
	return Tree(&cli.App{Name: "prog", Commands: []*cli.Command{{
		Name: "go", Usage: "it's a go: [now]", ArgsUsage: "FILE",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "how", Usage: "`HOW` to go: don't, or do… with --all"},
			&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Usage: "`'N: V'`"},
			&cli.IntFlag{Name: "count", Usage: "times", Value: 3},
			&cli.BoolFlag{Name: "all", Usage: "'quoted' at the start", Category: common},
			&cli.StringFlag{Name: "whence", Usage: "`PLACE`"},
		},
		Subcommands: []*cli.Command{{Name: "far", Usage: "farther", ArgsUsage: "TARGET..."}, {Name: "secret", Hidden: true}},
	}}}, Values{Words: map[string][]string{"--how": {"do", "don't"}}, Sources: map[string]string{"--whence": "place", "prog COMMAND": "more", "prog go far TARGET": "place"}})
}

func TestTree(t *testing.T) {
	root := testTree()
	c := root.Commands[0]
	if c.Path != "prog go" || c.Commands[0].Path != "prog go far" || len(c.Commands) != 1 || c.Args[0].Name != "FILE" {
		t.Errorf("%+v", c)
	}
	how, header, count, all := c.Flags[0], c.Flags[1], c.Flags[2], c.Flags[3]
	if how.Arg != "HOW" || how.Usage != "HOW to go: don't, or do… with --all" || len(how.Words) != 2 || how.Default != "" {
		t.Errorf("%+v", how)
	}
	if header.Arg != "N: V" || header.Names[0] != "--header" || header.Names[1] != "-H" || !header.Repeatable {
		t.Errorf("%+v", header)
	}
	if count.Arg != "VALUE" || count.Default != "3" || count.Repeatable {
		t.Errorf("%+v", count)
	}
	if all.Arg != "" {
		t.Errorf("%+v", all)
	}
	if whence := c.Flags[4]; whence.Source != "place" {
		t.Errorf("%+v", whence)
	}
	if help := c.Flags[5]; help.Names[0] != "--help" {
		t.Errorf("%+v", help)
	}
}

// What ends a quotation in a shell must not end it in the script.
func TestQuoting(t *testing.T) {
	root := testTree()
	for _, c := range []struct {
		name   string
		script []byte
		want   string
	}{
		{"bash", Bash(root), `spec='words do don'\''t'`},
		{"bash", Bash(root), `'prog go --whence') spec='ask place' ;;`},
		{"zsh", Zsh(root), `'(--whence)--whence=[PLACE]:PLACE:_ws76_ask place'`},
		{"bash", Bash(root), "commands='go'\n        args=('ask more' none)\n"},
		{"zsh", Zsh(root), `'*:TARGET:_ws76_ask place'`},
		{"zsh", Zsh(root), `command) _describe -t commands command commands; _ws76_ask more ;;`},
		{"fish", Fish(root), `complete -c ws76 -n '__ws76_at' -a '(__ws76_ask more)'`},
		{"fish", Fish(root), `-l whence -x -a '(__ws76_ask place)'`},
		{"PowerShell", PowerShell(root), `$asked['prog go --whence'] = @('place')`},
		{"zsh", Zsh(root), `'go:it'\''s a go: [now]'`},
		{"zsh", Zsh(root), `'(--how)--how=[HOW to go\: don'\''t, or do… with --all]:HOW:(do don'\''t)'`},
		{"zsh", Zsh(root), `'*-H+['\''N\: V'\'']:N\: V: '`},
		{"fish", Fish(root), `-d 'it\'s a go: [now]'`},
		{"PowerShell", PowerShell(root), `@('do', 'don''t')`},
		{"PowerShell", PowerShell(root), `'HOW to go: don''t, or do... with --all'`},
	} {
		if !strings.Contains(string(c.script), c.want) {
			t.Errorf("%s: no %s in\n%s", c.name, c.want, c.script)
		}
	}
}

func TestMan(t *testing.T) {
	source := ".Sh OPTIONS\n.\\\"@options go\n.\\\"@transports\n.\\\" a comment\n"
	page, described, err := Man([]byte(source), testTree(), []Term{{Name: "tcp:", Text: "bytes"}})
	if err != nil || len(described) != 1 || described[0] != "prog go" {
		t.Fatalf("%q, %v", described, err)
	}
	for _, want := range []string{
		".It Fl \\-how Ar HOW\nHOW to go: don't, or do... with \\-\\-all.\n",
		".It Fl H Ar \"N: V\" , Fl \\-header Ar \"N: V\"\n",
		"Times (default: 3).\n",
		".Em Everywhere\n.Bl -tag -width Ds\n.It Fl \\-all\n\\&'quoted' at the start.\n",
		".It Li \"tcp:\"\nBytes.\n",
		".\\\" a comment\n",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	// The page of a command has the common flags for those below it.
	if page, _, err = Man([]byte(".\\\"@options go far\n"), testTree(), nil); err != nil || strings.Contains(string(page), ".It") {
		t.Errorf("%v\n%s", err, page)
	}
	for _, bad := range []string{".\\\"@options nowhere\n", ".\\\"@nothing\n", ".\\\"@\n"} {
		if _, _, err := Man([]byte(bad), testTree(), nil); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
