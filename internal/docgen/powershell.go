package docgen

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed head.ps1
var powershellHead string

//go:embed tail.ps1
var powershellTail string

// PowerShell returns a completion script for PowerShell 5 and later.
func PowerShell(root *Command) []byte {
	var b strings.Builder
	b.WriteString(powershellHead)
	// Names of flags differ in case, as those of a plain hash table may not.
	for _, table := range []struct {
		name string
		fill func(c *Command)
	}{
		{"commands", func(c *Command) { powershellEntry(&b, "commands", c.Path, nil) }},
		{"arguments", func(c *Command) {
			var words []string
			for _, sub := range c.Commands {
				words = append(words, sub.Name+"\t"+sub.Usage)
			}
			for _, a := range c.Args {
				words = append(words, a.Words...)
			}
			powershellEntry(&b, "arguments", c.Path, words)
		}},
		{"asked", func(c *Command) {
			var kinds []string
			for _, a := range c.Args {
				if a.Source != "" && !slices.Contains(kinds, a.Source) {
					kinds = append(kinds, a.Source)
				}
			}
			if kinds != nil {
				powershellEntry(&b, "asked", c.Path, kinds)
			}
			for _, f := range c.Flags {
				for _, name := range f.Names {
					if f.Source != "" {
						powershellEntry(&b, "asked", c.Path+" "+name, []string{f.Source})
					}
				}
			}
		}},
		{"flags", func(c *Command) {
			var words []string
			for _, f := range c.Flags {
				for _, name := range f.Names {
					words = append(words, name+"\t"+f.Usage)
				}
			}
			powershellEntry(&b, "flags", c.Path, words)
		}},
		{"values", func(c *Command) {
			for _, f := range c.Flags {
				for _, name := range f.Names {
					if f.Arg != "" {
						powershellEntry(&b, "values", c.Path+" "+name, f.Words)
					}
				}
			}
		}},
	} {
		fmt.Fprintf(&b, "    $%s = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)\n", table.name)
		for _, c := range root.all() {
			table.fill(c)
		}
	}
	b.WriteString(powershellTail)
	return []byte(b.String())
}

func powershellEntry(b *strings.Builder, table, key string, words []string) {
	quoted := make([]string, len(words))
	for i, w := range words {
		text, tip, ok := strings.Cut(w, "\t")
		quoted[i] = powershellQuote(text)
		if ok {
			quoted[i] = "(" + quoted[i] + ` + "` + "`t" + `" + ` + powershellQuote(tip) + ")"
		}
	}
	if len(quoted) <= 6 && len(strings.Join(quoted, ", ")) < 100 {
		fmt.Fprintf(b, "    $%s[%s] = @(%s)\n", table, powershellQuote(key), strings.Join(quoted, ", "))
		return
	}
	fmt.Fprintf(b, "    $%s[%s] = @(\n        %s)\n", table, powershellQuote(key), strings.Join(quoted, ",\n        "))
}

// powershellQuote has dots for …, as PowerShell 5 reads a script in the code page of the machine.
func powershellQuote(s string) string {
	return "'" + strings.NewReplacer("'", "''", "…", "...").Replace(s) + "'"
}
