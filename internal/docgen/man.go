package docgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// directive begins a line of a page's source that a list takes the place of:
//
//	.\"@options connect         the options of a command
//	.\"@transports              the list given to Man
const directive = `.\"@`

// Term is an entry of a list in a man page.
type Term struct{ Name, Text string }

// Man makes a man page (mdoc) from its source, which is the page with directives in place of lists that follow from the
// program. It returns the paths of the commands whose options the page has.
func Man(source []byte, root *Command, transports []Term) (page []byte, described []string, err error) {
	var b bytes.Buffer
	b.WriteString(".\\\" Made by go generate from man/src, do not edit.\n")
	for line := range strings.Lines(string(source)) {
		rest, ok := strings.CutPrefix(line, directive)
		if !ok {
			b.WriteString(line)
			continue
		}
		switch words := strings.Fields(rest); {
		case len(words) == 1 && words[0] == "transports":
			manList(&b, transports)
		case len(words) > 0 && words[0] == "options":
			path := strings.Join(append([]string{root.Path}, words[1:]...), " ")
			i := slices.IndexFunc(root.all(), func(c *Command) bool { return c.Path == path })
			if i < 0 {
				return nil, nil, fmt.Errorf("%q: there is no command %q", strings.TrimSpace(line), path)
			}
			manOptions(&b, root.all()[i])
			described = append(described, path)
		default:
			return nil, nil, fmt.Errorf("%q: unknown directive", strings.TrimSpace(line))
		}
	}
	return b.Bytes(), described, nil
}

// manOptions writes the flags of c by category, the common ones last. A command
// below another has them on the same page already.
func manOptions(b *bytes.Buffer, c *Command) {
	var categories []string
	sub := strings.Count(c.Path, " ") > 1
	for _, f := range c.Flags {
		if !slices.Contains(categories, category(f)) && !(sub && category(f) == common) {
			categories = append(categories, category(f))
		}
	}
	slices.SortStableFunc(categories, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range categories {
		if name != "" && len(categories) > 1 {
			fmt.Fprintf(b, ".Pp\n.Em %s\n", manText(name))
		}
		b.WriteString(".Bl -tag -width Ds\n")
		for _, f := range c.Flags {
			if category(f) != name {
				continue
			}
			b.WriteString(".It")
			for i := range f.Names {
				// Short names come first.
				name := f.Names[len(f.Names)-1-i]
				if i > 0 {
					b.WriteString(" ,")
				}
				fmt.Fprintf(b, " Fl %s", manName(name[1:]))
				if f.Arg != "" {
					fmt.Fprintf(b, " Ar %s", manArg(f.Arg))
				}
			}
			text := f.Usage
			if f.Default != "" {
				text += " (default: " + f.Default + ")"
			}
			fmt.Fprintf(b, "\n%s\n", manSentence(text))
		}
		b.WriteString(".El\n")
	}
}

const common = "Everywhere"

// category puts --help and --version, which have none, with the common flags.
func category(f Flag) string {
	if f.Names[0] == "--help" || f.Names[0] == "--version" {
		return common
	}
	return f.Category
}

func rank(category string) int {
	switch category {
	case "":
		return 0
	case common:
		return 2
	}
	return 1
}

func manList(b *bytes.Buffer, terms []Term) {
	b.WriteString(".Bl -tag -width Ds\n")
	for _, t := range terms {
		fmt.Fprintf(b, ".It Li %s\n%s\n", manArg(t.Name), manSentence(t.Text))
	}
	b.WriteString(".El\n")
}

// manName is a name of a flag without its first dash.
func manName(s string) string { return strings.ReplaceAll(s, "-", `\-`) }

// manArg quotes a value's name where it is more than a word to a macro.
func manArg(s string) string {
	s = manText(s)
	if strings.ContainsAny(s, ` ,|:`) {
		return `"` + strings.ReplaceAll(s, `"`, `\(dq`) + `"`
	}
	return s
}

// manText escapes text. Dashes of flags are for copying.
func manText(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		w = strings.NewReplacer(`\`, `\e`, "…", "...").Replace(w)
		if strings.HasPrefix(w, "-") || strings.HasPrefix(w, "(-") {
			w = strings.ReplaceAll(w, "-", `\-`)
		}
		words[i] = w
	}
	s = strings.Join(words, " ")
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// manSentence makes a sentence of a line of help. What begins with the name of a value is left as it is.
func manSentence(s string) string {
	s = manText(s)
	if s[0] >= 'a' && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
