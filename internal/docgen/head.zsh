#compdef ws76
# zsh completion for ws76. Made by go generate, do not edit.
# Copy it as _ws76 into a directory of $fpath, for instance
# /usr/local/share/zsh/site-functions.

# _ws76_ask offers what ws76 itself lists of a kind, its last argument. The others
# are for compadd.
_ws76_ask() {
  local line kind=$argv[-1]
  local -a words about begins
  for line in ${(f)"$(_call_program $kind ${(q)program} __complete $kind -- ${(q)PREFIX})"}; do
    if [[ ${line%%$'\t'*} == *[:/,] ]]; then
      begins+=(${line%%$'\t'*}) # more follows
    else
      words+=(${line%%$'\t'*})
      about+=(${line/$'\t'/  -- })
    fi
  done
  compadd "${(@)argv[1,-2]}" -S '' -a begins
  compadd "${(@)argv[1,-2]}" -l -d about -a words
  (( $#begins + $#words ))
}

# A text, or the name of a file behind @.
_ws76_text() { if compset -P '@'; then _files; else _message "$1, or @FILE"; fi }
