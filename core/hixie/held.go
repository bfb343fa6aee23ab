package hixie

import "bytes"

// What a Decoder keeps in memory of its own: the payload of an unfinished frame.

const (
	minHeld    = 512      // first size of the buffer for an unfinished frame
	directHeld = 32 << 10 // from this size on Buffer lets the caller read into it
	directFree = 16 << 10 // least room that Buffer offers while the limit allows
	heldSlack  = 64 << 10 // room beyond the limit, for what one read brings behind a frame
	quietTimes = 64       // frames and reads without need of a large buffer before it is given up
)

// take moves p, the next bytes of the input, to the held payload and returns all of that.
func (d *Decoder) take(p []byte) []byte {
	d.pos += len(p)
	if d.behind {
		d.behind = false
		d.held = d.held[:len(d.held)+len(p)]
		return d.held
	}
	d.reserve(len(p))
	d.held = append(d.held, p...)
	return d.held
}

// whole returns the payload of which p, the next bytes of the input, is the last part.
func (d *Decoder) whole(p []byte) []byte {
	if len(d.held) > 0 {
		return d.take(p)
	}
	d.pos += len(p)
	return p
}

// check looks at what of a large text has come in, while it is in the processor's
// caches still; a small one is left to whoever gets it.
func (d *Decoder) check() {
	if len(d.held) < directHeld || d.invalid || d.frame.Type != typeText {
		return
	}
	p := d.held[d.checked:]
	p = p[:len(p)-unfinishedRune(p)]
	if d.invalid = !ValidUTF8(p); !d.invalid {
		d.checked += len(p)
	}
}

// takeValid takes in, which lies right behind a large text, if all of it is UTF-8:
// then it holds no sentinel, and need not be searched for one.
func (d *Decoder) takeValid(in []byte) bool {
	if d.invalid || d.frame.Type != typeText || int64(len(in)) > d.limit-int64(len(d.held)) {
		return false
	}
	p := d.held[d.checked : len(d.held)+len(in)]
	p = p[:len(p)-unfinishedRune(p)]
	if !ValidUTF8(p) {
		return false
	}
	d.take(in)
	d.checked += len(p)
	return true
}

// reserve makes room for n more held bytes: doubling, so that a payload in many
// pieces is copied twice at most, but not beyond the limit and its slack.
func (d *Decoder) reserve(n int) {
	need := len(d.held) + n
	if need <= cap(d.held) {
		return
	}
	size := max(2*cap(d.held), minHeld)
	if d.limit+heldSlack < int64(size) {
		size = int(d.limit + heldSlack)
	}
	held := make([]byte, len(d.held), max(size, need))
	copy(held, d.held)
	d.held = held
}

// Buffer returns free memory right behind the unfinished frame when that is large (32 KiB or more) and kept, and nil
// otherwise. Reading into it and calling [Decoder.Advance] saves the copy that Feed costs. It may be called when Next
// has returned ErrIncomplete; the memory is valid until the next call of Feed or Advance.
func (d *Decoder) Buffer() []byte {
	if len(d.held) < directHeld || d.pos < len(d.in) || d.stage != inText && d.stage != inData {
		return nil
	}
	if cap(d.held)-len(d.held) < directFree {
		// No frame is held above the limit: this stays within the slack.
		d.reserve(directFree)
	}
	return d.held[len(d.held):cap(d.held)]
}

// Advance tells the decoder that the next n bytes of the stream were written to the start of what Buffer has just
// returned. It stands for Feed; Next goes on from there.
func (d *Decoder) Advance(n int) {
	if d.pos < len(d.in) || len(d.held) < directHeld || n > cap(d.held)-len(d.held) {
		panic("hixie: Decoder.Advance without Buffer")
	}
	d.base += int64(len(d.in))
	d.in, d.pos, d.own = d.held[len(d.held):len(d.held)+n], 0, true
	d.behind = n > 0
}

// age gives the memory of large frames up when none has come for a while.
func (d *Decoder) age() {
	if d.quiet++; d.quiet >= quietTimes {
		d.quiet = 0
		d.held = nil
	}
}

// Release gives up the memory that is kept for unfinished frames, unless it holds one. A large buffer is given up
// without it when many frames had no need of it; call Release for a connection that falls silent. The payload returned
// last remains valid.
func (d *Decoder) Release() {
	if d.stage == atType || len(d.held) == 0 {
		d.held = nil
	}
}

// Own copies Rest, so that what was fed is the caller's again before it is used up.
// It may be called when Next has just returned a frame.
func (d *Decoder) Own() {
	d.base += int64(d.pos)
	d.in, d.pos, d.behind, d.own = bytes.Clone(d.in[d.pos:]), 0, false, false
}

// Held returns how many bytes of memory the Decoder keeps for unfinished frames.
func (d *Decoder) Held() int { return cap(d.held) }

// Rest returns the bytes that were fed and are not used yet: after a closing frame those behind it, which are to be
// ignored. They are valid until the next call of Feed, and no longer than the bytes that were fed.
func (d *Decoder) Rest() []byte { return d.in[d.pos:] }

// Discard uses up the next n bytes of Rest, which are whole frames that the caller
// has read by other means: [AppendMessages]. It may be called when Next has just
// returned a frame, and panics when n is beyond Rest or a frame is unfinished.
func (d *Decoder) Discard(n int) {
	if d.stage != atType || n < 0 || n > len(d.in)-d.pos {
		panic("hixie: Decoder.Discard of bytes that are not whole frames")
	}
	d.pos += n
}
