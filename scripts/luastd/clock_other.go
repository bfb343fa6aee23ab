//go:build !unix

package luastd

import "time"

var began = time.Now()

// processorTime is how long the process has run, which is what C's clock tells here.
func processorTime() time.Duration { return time.Since(began) }
