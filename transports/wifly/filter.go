package wifly

import "bytes"

// quietTime is how long the UART must be silent for the filter to be told; see filter.quiet. A string of the module
// leaves it in one piece, and a USB adapter passes bytes on after 16 ms at the latest.
const quietTime = 100 // milliseconds

// A filter takes out of a stream what the module itself says in it: that the
// connection is closed, or that the module rebooted. It does no I/O.
//
// The module announces a closed connection by a string that it appends to the stream. The driver sets one for each
// connection, a random mark twice over: no payload has it, and if the line drops a byte of one half the other still
// counts. Nothing of a stream is changed otherwise.
type filter struct {
	mark    []byte // begins with markStart, which does not occur in it again
	matched int    // so many bytes of mark are at the end of what came; they are held back

	end  error  // nil, errClosed or ErrRebooted; once set all that comes is module text
	rest []byte // module text after the end, its last bytes

	recent []byte // the last bytes of the stream, for the text of a boot
	booted bool   // that text was the last thing that came, or only text came after it
	quiets int
}

// markStart begins a mark. It is rare in text and base64, so that a byte of the stream is rarely held back.
const markStart = '~'

// restSize is how much module text behind the end is kept: the announcement of
// the next connection of a listener is in it.
const restSize = 1 << 10

// bootSize is how long a module's text between its reset and *READY* may be.
const bootSize = 300

var (
	ready     = []byte("*READY*")
	bootWords = [][]byte{[]byte("iFly"), []byte("wifly-"), []byte("MAC Addr="), []byte("*Reboot*")}
)

// feed appends to dst what of p belongs to the stream. What may be the start of
// the mark stays back until the next feed or quiet.
func (f *filter) feed(dst, p []byte) []byte {
	if f.end != nil {
		f.keepRest(p)
		return dst
	}
	start := len(dst)
	i := 0
	for i < len(p) && f.end == nil {
		switch {
		case f.matched > 0 && p[i] == f.mark[f.matched]:
			f.matched++
			i++
			if f.matched == len(f.mark) {
				f.matched = 0
				f.end = errClosed
			}
		case f.matched > 0: // no mark after all; p[i] may begin another
			dst = append(dst, f.mark[:f.matched]...)
			f.matched = 0
		default:
			n := bytes.IndexByte(p[i:], f.mark[0])
			if n < 0 {
				n = len(p) - i
			} else {
				f.matched = 1
			}
			dst = append(dst, p[i:i+n]...)
			i += n + f.matched
		}
	}
	f.watch(dst[start:])
	if f.end != nil {
		f.keepRest(p[i:])
	}
	return dst
}

// watch looks for the text of a booting module in what the stream brings.
func (f *filter) watch(p []byte) {
	f.quiets = 0
	if f.booted && !isText(p) {
		f.booted = false
	}
	old := len(f.recent)
	f.recent = append(f.recent, p...)
	from := max(0, old-len(ready)+1) // what was searched before is not again
	if i := bytes.LastIndex(f.recent[from:], ready); i >= 0 {
		boot := f.recent[max(0, from+i-bootSize) : from+i]
		for _, word := range bootWords {
			if bytes.Contains(boot, word) && isText(f.recent[from+i:]) {
				f.booted = true
			}
		}
	}
	if extra := len(f.recent) - bootSize - len(ready); extra > 0 {
		f.recent = append(f.recent[:0], f.recent[extra:]...)
	}
}

// isText reports whether p is what a module prints: no byte of it begins or ends a frame of the drafts.
func isText(p []byte) bool {
	for _, c := range p {
		if c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// waiting reports whether the filter wants to hear of quietTime without a byte.
func (f *filter) waiting() bool { return f.end == nil && (f.matched > 0 || f.booted) }

// quiet says that nothing has come for quietTime: what was held back belongs to the stream and is appended to dst.
// After the text of a boot, three in a row make it certain that the module rebooted: in a message the same text would
// go on, at the latest with the 0xFF that ends its frame.
func (f *filter) quiet(dst []byte) []byte {
	dst = append(dst, f.mark[:f.matched]...)
	f.matched = 0
	if f.booted {
		if f.quiets++; f.quiets >= 3 {
			f.end = ErrRebooted
		}
	}
	return dst
}

func (f *filter) keepRest(p []byte) {
	f.rest = append(f.rest, p...)
	if extra := len(f.rest) - restSize; extra > 0 {
		f.rest = append(f.rest[:0], f.rest[extra:]...)
	}
}
