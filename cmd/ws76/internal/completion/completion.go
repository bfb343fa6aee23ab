// Package completion is ws76 completion, and the words that shells ask for.
package completion

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/completions"
)

// shells are those that there is completion for.
var shells = []struct {
	name   string
	script []byte
}{
	{"bash", completions.Bash},
	{"zsh", completions.Zsh},
	{"fish", completions.Fish},
	{"powershell", completions.PowerShell},
}

// ShellNames are the shells that can be completed in.
func ShellNames() []string {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return names
}

// Command is ws76 completion.
func Command(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "completion",
		Usage:     "print what lets a shell complete ws76",
		ArgsUsage: "SHELL",
		UsageText: `source <(ws76 completion bash)              for this bash only
ws76 completion bash > ~/.local/share/bash-completion/completions/ws76
ws76 completion zsh > ~/.zfunc/_ws76        with fpath+=~/.zfunc before compinit in ~/.zshrc
ws76 completion fish > ~/.config/fish/completions/ws76.fish
ws76 completion powershell >> $PROFILE      after mkdir -Force (Split-Path $PROFILE)`,
		Description: "SHELL is bash, zsh, fish or powershell. Packages bring these scripts with them. " +
			"For names of profiles and plugins, serial ports and transports they ask ws76 itself.",
		Action: func(c *cli.Context) error { return printScript(e, c.Args().Slice()) },
	})
}

func printScript(e *app.Env, names []string) error {
	known := strings.Join(ShellNames(), ", ")
	if len(names) != 1 {
		return app.Usagef("completion takes the name of a shell: %s", known)
	}
	for _, s := range shells {
		if s.name == names[0] {
			return e.Print(s.script)
		}
	}
	return app.Usagef("completion: no script for %q; want one of %s", names[0], known)
}

// WordsCommand is what the scripts call: it prints what begins with PREFIX of the words of KIND, one a line, a tab and
// what it is behind it. It is silent about errors: there is nobody to read them.
func WordsCommand(e *app.Env) *cli.Command {
	return &cli.Command{
		Name: "__complete", ArgsUsage: "KIND PREFIX", Hidden: true, HideHelp: true,
		Action: func(c *cli.Context) error {
			var b strings.Builder
			for _, word := range candidates(e, c.Args().Get(0), c.Args().Get(1)) {
				fmt.Fprintf(&b, "%s\t%s\n", word.Text, word.About)
			}
			return e.Print([]byte(b.String()))
		},
		OnUsageError: func(*cli.Context, error, bool) error { return app.SilentError(app.ExitUsage) },
	}
}

// maxCandidates is more than anyone reads.
const maxCandidates = 1000

// candidates returns what begins with prefix of a kind.
func candidates(e *app.Env, kind, prefix string) []app.Word {
	var found []app.Word
	for _, c := range listWords(e, kind, prefix) {
		if strings.HasPrefix(c.Text, prefix) && plainWord(c.Text) && len(found) < maxCandidates {
			c.About = strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1
				}
				return r
			}, c.About)
			found = append(found, c)
		}
	}
	return found
}

// plainWord reports whether text is put into a command line as it is. Shells differ
// in how they quote; a name that needs it is left for the user to type.
func plainWord(text string) bool {
	for _, r := range text {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("$`\"'\\!&;|<>(){}[]*?#~^", r) {
			return false
		}
	}
	return text != ""
}

// filesBehind lists the files whose paths begin with prefix, which begins with scheme, a slash behind folders.
func filesBehind(scheme, prefix string) []app.Word {
	path, ok := strings.CutPrefix(prefix, scheme)
	if !ok || !strings.HasPrefix(path, "/") {
		return nil
	}
	dir := path[:strings.LastIndexByte(path, '/')+1]
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []app.Word
	for _, entry := range entries {
		name := scheme + dir + entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		if strings.HasPrefix(name, prefix) && (entry.Name()[0] != '.' || !strings.HasSuffix(path, "/")) {
			list = append(list, app.Word{Text: name})
		}
	}
	return list
}
