package app

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

// Output is standard output as Print writes to it.
func (e *Env) Output() io.Writer { return output{e.Stdout} }

// Print writes to standard output.
func (e *Env) Print(p []byte) error {
	_, err := output{e.Stdout}.Write(p)
	return err
}

// PrintJSON prints v as one line.
func (e *Env) PrintJSON(v any) error {
	w := json.NewEncoder(output{e.Stdout})
	w.SetEscapeHTML(false)
	return w.Encode(v)
}

// Shown is text that others have written, in a form that stays in its line, and in its
// column of a table, on a terminal or not.
func Shown(text string) string { return string(format.AppendEscapedLine(nil, []byte(text))) }

// ReportVersion is the version of the objects that commands print with --json. It changes when a
// name or a meaning does; new names may come without.
const ReportVersion = 1
