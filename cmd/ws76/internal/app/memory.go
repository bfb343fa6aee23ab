package app

import (
	"runtime/debug"
	"sync"
)

// DenseGC keeps a process of many connections smaller, unless $GOGC says otherwise: what
// they hold is most of the heap, and messages leave no garbage.
func (e *Env) DenseGC() {
	if e.Getenv("GOGC") == "" {
		debug.SetGCPercent(75)
	}
}

// ballast is memory that nothing touches, so that it is only addresses. What a script is given of a message is garbage
// afterwards, and the collector runs when there is as much garbage as there are other things on the heap: in a process
// of a few megabytes that is some hundred times a second.
var ballast struct {
	once sync.Once
	b    []byte
}

const ballastSize = 32 << 20

// RareGC makes the collector run less often in a command with scripts, unless $GOGC says how often it is to.
func (e *Env) RareGC() {
	ballast.once.Do(func() {
		if e.Getenv("GOGC") == "" {
			ballast.b = make([]byte, ballastSize)
		}
	})
}
