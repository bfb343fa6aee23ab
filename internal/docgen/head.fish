# fish completion for ws76. Made by go generate, do not edit.
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

# __ws76_ask prints what ws76 itself lists of a kind.
function __ws76_ask
    set -l words (commandline -opc)
    set -l word (commandline -ct | string replace -r '^--[a-z0-9-]+=' '')
    $words[1] __complete $argv[1] -- "$word" 2>/dev/null
end

complete -c ws76 -f
