// Package completions has the completion scripts of ws76 for shells, which go generate makes from the command tree.
package completions

import _ "embed"

// The scripts, by shell.
var (
	//go:embed ws76.bash
	Bash []byte
	//go:embed _ws76
	Zsh []byte
	//go:embed ws76.fish
	Fish []byte
	//go:embed ws76.ps1
	PowerShell []byte
)
