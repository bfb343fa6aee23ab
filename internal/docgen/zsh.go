package docgen

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed head.zsh
var zshHead string

// Zsh returns a completion script for zsh 5, to be called _ws76 in $fpath.
func Zsh(root *Command) []byte {
	var b strings.Builder
	b.WriteString(zshHead)
	for _, c := range root.all() {
		zshFunction(&b, c)
	}
	b.WriteString("\n_ws76 \"$@\"\n")
	return []byte(b.String())
}

func zshName(c *Command) string { return "_" + strings.ReplaceAll(c.Path, " ", "_") }

func zshFunction(b *strings.Builder, c *Command) {
	fmt.Fprintf(b, "\n%s() {\n", zshName(c))
	if !strings.Contains(c.Path, " ") {
		b.WriteString("  local program=${(Q)~words[1]} # for _ws76_ask\n")
	}
	if len(c.Commands) > 0 {
		b.WriteString("  local curcontext=$curcontext state line\n  typeset -A opt_args\n  local -a commands=(\n")
		for _, sub := range c.Commands {
			fmt.Fprintf(b, "    %s\n", shellQuote(sub.Name+":"+sub.Usage))
		}
		b.WriteString("  )\n  _arguments -C -s -S : \\\n")
	} else {
		b.WriteString("  _arguments -s -S : \\\n")
	}
	for _, f := range c.Flags {
		zshFlag(b, f)
	}
	if len(c.Commands) == 0 {
		for i, arg := range c.Args {
			zshArg(b, i, arg)
		}
		b.WriteString("    && return\n}\n")
		return
	}
	b.WriteString("    '1:command:->command' '*::argument:->argument' && return\n  case $state in\n")
	more := ""
	for _, arg := range c.Args {
		if arg.Source != "" {
			more = "; _ws76_ask " + arg.Source
		}
	}
	fmt.Fprintf(b, "  command) _describe -t commands command commands%s ;;\n  argument)\n    case $words[1] in\n", more)
	for _, sub := range c.Commands {
		fmt.Fprintf(b, "    %s) %s ;;\n", sub.Name, zshName(sub))
	}
	b.WriteString("    esac\n    ;;\n  esac\n}\n")
}

func zshFlag(b *strings.Builder, f Flag) {
	exclude := "(" + strings.Join(f.Names, " ") + ")"
	switch {
	case f.Repeatable, f.Names[0] == "--verbose":
		exclude = "*"
	case f.Names[0] == "--help", f.Names[0] == "--version":
		exclude = "(- *)"
	}
	for _, name := range f.Names {
		value, join := "", ""
		if f.Arg != "" {
			value = ":" + zshEscape(f.Arg) + ":" + zshAction(f.Arg, f.Words, f.Source, f.takesAtFile())
			join = "="
			if !strings.HasPrefix(name, "--") {
				join = "+"
			}
		}
		fmt.Fprintf(b, "    %s \\\n", shellQuote(exclude+name+join+"["+zshEscape(f.Usage)+"]"+value))
	}
}

func zshArg(b *strings.Builder, i int, arg Argument) {
	position := fmt.Sprint(i + 1)
	if arg.Many {
		position = "*"
	}
	action := zshAction(arg.Name, arg.Words, arg.Source, false)
	if action == " " {
		action = "()" // the message of " " keeps flags from being put in
	}
	fmt.Fprintf(b, "    %s \\\n", shellQuote(position+":"+arg.Name+":"+action))
}

func zshAction(name string, words []string, source string, atFile bool) string {
	switch {
	case words != nil:
		return "(" + zshEscape(strings.Join(words, " ")) + ")"
	case source != "":
		return "_ws76_ask " + source
	case takesFile(name):
		return "_files"
	case takesFolder(name):
		return "_files -/"
	case atFile:
		return "{_ws76_text " + zshEscape(shellQuote(name)) + "}"
	}
	return " "
}

// zshEscape escapes what ends a part of a specification of _arguments.
func zshEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`).Replace(s)
}
