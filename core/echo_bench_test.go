package core_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// memStream gives the same frames for ever, a read at a time, and drops what is
// written: what is left is the cost of Conn itself.
type memStream struct {
	net.Conn
	head  []byte
	block []byte
	left  int
}

func (s *memStream) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	return copy(p, s.block), nil
}

func (s *memStream) Write(p []byte) (int, error) { return len(p), nil }
func (s *memStream) Close() error                { return nil }

const openingRequest = "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: x\r\nOrigin: http://x\r\n" +
	"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U"

func BenchmarkEchoMemory(b *testing.B) {
	const perRead = 64
	block := bytes.Repeat(hixie.AppendText(nil, bytes.Repeat([]byte("x"), 125)), perRead)
	s := &memStream{Conn: noDeadlines{}, head: []byte(openingRequest), block: block[:4096/127*127]}
	per := 4096 / 127
	conn, err := core.Accept(context.Background(), s, nil)
	if err != nil {
		b.Fatal(err)
	}
	s.left = b.N/per + 1
	b.ReportAllocs()
	b.ResetTimer()
	core.Copy(context.Background(), conn, conn)
}

type noDeadlines struct{ net.Conn }

func (noDeadlines) SetReadDeadline(time.Time) error  { return nil }
func (noDeadlines) SetWriteDeadline(time.Time) error { return nil }
