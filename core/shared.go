package core

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ws76/ws76/core/hixie"
)

// Shared is messages that go to many connections: each dialect's frames are made once, when they are first wanted. Fill
// it by Add, then share it: from the first Frames on it may not change, and is safe for concurrent use.
type Shared struct {
	// BinaryAs appends a text that stands for a binary message where the dialect
	// has none. nil leaves the message out there; Frames.Skipped counts it.
	BinaryAs func(dst, data []byte) []byte
	// Waiting counts the memory of all Shareds that somebody holds; nil: nobody counts.
	Waiting *atomic.Int64
	holders atomic.Int32

	data []byte
	msgs []span

	frames [len(Dialects)]struct { // of dialects whose frames are their own
		once sync.Once
		Frames
	}
}

// span is one message of a Shared.
type span struct {
	end  int // in data; it begins where the one before ends
	kind Kind
}

// Frames are messages as they go over the wire. They are shared: never written to.
type Frames struct {
	Bytes   []byte
	Ends    []uint32 // Ends[i] is where the i-th message ends in Bytes
	Skipped int      // messages that the dialect cannot carry
}

// MaxShared bounds the data of a Shared in bytes.
const MaxShared = 1 << 30

// Add copies m. It fails with an *InvalidUTF8Error, and with ErrMessageTooLarge
// where the Shared would become larger than MaxShared.
func (s *Shared) Add(m Message) error {
	if m.Kind == Text && !m.valid && !hixie.ValidUTF8(m.Data) {
		return &InvalidUTF8Error{Offset: hixie.InvalidAt(m.Data)}
	}
	if len(m.Data) > MaxShared-len(s.data) {
		return ErrMessageTooLarge
	}
	s.data = append(s.data, m.Data...)
	s.msgs = append(s.msgs, span{len(s.data), m.Kind})
	return nil
}

// Hold says that somebody keeps s, or its frames, until Release. nil holds nothing.
func (s *Shared) Hold() {
	if s != nil && s.Waiting != nil && s.holders.Add(1) == 1 {
		s.Waiting.Add(s.memory())
	}
}

// Release ends a Hold.
func (s *Shared) Release() {
	if s != nil && s.Waiting != nil && s.holders.Add(-1) == 0 {
		s.Waiting.Add(-s.memory())
	}
}

// memory is what s takes with the frames of one dialect, about.
func (s *Shared) memory() int64 { return int64(2*len(s.data) + 32*len(s.msgs)) }

// Len returns how many messages were added.
func (s *Shared) Len() int { return len(s.msgs) }

// Size returns how many bytes of data they have.
func (s *Shared) Size() int { return len(s.data) }

// Message returns message i. The data is shared: it must not be changed.
func (s *Shared) Message(i int) Message {
	at := 0
	if i > 0 {
		at = s.msgs[i-1].end
	}
	m := s.msgs[i]
	return Message{Data: s.data[at:m.end:m.end], Kind: m.kind, valid: m.kind == Text}
}

// Grow makes room for n more bytes of data.
func (s *Shared) Grow(n int) { s.data = slices.Grow(s.data, n) }

// All calls each with every message until it returns false.
func (s *Shared) All(each func(Message) bool) {
	for i := range s.msgs {
		if !each(s.Message(i)) {
			return
		}
	}
}

// Frames returns the messages encoded for d, uncompressed and unmasked.
func (s *Shared) Frames(d Dialect) *Frames {
	own := protocolOf(d).frames()
	f := &s.frames[own.Index()]
	f.once.Do(func() { f.Frames = s.encode(own) })
	return &f.Frames
}

var sharedCodecs = func() (codecs [len(Dialects)]*Codec) {
	for i, d := range Dialects {
		codecs[i] = NewCodec(d, false, nil)
	}
	return codecs
}()

func (s *Shared) encode(d Dialect) Frames {
	k, textOnly := sharedCodecs[d.Index()], d.Lacks().Binary
	f := Frames{Bytes: make([]byte, 0, len(s.data)+10*len(s.msgs)), Ends: make([]uint32, 0, len(s.msgs))}
	var text []byte
	s.All(func(m Message) bool {
		if m.Kind == Binary && textOnly {
			if s.BinaryAs == nil {
				f.Skipped++
				return true
			}
			text = s.BinaryAs(text[:0], m.Data)
			m = Message{Data: text}
		}
		out, err := k.Append(f.Bytes, m)
		if err != nil { // of a BinaryAs whose text is none
			f.Skipped++
			return true
		}
		f.Bytes = out
		f.Ends = append(f.Ends, uint32(len(out)))
		return true
	})
	return f
}
