package capture

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// Stream is what one side of a connection has sent, as far as it is in the capture without a gap.
type Stream struct {
	Data []byte
	// Lost counts the bytes that were captured behind a gap.
	Lost int

	started bool
	next    uint32 // sequence number behind Data
	later   []piece
	early   uint32 // the first sequence number of later
}

// maxLater bounds the pieces that wait for what is before them.
const maxLater = 10000

// piece is data that came out of order.
type piece struct {
	seq  uint32
	data []byte
}

// Conn is a TCP connection of a capture.
type Conn struct {
	Client, Server netip.AddrPort // the client is who has sent first, where the start is not there
	Sent, Received Stream         // by the client
}

// Conns returns the TCP connections of a capture in the order of their beginning.
// More than limit bytes of data are an error.
func Conns(r io.Reader, limit int64) ([]*Conn, error) {
	f, err := openFile(r)
	if err != nil {
		return nil, err
	}
	var all []*Conn
	open := map[[2]netip.AddrPort]*Conn{}
	held := int64(0)
	for {
		packet, link, err := f.next()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		s, ok := parseIP(network(link, packet))
		if !ok {
			continue
		}
		c := open[[2]netip.AddrPort{s.from, s.to}]
		begins := s.syn && !s.ack
		if c == nil || begins && (c.Client != s.from || !c.Sent.started || c.Sent.next != s.seq+1) {
			if !begins && !s.syn && len(s.data) == 0 {
				continue // the end of one that was before the capture
			}
			c = &Conn{Client: s.from, Server: s.to}
			if s.syn && s.ack {
				c.Client, c.Server = s.to, s.from
			}
			// An entry counts, too: a scan of ports is many connections.
			held += 256
			all = append(all, c)
			open[[2]netip.AddrPort{s.from, s.to}], open[[2]netip.AddrPort{s.to, s.from}] = c, c
		}
		stream := &c.Sent
		if s.from != c.Client {
			stream = &c.Received
		}
		held += int64(stream.take(&s))
		if held > limit {
			return nil, fmt.Errorf("the capture has more than %d bytes of TCP connections", limit)
		}
	}
	for _, c := range all {
		c.Sent.finish()
		c.Received.finish()
	}
	return all, nil
}

// take adds a segment, and returns how many bytes are kept of it.
func (s *Stream) take(g *segment) int {
	seq := g.seq
	if g.syn {
		seq++
	}
	if !s.started {
		s.started, s.next = true, seq
	}
	switch ahead := int32(seq - s.next); {
	case len(g.data) == 0:
		return 0
	case ahead > 0 && len(s.later) >= maxLater:
		s.Lost += len(g.data)
		return 0
	case ahead > 0:
		if len(s.later) == 0 || int32(seq-s.early) < 0 {
			s.early = seq
		}
		s.later = append(s.later, piece{seq, slices.Clone(g.data)})
		return len(g.data) + 64
	default:
		n := s.add(seq, g.data)
		if len(s.later) > 0 && int32(s.early-s.next) <= 0 {
			s.drain()
		}
		return n
	}
}

// add appends the part of data that is new, none of it behind a gap.
func (s *Stream) add(seq uint32, data []byte) int {
	known := int64(s.next - seq)
	if known >= int64(len(data)) {
		return 0
	}
	s.Data = append(s.Data, data[known:]...)
	n := len(data) - int(known)
	s.next += uint32(n)
	return n
}

// drain adds what came early and is not behind a gap any more.
func (s *Stream) drain() {
	slices.SortStableFunc(s.later, func(a, b piece) int { return cmp.Compare(int32(a.seq-s.next), int32(b.seq-s.next)) })
	n := 0
	for n < len(s.later) && int32(s.later[n].seq-s.next) <= 0 {
		s.add(s.later[n].seq, s.later[n].data)
		n++
	}
	if s.later = slices.Delete(s.later, 0, n); len(s.later) > 0 {
		s.early = s.later[0].seq
	}
}

func (s *Stream) finish() {
	for _, p := range s.later {
		s.Lost += len(p.data)
	}
	s.later = nil
}
