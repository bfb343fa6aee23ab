package docgen

import (
	"fmt"
	"strings"
)

const fishHead = `# fish completion for ws76. Made by go generate, do not edit.
# Copy it to ~/.config/fish/completions/ws76.fish.

# __ws76_at succeeds where the command line so far is of the command that
# the arguments name.
function __ws76_at
    set -l path
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if contains -- (string join ' ' -- $path $word) %s
            set -a path $word
        end
    end
    test "$path" = "$argv"
end

complete -c ws76 -f
`

// Fish returns a completion script for fish 3.
func Fish(root *Command) []byte {
	var b strings.Builder
	var paths []string
	for _, c := range root.all()[1:] {
		paths = append(paths, fishQuote(fishPath(c)))
	}
	fmt.Fprintf(&b, fishHead, strings.Join(paths, " "))
	for _, c := range root.all() {
		at := "complete -c ws76 -n " + fishQuote(strings.TrimSpace("__ws76_at "+fishPath(c)))
		b.WriteString("\n")
		for _, sub := range c.Commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", at, sub.Name, fishQuote(sub.Usage))
		}
		if len(c.ArgWords) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", at, fishQuote(strings.Join(c.ArgWords, " ")))
		}
		if c.takesFile() {
			fmt.Fprintf(&b, "%s -F\n", at)
		}
		for _, f := range c.Flags {
			b.WriteString(at)
			for _, name := range f.Names {
				if long, ok := strings.CutPrefix(name, "--"); ok {
					b.WriteString(" -l " + long)
				} else {
					b.WriteString(" -s " + name[1:])
				}
			}
			switch {
			case f.Words != nil:
				b.WriteString(" -x -a " + fishQuote(strings.Join(f.Words, " ")))
			case f.takesFile(), f.takesAtFile():
				b.WriteString(" -r -F")
			case f.Arg != "":
				b.WriteString(" -x")
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(f.Usage))
		}
	}
	return []byte(b.String())
}

// fishPath returns the path of c without the program's name.
func fishPath(c *Command) string {
	_, rest, _ := strings.Cut(c.Path, " ")
	return rest
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
