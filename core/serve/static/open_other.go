//go:build !unix

package static

// nonblock is needed where there are FIFOs among files.
const nonblock = 0
