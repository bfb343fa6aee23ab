
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
