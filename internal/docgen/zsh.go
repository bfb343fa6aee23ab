package docgen

import (
	"fmt"
	"strings"
)

const zshHead = `#compdef ws76
# zsh completion for ws76. Made by go generate, do not edit.
# Copy it as _ws76 into a directory of $fpath, for instance
# /usr/local/share/zsh/site-functions.

# Words that more follows.
_ws76_begin() { compadd -S '' "$@" }

# A text, or the name of a file behind @.
_ws76_text() { if compset -P '@'; then _files; else _message "$1, or @FILE"; fi }
`

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
		for i, arg := range strings.Fields(c.Args) {
			zshArg(b, c, i, arg)
		}
		b.WriteString("    && return\n}\n")
		return
	}
	b.WriteString("    '1:command:->command' '*::argument:->argument' && return\n  case $state in\n")
	b.WriteString("  command) _describe -t commands command commands ;;\n  argument)\n    case $words[1] in\n")
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
			value = ":" + zshEscape(f.Arg) + ":" + zshAction(f.Words, f.takesFile(), f.takesAtFile(), f.Arg)
			join = "="
			if !strings.HasPrefix(name, "--") {
				join = "+"
			}
		}
		fmt.Fprintf(b, "    %s \\\n", shellQuote(exclude+name+join+"["+zshEscape(f.Usage)+"]"+value))
	}
}

func zshArg(b *strings.Builder, c *Command, i int, arg string) {
	name := strings.Trim(arg, "[].")
	position := fmt.Sprint(i + 1)
	if strings.Contains(arg, "...") {
		position = "*"
	}
	words := c.ArgWords
	if i > 0 {
		words = nil
	}
	action := zshAction(words, name == "FILE", false, name)
	if action == " " {
		action = "()" // the message of " " keeps flags from being put in
	}
	fmt.Fprintf(b, "    %s \\\n", shellQuote(position+":"+name+":"+action))
}

func zshAction(words []string, file, atFile bool, arg string) string {
	switch {
	case words != nil && strings.ContainsAny(words[0][len(words[0])-1:], ":/"):
		return "_ws76_begin " + zshEscape(strings.Join(words, " "))
	case words != nil:
		return "(" + zshEscape(strings.Join(words, " ")) + ")"
	case file:
		return "_files"
	case atFile:
		return "{_ws76_text " + zshEscape(shellQuote(arg)) + "}"
	}
	return " "
}

// zshEscape escapes what ends a part of a specification of _arguments.
func zshEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`).Replace(s)
}
