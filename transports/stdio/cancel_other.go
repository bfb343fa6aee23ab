//go:build !unix

package stdio

import (
	"errors"
	"os"

	"github.com/muesli/cancelreader"
)

// newCancelReader knows no way: on Windows the library takes the console out of
// line mode, and cannot end the read of a pipe.
func newCancelReader(*os.File) (cancelreader.CancelReader, error) { return nil, errors.ErrUnsupported }
