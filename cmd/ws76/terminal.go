package main

import (
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether stream, a reader or a writer, is a terminal. On one
// nothing binary and no escape sequence of a peer may be written.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// refuseBinary is an error if standard output is a terminal: what names the
// bytes that would be written there.
func (e *env) refuseBinary(what string) error {
	if isTerminal(e.stdout) {
		return usagef("%s are bytes, not text: not written to a terminal; redirect them, or pipe them into xxd", what)
	}
	return nil
}
