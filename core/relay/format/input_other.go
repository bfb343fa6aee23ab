//go:build !unix

package format

import (
	"os"

	"github.com/muesli/cancelreader"
)

// cancellable knows no way here. On Windows cancelreader takes the console out
// of line mode and drops what was typed, and cannot cancel the read of a pipe.
func cancellable(*os.File) (cancelreader.CancelReader, bool) { return nil, false }
