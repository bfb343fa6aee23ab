package docgen

import (
	"fmt"
	"strings"
)

const bashHead = `# bash completion for ws76. Made by go generate, do not edit.
#
# To try it: source this file. To keep it: copy it to
# ~/.local/share/bash-completion/completions/ws76 (with the package
# bash-completion), or source it in ~/.bashrc.

`

const bashTail = `
# _ws76_files offers the files that begin with $2, each with $1 before it.
_ws76_files() {
    local file
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        COMPREPLY+=("$1$file")
    done < <(compgen -f -- "$2")
}

_ws76_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
    # More follows a scheme.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:/] ]] && compopt -o nospace 2>/dev/null
}

_ws76() {
    local cur=$2 path=ws76 flag= only= glued= word i
    local commands flags args kind words
    COMPREPLY=()
    _ws76_command "$path"
    # What has been said: readline splits words at =, : and @, which stand alone.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == [=@] ]]; then
            continue # the flag's value follows
        elif [[ $word == :* ]]; then
            glued=${COMP_WORDS[i - 1]} # the next word goes on here
        elif [[ -n $glued && $word != -* ]]; then
            glued=
        elif [[ -n $flag ]]; then
            flag= glued= # this was its value
        elif [[ -n $only ]]; then
            :
        elif [[ $word == -- ]]; then
            only=arguments
        elif [[ $word == -* ]]; then
            glued=
            _ws76_value "$path $word" && flag=$word
        elif [[ " $commands " == *" $word "* ]]; then
            path+=" $word"
            _ws76_command "$path"
        fi
    done
    [[ $cur == = ]] && cur=
    if [[ -n $glued && $cur != -* ]]; then
        [[ $glued == unix && $cur == ///* ]] && _ws76_files // "${cur#//}"
    elif [[ -n $flag ]]; then
        _ws76_value "$path $flag"
        case $kind in
        words) _ws76_words "$words" ;;
        file) _ws76_files '' "$cur" ;;
        text) [[ $cur == @* ]] && _ws76_files @ "${cur#@}" ;;
        esac
    elif [[ -z $only && $cur == -* ]]; then
        _ws76_words "$flags"
    elif [[ -n $commands ]]; then
        _ws76_words "$commands"
    elif [[ $args == FILE ]]; then
        _ws76_files '' "$cur"
    else
        _ws76_words "$args"
    fi
}

complete -F _ws76 ws76
`

// Bash returns a completion script for bash 3.2 and later.
func Bash(root *Command) []byte {
	var b strings.Builder
	b.WriteString(bashHead)
	b.WriteString("# _ws76_command sets commands, flags and args (words, or FILE) of a command.\n_ws76_command() {\n    commands= flags= args=\n    case $1 in\n")
	for _, c := range root.all() {
		var names []string
		for _, f := range c.Flags {
			names = append(names, f.Names...)
		}
		fmt.Fprintf(&b, "    %s)\n", shellQuote(c.Path))
		bashSet(&b, "commands", c.names())
		bashSet(&b, "args", c.ArgWords)
		if c.takesFile() {
			bashSet(&b, "args", []string{"FILE"})
		}
		bashSet(&b, "flags", names)
		b.WriteString("        ;;\n")
	}
	b.WriteString("    esac\n}\n\n# _ws76_value sets kind and words of a flag's value. It fails where there is none.\n_ws76_value() {\n    words=\n    case $1 in\n")
	for _, c := range root.all() {
		for _, f := range c.Flags {
			if f.Arg == "" {
				continue
			}
			var patterns []string
			for _, name := range f.Names {
				patterns = append(patterns, shellQuote(c.Path+" "+name))
			}
			fmt.Fprintf(&b, "    %s) ", strings.Join(patterns, " | "))
			switch {
			case f.Words != nil:
				fmt.Fprintf(&b, "kind=words words=%s ;;\n", shellQuote(strings.Join(f.Words, " ")))
			case f.takesFile():
				b.WriteString("kind=file ;;\n")
			default:
				b.WriteString("kind=text ;;\n")
			}
		}
	}
	b.WriteString("    *) return 1 ;;\n    esac\n}\n")
	b.WriteString(bashTail)
	return []byte(b.String())
}

func bashSet(b *strings.Builder, name string, words []string) {
	if len(words) > 0 {
		fmt.Fprintf(b, "        %s=%s\n", name, shellQuote(strings.Join(words, " ")))
	}
}

// shellQuote quotes for bash and zsh.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
