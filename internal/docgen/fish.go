package docgen

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed head.fish
var fishHead string

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
		for i, a := range c.Args {
			if i > 0 && a.Source != "" && a.Source == c.Args[i-1].Source {
				continue // fish does not know which argument it is
			}
			if values := fishValues(a.Name, a.Words, a.Source); values != "" {
				fmt.Fprintf(&b, "%s%s\n", at, values)
			}
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
			values := fishValues(f.Arg, f.Words, f.Source)
			switch {
			case f.takesAtFile(), values == " -F":
				b.WriteString(" -r -F")
			case f.Arg != "":
				b.WriteString(" -x" + values)
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(f.Usage))
		}
	}
	return []byte(b.String())
}

// fishValues says what a value may be; "" is anything.
func fishValues(name string, words []string, source string) string {
	switch {
	case words != nil:
		return " -a " + fishQuote(strings.Join(words, " "))
	case source != "":
		return " -a " + fishQuote("(__ws76_ask "+source+")")
	case takesFile(name):
		return " -F"
	case takesFolder(name):
		return " -a '(__fish_complete_directories)'"
	}
	return ""
}

// fishPath returns the path of c without the program's name.
func fishPath(c *Command) string {
	_, rest, _ := strings.Cut(c.Path, " ")
	return rest
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
