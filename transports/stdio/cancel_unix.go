//go:build unix

package stdio

import (
	"os"

	"github.com/muesli/cancelreader"
)

func newCancelReader(f *os.File) (cancelreader.CancelReader, error) { return cancelreader.NewReader(f) }
