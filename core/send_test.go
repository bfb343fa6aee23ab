package core

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// slowStream takes some bytes with each of the first writes, and then waits for the deadline.
type slowStream struct {
	net.Conn
	until time.Time
	takes []int
	last  time.Time // that something was taken
}

func (s *slowStream) SetWriteDeadline(t time.Time) error { s.until = t; return nil }

func (s *slowStream) Write(p []byte) (int, error) {
	n := 0
	if len(s.takes) > 0 {
		n, s.takes, s.last = min(s.takes[0], len(p)), s.takes[1:], time.Now()
	}
	if n == len(p) {
		return n, nil
	}
	time.Sleep(time.Until(s.until))
	return n, os.ErrDeadlineExceeded
}

// A peer that takes nothing more is given up when the bound has passed since it took something,
// however often that was at the start of a write; one that takes some now and then is not.
func TestWriteTimeoutFromTheLastByte(t *testing.T) {
	const bound, size = 8 * time.Second, 1000
	for _, takes := range [][]int{{}, {10}, {10, 10, 10}} {
		synctest.Test(t, func(t *testing.T) {
			stream := &slowStream{takes: takes, last: time.Now()}
			c := newConn(stream, connConfig{dialect: Hixie76, writeTimeout: bound})
			c.vectored, c.writes.Once = true, false // as TCP is
			err := c.Send(t.Context(), Message{Data: make([]byte, size)})
			if took := time.Since(stream.last); !errors.Is(err, ErrNotRead) || took < bound || took > bound+bound/4 {
				t.Errorf("%v: %v after %v, want %v", takes, err, took, bound)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		takes := make([]int, size)
		for i := 0; i < size; i += 7 {
			takes[i] = 100
		}
		c := newConn(&slowStream{takes: takes}, connConfig{dialect: Hixie76, writeTimeout: bound})
		c.vectored, c.writes.Once = true, false
		if err := c.Send(t.Context(), Message{Data: make([]byte, size)}); err != nil {
			t.Errorf("it takes some each %v: %v", 7*bound/8, err)
		}
	})
}
