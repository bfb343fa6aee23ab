package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/ws76/ws76/core/relay/format"
)

// output writes to standard output and says so in its errors.
type output struct{ w io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = fmt.Errorf("writing standard output: %w", err)
	}
	return n, err
}

// print writes to standard output.
func (e *env) print(p []byte) error {
	_, err := output{e.stdout}.Write(p)
	return err
}

// printJSON prints v as one line.
func (e *env) printJSON(v any) error {
	w := json.NewEncoder(output{e.stdout})
	w.SetEscapeHTML(false)
	return w.Encode(v)
}

// shown is text that others have written, in a form that stays in its line, and in its
// column of a table, on a terminal or not.
func shown(text string) string { return string(format.AppendEscapedLine(nil, []byte(text))) }
