package docgen

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed head.bash
var bashHead string

//go:embed tail.bash
var bashTail string

// Bash returns a completion script for bash 3.2 and later.
func Bash(root *Command) []byte {
	var b strings.Builder
	b.WriteString(bashHead)
	b.WriteString("# _ws76_command sets commands, flags and args (a specification of each) of a command.\n_ws76_command() {\n    commands= flags= args=()\n    case $1 in\n")
	for _, c := range root.all() {
		var names []string
		for _, f := range c.Flags {
			names = append(names, f.Names...)
		}
		var args []string
		for _, a := range c.Args {
			args = append(args, shellQuote(bashSpec(a.Name, a.Words, a.Source)))
		}
		fmt.Fprintf(&b, "    %s)\n", shellQuote(c.Path))
		bashSet(&b, "commands", c.names())
		if len(args) > 0 {
			if !c.Args[len(args)-1].Many {
				args = append(args, "none")
			}
			fmt.Fprintf(&b, "        args=(%s)\n", strings.Join(args, " "))
		}
		bashSet(&b, "flags", names)
		b.WriteString("        ;;\n")
	}
	b.WriteString("    esac\n}\n\n# _ws76_value sets spec, which says what a flag's value may be. It fails where there is none.\n_ws76_value() {\n    case $1 in\n")
	for _, c := range root.all() {
		for _, f := range c.Flags {
			if f.Arg == "" {
				continue
			}
			var patterns []string
			for _, name := range f.Names {
				patterns = append(patterns, shellQuote(c.Path+" "+name))
			}
			fmt.Fprintf(&b, "    %s) spec=%s ;;\n", strings.Join(patterns, " | "), shellQuote(bashSpec(f.Arg, f.Words, f.Source)))
		}
	}
	b.WriteString("    *) return 1 ;;\n    esac\n}\n")
	b.WriteString(bashTail)
	return []byte(b.String())
}

// bashSpec is what _ws76_offer takes of a flag's value or an argument.
func bashSpec(name string, words []string, source string) string {
	switch {
	case words != nil:
		return "words " + strings.Join(words, " ")
	case source != "":
		return "ask " + source
	case takesFile(name):
		return "file"
	case takesFolder(name):
		return "dir"
	}
	return "text"
}

func bashSet(b *strings.Builder, name string, words []string) {
	if len(words) > 0 {
		fmt.Fprintf(b, "        %s=%s\n", name, shellQuote(strings.Join(words, " ")))
	}
}

// shellQuote quotes for bash and zsh.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
