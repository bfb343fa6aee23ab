package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bound = 20 * time.Second

// fake is a broker of which a test says what it answers.
type fake struct {
	t *testing.T
	net.Listener
	handlers sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// raw is a packet as it came from the client.
type raw struct {
	head byte
	body []byte
}

// startFake accepts connections; handle gets the number of each and its packets.
func startFake(t *testing.T, handle func(n int, conn net.Conn, next func() (raw, error))) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, Listener: l}
	f.handlers.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, conn)
			f.mu.Unlock()
			f.handlers.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				handle(n, conn, func() (raw, error) {
					head, err := r.ReadByte()
					if err != nil {
						return raw{}, err
					}
					size, err := readLength(r)
					if err != nil {
						return raw{}, err
					}
					body := make([]byte, size)
					for i := range body {
						if body[i], err = r.ReadByte(); err != nil {
							return raw{}, err
						}
					}
					return raw{head, body}, nil
				})
			})
		}
	})
	t.Cleanup(f.stop)
	return f
}

func (f *fake) stop() {
	f.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.handlers.Wait()
}

// accept answers CONNECT and SUBSCRIBE in the version of the client, and hands other
// packets on.
func accept(conn net.Conn, next func() (raw, error), session byte, other func(version byte, p raw) bool) {
	version := byte(0)
	for {
		p, err := next()
		if err != nil {
			return
		}
		switch p.head >> 4 {
		case 1:
			version = p.body[6]
			if version == version5 {
				conn.Write([]byte{connack << 4, 3, session, 0, 0})
			} else {
				conn.Write([]byte{connack << 4, 2, session, 0})
			}
		case 8:
			answer := []byte{suback << 4, 3, p.body[0], p.body[1], 1}
			if version == version5 {
				answer = []byte{suback << 4, 4, p.body[0], p.body[1], 0, 1}
			}
			conn.Write(answer)
		default:
			if !other(version, p) {
				return
			}
		}
	}
}

func (f *fake) open(params string, o *broker.Options) (*Endpoint, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), bound)
	defer cancel()
	return Open(ctx, "mqtt://"+f.Addr().String()+"/t"+params, o)
}

func (f *fake) mustOpen(params string, o *broker.Options) *Endpoint {
	f.t.Helper()
	e, err := f.open(params, o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		e.Close(ctx)
	})
	return e
}

// encodePublish is what a broker sends.
func encodePublish(version byte, p packet) []byte {
	return append(appendPublish(nil, version, &p, len(p.payload)), p.payload...)
}

func message(text string) core.Message { return core.Message{Data: []byte(text)} }

// id returns the number of a PUBLISH of the client with QoS 1 on topic "t".
func id(p raw) uint16 { return binary.BigEndian.Uint16(p.body[3:]) }

func payload(version byte, p raw) string {
	rest := p.body[3:]
	if p.head>>1&3 > 0 {
		rest = rest[2:]
	}
	if version == version5 {
		rest = bytes.TrimPrefix(rest, []byte{0})
	}
	return string(rest)
}
