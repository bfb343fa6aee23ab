//go:build !darwin && !(linux && !ppc64 && !ppc64le)

package module

import (
	"errors"
	"os"
)

// PTY is the module's side of a pseudo-terminal, which this system does not have.
type PTY struct {
	*os.File
	Path string // what the host opens
}

func openPTY() (*PTY, error) { return nil, errors.ErrUnsupported }

// Rate returns the rate to which the host has set its side, 0 when it has not.
func (p *PTY) Rate() int { return 0 }
