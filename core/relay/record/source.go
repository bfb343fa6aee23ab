package record

import (
	"io"

	"github.com/ws76/ws76/core/relay/recording"
)

// Contents is what a recording holds.
type Contents struct {
	Conn     int                    // its first connection that has messages
	Several  bool                   // there are more than that one
	Messages map[recording.Side]int // of Conn, by who has sent them
	Cut      bool                   // the last line is cut
}

// Look reads a recording to its end, and so finds all that is wrong in it. conn is
// the connection whose messages are counted; 0 is the first.
func Look(r io.Reader, maxMessage int64, conn int) (Contents, error) {
	c := Contents{Conn: conn, Messages: map[recording.Side]int{}}
	all := recording.NewReader(r, maxMessage)
	roles := map[int]recording.Side{} // of connections that are open
	closed := false                   // that one is
	for {
		e, err := all.Next()
		if err == io.EOF {
			c.Cut = all.Cut()
			return c, nil
		} else if err != nil {
			return c, err
		}
		switch e.Event {
		case recording.Opened:
			roles[e.Conn] = roleOf(e)
			continue
		case recording.Closed:
			delete(roles, e.Conn)
			closed = closed || e.Conn == c.Conn
			continue
		}
		if c.Conn == 0 {
			c.Conn = e.Conn
		}
		if e.Conn != c.Conn {
			c.Several = true
			continue
		}
		if closed {
			continue
		}
		role := roles[e.Conn]
		if role == "" {
			role = recording.Client
		}
		c.Messages[recording.Sent(role, e.Dir)]++
	}
}

// roleOf returns who has recorded a connection; a client where nothing says so.
func roleOf(e recording.Entry) recording.Side {
	if e.Open.Role == "" {
		return recording.Client
	}
	return e.Open.Role
}

// source is the entries of one connection.
type source struct {
	*recording.Reader
	conn   int
	role   recording.Side
	closed bool
}

func newSource(r io.Reader, maxMessage int64, conn int) *source {
	return &source{Reader: recording.NewReader(r, maxMessage), conn: conn, role: recording.Client}
}

// next returns the next entry of the connection, and who has sent it if it is a
// message; io.EOF behind its close.
func (s *source) next() (recording.Entry, recording.Side, error) {
	for {
		e, err := s.Next()
		if s.closed && err == nil {
			err = io.EOF
		}
		switch {
		case err != nil:
			return e, "", err
		case e.Conn != s.conn:
			continue
		case e.Event == recording.Opened:
			s.role = roleOf(e)
		case e.Event == recording.Closed:
			s.closed = true
		case e.Event == recording.Message:
			return e, recording.Sent(s.role, e.Dir), nil
		}
		return e, "", nil
	}
}

// from returns the next message that side has sent.
func (s *source) from(side recording.Side) (recording.Entry, error) {
	for {
		if e, by, err := s.next(); err != nil || by == side {
			return e, err
		}
	}
}
