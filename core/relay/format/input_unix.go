//go:build unix

package format

import (
	"os"

	"github.com/muesli/cancelreader"
)

// cancellable returns f with reads that can be cancelled.
func cancellable(f *os.File) (cancelreader.CancelReader, bool) {
	c, err := cancelreader.NewReader(f)
	return c, err == nil
}
