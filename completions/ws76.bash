# bash completion for ws76. Made by go generate, do not edit.
#
# To try it: source this file. To keep it: copy it to
# ~/.local/share/bash-completion/completions/ws76 (with the package
# bash-completion), or source it in ~/.bashrc.

# _ws76_command sets commands, flags and args (words, or FILE) of a command.
_ws76_command() {
    commands= flags= args=
    case $1 in
    'ws76')
        commands='connect serve keygen frame'
        flags='--version --help -h'
        ;;
    'ws76 connect')
        args='ws:// wss:// ws+hixie75:// wss+hixie75:// ws+hixie76:// wss+hixie76:// ws+rfc6455:// wss+rfc6455://'
        flags='--message -m --no-stdin --in --out --format --crlf --replace-invalid --max-message --heartbeat --heartbeat-interval --on-eof --linger --count -n --until --expect --timeout --idle --close-timeout --reconnect --retries --stats --dialect --header -H --origin --protocol --cookie --auth-file --key1 --key2 --key3 --header-order --strict --no-compress --via --resolve --ipv4 -4 --ipv6 -6 --connect-timeout --cacert --cert --key --servername --insecure -k --tls-min --verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 serve')
        flags='--echo --listen --dialect --protocol --strict --lenient-keys --public-url --trust-forwarded --no-compress --origin --tls-cert --tls-key --tls-min --max-conns --max-message --rate --handshake-timeout --idle --close-timeout --grace --verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 keygen')
        flags='--count -n --seed --key1 --key2 --key3 --request --rfc6455 --explain --response --raw --verify --json --verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 frame')
        commands='encode decode dump'
        flags='--verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 frame encode')
        flags='--in --crlf --replace-invalid --max-message --dialect --type --close --mask --verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 frame decode')
        flags='--out --format --crlf --all --replace-invalid --max-message --dialect --verbose -v --quiet -q --log-format --help -h'
        ;;
    'ws76 frame dump')
        args='FILE'
        flags='--max-message --verbose -v --quiet -q --log-format --help -h'
        ;;
    esac
}

# _ws76_value sets kind and words of a flag's value. It fails where there is none.
_ws76_value() {
    words=
    case $1 in
    'ws76 connect --message' | 'ws76 connect -m') kind=text ;;
    'ws76 connect --in') kind=words words='lines nul whole hex base64 len32 json' ;;
    'ws76 connect --out') kind=words words='lines nul raw hex base64 len32 json' ;;
    'ws76 connect --format') kind=text ;;
    'ws76 connect --max-message') kind=text ;;
    'ws76 connect --heartbeat') kind=text ;;
    'ws76 connect --heartbeat-interval') kind=text ;;
    'ws76 connect --on-eof') kind=words words='linger close wait ignore' ;;
    'ws76 connect --linger') kind=text ;;
    'ws76 connect --count' | 'ws76 connect -n') kind=text ;;
    'ws76 connect --until') kind=text ;;
    'ws76 connect --expect') kind=text ;;
    'ws76 connect --timeout') kind=text ;;
    'ws76 connect --idle') kind=text ;;
    'ws76 connect --close-timeout') kind=text ;;
    'ws76 connect --retries') kind=text ;;
    'ws76 connect --dialect') kind=words words='hixie-75 hixie-76 rfc6455' ;;
    'ws76 connect --header' | 'ws76 connect -H') kind=text ;;
    'ws76 connect --origin') kind=text ;;
    'ws76 connect --protocol') kind=text ;;
    'ws76 connect --cookie') kind=text ;;
    'ws76 connect --auth-file') kind=file ;;
    'ws76 connect --key1') kind=text ;;
    'ws76 connect --key2') kind=text ;;
    'ws76 connect --key3') kind=text ;;
    'ws76 connect --header-order') kind=words words='random fixed' ;;
    'ws76 connect --via') kind=words words='tcp: tls: unix:///' ;;
    'ws76 connect --resolve') kind=text ;;
    'ws76 connect --connect-timeout') kind=text ;;
    'ws76 connect --cacert') kind=file ;;
    'ws76 connect --cert') kind=file ;;
    'ws76 connect --key') kind=file ;;
    'ws76 connect --servername') kind=text ;;
    'ws76 connect --tls-min') kind=words words='1.0 1.1 1.2 1.3' ;;
    'ws76 connect --log-format') kind=words words='text json' ;;
    'ws76 serve --listen') kind=text ;;
    'ws76 serve --dialect') kind=words words='hixie-75 hixie-76 rfc6455' ;;
    'ws76 serve --protocol') kind=text ;;
    'ws76 serve --public-url') kind=text ;;
    'ws76 serve --origin') kind=text ;;
    'ws76 serve --tls-cert') kind=file ;;
    'ws76 serve --tls-key') kind=file ;;
    'ws76 serve --tls-min') kind=words words='1.0 1.1 1.2 1.3' ;;
    'ws76 serve --max-conns') kind=text ;;
    'ws76 serve --max-message') kind=text ;;
    'ws76 serve --rate') kind=text ;;
    'ws76 serve --handshake-timeout') kind=text ;;
    'ws76 serve --idle') kind=text ;;
    'ws76 serve --close-timeout') kind=text ;;
    'ws76 serve --grace') kind=text ;;
    'ws76 serve --log-format') kind=words words='text json' ;;
    'ws76 keygen --count' | 'ws76 keygen -n') kind=text ;;
    'ws76 keygen --seed') kind=text ;;
    'ws76 keygen --key1') kind=text ;;
    'ws76 keygen --key2') kind=text ;;
    'ws76 keygen --key3') kind=text ;;
    'ws76 keygen --rfc6455') kind=text ;;
    'ws76 keygen --verify') kind=text ;;
    'ws76 keygen --log-format') kind=words words='text json' ;;
    'ws76 frame --log-format') kind=words words='text json' ;;
    'ws76 frame encode --in') kind=words words='lines nul whole hex base64 len32 json' ;;
    'ws76 frame encode --max-message') kind=text ;;
    'ws76 frame encode --dialect') kind=words words='hixie-75 hixie-76 rfc6455' ;;
    'ws76 frame encode --type') kind=text ;;
    'ws76 frame encode --log-format') kind=words words='text json' ;;
    'ws76 frame decode --out') kind=words words='lines nul raw hex base64 len32 json' ;;
    'ws76 frame decode --format') kind=text ;;
    'ws76 frame decode --max-message') kind=text ;;
    'ws76 frame decode --dialect') kind=words words='hixie-75 hixie-76 rfc6455' ;;
    'ws76 frame decode --log-format') kind=words words='text json' ;;
    'ws76 frame dump --max-message') kind=text ;;
    'ws76 frame dump --log-format') kind=words words='text json' ;;
    *) return 1 ;;
    esac
}

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
