//go:build !linux

package children

// Elsewhere what has left its process group is nobody's; a job of Windows is not left.

func (p *Process) contain() {}

func (p *Process) released() {}

func (p *Process) sweepStrays() {}

func killStrays() bool { return false }
