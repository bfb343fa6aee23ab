package docgen

import (
	"fmt"
	"slices"
	"strings"
)

const powershellHead = `# PowerShell completion for ws76. Made by go generate, do not edit.
# Dot-source it in $PROFILE: . path\to\ws76.ps1

Register-ArgumentCompleter -Native -CommandName ws76 -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

`

const powershellTail = `
    $path = 'ws76'
    $flag = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            # What is behind a comma is no word: a value goes on there.
            if ($element.Extent.StartOffset -lt $cursorPosition -and
                $element.GetType().Name -in 'ArrayLiteralAst', 'ErrorExpressionAst') { return }
            break
        }
        $word = $element.Extent.Text.Trim("'", '"')
        if ($flag) { $flag = '' }
        elseif ($values.ContainsKey("$path $word")) { $flag = $word }
        elseif ($commands.ContainsKey("$path $word")) { $path = "$path $word" }
    }
    $prefix = ''
    # A word may stand in quotes; an @ has to.
    $word = $wordToComplete.Trim("'", '"')
    if (-not $flag -and $word -match '^(--[^=]+)=(.*)$' -and $values.ContainsKey("$path $($Matches[1])")) {
        $flag = $Matches[1]
        $prefix = "$flag="
        $word = $Matches[2]
    }
    $kinds = @()
    if ($flag) { $words = $values["$path $flag"]; $kinds = $asked["$path $flag"] }
    elseif ($word -like '-*') { $words = $flags[$path] }
    else { $words = $arguments[$path]; $kinds = $asked[$path] }
    # The exit code of the last command is still the user's to look at.
    $code = Get-Variable LASTEXITCODE -Scope Global -ValueOnly -ErrorAction Ignore
    foreach ($kind in $kinds) {
        try { $words = @($words) + @(& $commandAst.GetCommandName() __complete $kind -- $word 2>$null) } catch { }
        $global:LASTEXITCODE = $code
    }
    # Where nothing is returned PowerShell offers the names of files, but not behind =.
    if ($prefix -and -not $words) {
        foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($word)) {
            [System.Management.Automation.CompletionResult]::new($prefix + $file.CompletionText,
                $file.ListItemText, $file.ResultType, $file.ToolTip)
        }
        return
    }
    foreach ($entry in $words) {
        $text, $tip = $entry -split "` + "`" + `t", 2
        if (-not $tip) { $tip = $text }
        if ($text -and $text.StartsWith($word, [StringComparison]::Ordinal)) {
            if ($text.StartsWith('@')) { $text = "'$text'" }
            [System.Management.Automation.CompletionResult]::new("$prefix$text", $text, 'ParameterValue', $tip)
        }
    }
}
`

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
