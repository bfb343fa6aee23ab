# bash completion for ws76. Made by go generate, do not edit.
#
# To try it: source this file. To keep it: copy it to
# ~/.local/share/bash-completion/completions/ws76 (with the package
# bash-completion), or source it in ~/.bashrc.

