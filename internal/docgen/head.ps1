# PowerShell completion for ws76. Made by go generate, do not edit.
# Dot-source it in $PROFILE: . path\to\ws76.ps1

Register-ArgumentCompleter -Native -CommandName ws76 -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

