package core

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// deviceStream is over a device, which finds out at Close why it ended.
type deviceStream struct {
	net.Conn
	closed bool
}

var errDevice = errors.New("the antenna fell off")

func (d *deviceStream) Ended() error {
	if d.closed {
		return errDevice
	}
	return nil
}

func (d *deviceStream) Doubt() string { return "the line is bad" }

func (d *deviceStream) Close() error {
	d.closed = true
	return d.Conn.Close()
}

// What a stream knows of its end is in the error of what was cut off, and that bytes may be
// lost in the error of what makes no sense; neither in that of what was refused.
func TestExplained(t *testing.T) {
	const opened = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" +
		"WebSocket-Origin: http://device.local\r\nWebSocket-Location: ws://device.local/\r\n\r\n"
	for _, test := range []struct{ answer, want, not string }{
		{"HTTP/1.1 101 Web", errDevice.Error(), "the line is bad"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", "the line is bad", errDevice.Error()},
		{"HTTP/1.1 404 Not Found\r\n\r\n", "404", "the line is bad"},
		{"HTP/1.1 101 Web\r\n\r\n", "the line is bad", errDevice.Error()},
		{opened + "\x00text", errDevice.Error(), "the line is bad"},
		{opened + "\x80" + strings.Repeat("\xff", 20), "the line is bad", errDevice.Error()},
	} {
		near, far := net.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			buf := make([]byte, 4096)
			for n := 0; !strings.Contains(string(buf[:n]), "\r\n\r\n"); {
				m, err := far.Read(buf[n:])
				if err != nil {
					return
				}
				n += m
			}
			go io.Copy(io.Discard, far)
			io.WriteString(far, test.answer)
			far.Close()
		}()
		conn, err := Client(ctx, &deviceStream{Conn: near}, "ws://device.local/", &DialOptions{Dialect: Hixie75})
		if err == nil {
			_, err = conn.Receive(ctx)
			conn.Close(ctx)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), test.not) {
			t.Errorf("%q: %v, want %q and not %q", test.answer, err, test.want, test.not)
		}
		<-done
		cancel()
	}
}
