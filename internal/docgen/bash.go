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
# _ws76_offer offers what the specification $1 says that may be put in for $word.
_ws76_offer() {
    local line
    case $1 in
    words\ *) COMPREPLY+=($(compgen -W "${1#* }" -- "$word")) ;;
    ask\ *)
        local program=${COMP_WORDS[0]/#\~/$HOME}
        while IFS=$'\t' read -r line _; do
            [[ -n $line ]] && COMPREPLY+=("$line")
        done <<<"$("$program" __complete "${1#* }" -- "$word" 2>/dev/null)"
        ;;
    file) _ws76_files -f '' "$word" ;;
    dir) _ws76_files -d '' "$word" ;;
    text) [[ $word == @* ]] && _ws76_files -f @ "${word#@}" ;;
    esac
}

# _ws76_files offers the files (-f) or folders (-d) that begin with $3, each with
# $2 before it.
_ws76_files() {
    local file
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        [[ -n $file ]] && COMPREPLY+=("$2$file")
    done <<<"$(compgen "$1" -- "$3")"
}

_ws76() {
    local path=ws76 flag= only= glued= n=0 i
    local commands flags args spec
    COMPREPLY=()
    # What is being typed: readline cuts words at =, : and @, and puts in only what
    # is behind the last of them.
    local typed=${COMP_LINE:0:COMP_POINT}
    local word=${typed##*[[:space:]]} begin=$COMP_CWORD joined=${COMP_WORDS[COMP_CWORD]}
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $joined == = ]] && joined=
    while [[ $joined != "$word" && $begin -gt 1 && $word == *"${COMP_WORDS[begin-1]}$joined" ]]; do
        joined=${COMP_WORDS[--begin]}$joined
    done
    word=${word#[\'\"]}
    local cut= last=$2
    [[ $last == [=:@] ]] && last=
    cut=${word%"$last"}

    # What has been said before.
    _ws76_command "$path"
    for ((i = 1; i < begin; i++)); do
        local said=${COMP_WORDS[i]}
        if [[ $said == [=@] ]]; then
            [[ $said == = && -z $flag ]] && glued=yes
        elif [[ $said == :* ]]; then
            glued=yes # the next word goes on here
        elif [[ -n $glued && $said != -* ]]; then
            glued=
        elif [[ -n $flag ]]; then
            flag= glued= # this was its value
        elif [[ -n $only ]]; then
            ((n += 1))
        elif [[ $said == -- ]]; then
            only=arguments
        elif [[ $said == -* ]]; then
            glued=
            _ws76_value "$path $said" && flag=$said
        elif [[ " $commands " == *" $said "* ]]; then
            path+=" $said"
            _ws76_command "$path"
        else
            ((n += 1))
        fi
    done

    if [[ -n $flag ]]; then
        _ws76_value "$path $flag"
        _ws76_offer "$spec"
    elif [[ -z $only && $word == -* ]]; then
        _ws76_offer "words $flags"
    else
        [[ -n $commands ]] && _ws76_offer "words $commands"
        # The last argument may be there many times.
        [[ $n -ge ${#args[@]} ]] && n=$((${#args[@]} - 1))
        [[ $n -ge 0 ]] && _ws76_offer "${args[n]}"
    fi
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"$cut"}
    done
    # More follows the beginning of a URL.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:/,] ]] && compopt -o nospace 2>/dev/null
}

complete -F _ws76 ws76
`

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
