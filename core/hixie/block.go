package hixie

import (
	"bytes"
	"math/bits"
	"slices"
	"unsafe"
)

// The functions of this file turn whole blocks of messages into frames and back,
// for streams where a call per message would cost more than the message.
//
// The first words of a message are searched for its end while they are copied: the word that holds it is written whole,
// and what is too much of it overwritten by what follows. What is longer than shortLen goes on with the search and the
// copy of the library; and the message after a long one is taken for long at once, since messages of one stream are
// much alike.
//
// For the same reason the length of a short one is compared with the one before ("same"), and if they are equal that
// one is added: the branch tells the processor where the next message begins before the end of this one has been found.
// Without it they wait for one another. It makes lines of 16 bytes, all equally long, half as fast again; where lengths
// are random it gains nothing and costs 0 to 7 percent. Both ends of the branch are written out: joined behind it, or
// with the same for long messages, random short lengths lose up to 30 percent.
//
// Words are read and written by package unsafe, since the compiler's checks, several for each word, cost a third of the
// speed at 16 bytes, where the copies through pipes take as long as this. Why they are not needed is said where they
// are missing, and the fuzz tests compare with the simple form.

const (
	shortLen  = 24           // bytes of a message that are copied in words
	wordSlack = shortLen + 8 // room for words written beyond the end
	low       = 0x0101010101010101
	high      = 0x8080808080808080
)

// load returns the eight bytes at p[i:], the first of them lowest.
func load(p unsafe.Pointer, i int) uint64 {
	b := (*[8]byte)(unsafe.Add(p, i))
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// store is the reverse of load.
func store(p unsafe.Pointer, i int, x uint64) {
	b := (*[8]byte)(unsafe.Add(p, i))
	b[0], b[1], b[2], b[3] = byte(x), byte(x>>8), byte(x>>16), byte(x>>24)
	b[4], b[5], b[6], b[7] = byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56)
}

// zeroByte returns a word whose lowest bit set is the high bit of the lowest byte of x that is zero; 0 when no byte is.
func zeroByte(x uint64) uint64 { return (x - low) &^ x & high }

// AppendFrames appends a text frame to dst for each message in src and returns the extended slice. Each message is
// ended by delim, the last one perhaps by the end of src. Messages must be UTF-8: check src with [ValidUTF8] first (and
// choose a delim below 0x80), since a byte 0xFF would end a frame early.
//
// The frames are len(src) bytes and one for each message. dst grows by more than that, twice len(src) and a few, so
// give it room that is used again. It must not overlap src.
func AppendFrames(dst, src []byte, delim byte) []byte {
	dst = slices.Grow(dst, 2*len(src)+wordSlack)
	out, o, i := dst[:cap(dst)], len(dst), 0
	s, d := unsafe.Pointer(unsafe.SliceData(src)), unsafe.Pointer(unsafe.SliceData(out))
	ends := low * uint64(delim)
	long, same := false, 0
	// The words read lie in src by the condition of the loop. As to those written: n
	// bytes and delim have become n+2 <= 2*(n+1), so o is at most len(dst)+2*i, and
	// the shortLen bytes behind it (and the two around them) are in the room above.
message:
	for len(src)-i >= shortLen {
		*(*byte)(unsafe.Add(d, o)) = typeText
		o++
		for k := 0; k < shortLen && !long; k += 8 {
			x := load(s, i)
			store(d, o, x)
			if m := zeroByte(x ^ ends); m != 0 {
				n := bits.TrailingZeros64(m) / 8
				if n != same {
					same = n
					o += n
					i += n + 1
					*(*byte)(unsafe.Add(d, o)) = sentinel
					o++
					continue message
				}
				o += same
				i += same + 1
				*(*byte)(unsafe.Add(d, o)) = sentinel
				o++
				continue message
			}
			i += 8
			o += 8
		}
		n := length(src[i:], delim)
		long = !long || n > shortLen
		copy(out[o:], src[i:i+n])
		out[o+n] = sentinel
		o += n + 1
		i += n + 1
	}
	for i < len(src) {
		n := length(src[i:], delim)
		out[o] = typeText
		copy(out[o+1:], src[i:i+n])
		out[o+1+n] = sentinel
		o += n + 2
		i += n + 1
	}
	return out[:o]
}

// length returns the number of bytes before delim, or before the end.
func length(src []byte, delim byte) int {
	if n := bytes.IndexByte(src, delim); n >= 0 {
		return n
	}
	return len(src)
}

// AppendMessages appends the messages of the whole text frames at the start of src to dst, each ended by delim, and
// returns the extended slice and the number of bytes of src that were used. It stops at a frame of another type and at
// one that is not whole. The messages are not checked to be UTF-8, nor not to hold delim.
//
// The messages with their delimiters are one byte shorter than their frames. dst grows by up to len(src) and a few
// bytes, so give it room that is used again. It must not overlap src.
func AppendMessages(dst, src []byte, delim byte) (out []byte, n int) {
	dst = slices.Grow(dst, len(src)+wordSlack)
	out, o, i := dst[:cap(dst)], len(dst), 0
	s, d := unsafe.Pointer(unsafe.SliceData(src)), unsafe.Pointer(unsafe.SliceData(out))
	long, same := false, 0
	// As above; and a frame becomes shorter, so o is at most len(dst)+i.
message:
	for len(src)-i > shortLen && src[i] == typeText {
		start, at := i, o
		i++
		for k := 0; k < shortLen && !long; k += 8 {
			x := load(s, i)
			store(d, o, x)
			if m := zeroByte(^x); m != 0 { // the sentinel has all bits set
				n := bits.TrailingZeros64(m) / 8
				if n != same {
					same = n
					o += n
					i += n + 1
					*(*byte)(unsafe.Add(d, o)) = delim
					o++
					continue message
				}
				o += same
				i += same + 1
				*(*byte)(unsafe.Add(d, o)) = delim
				o++
				continue message
			}
			i += 8
			o += 8
		}
		n := bytes.IndexByte(src[i:], sentinel)
		if n < 0 {
			return out[:at], start
		}
		long = !long || n > shortLen
		copy(out[o:], src[i:i+n])
		out[o+n] = delim
		o += n + 1
		i += n + 1
	}
	for i < len(src) && src[i] == typeText {
		n := bytes.IndexByte(src[i+1:], sentinel)
		if n < 0 {
			break
		}
		copy(out[o:], src[i+1:i+1+n])
		out[o+n] = delim
		o += n + 1
		i += n + 2
	}
	return out[:o], i
}
