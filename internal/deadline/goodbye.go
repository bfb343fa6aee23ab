package deadline

import (
	"io"
	"net"
	"time"
)

// Goodbye is how long the last record of TLS may wait for a peer that takes nothing. It says
// no more than the closing frame before it.
const Goodbye = 200 * time.Millisecond

// Close closes stream, within Goodbye also where that is TLS and its peer takes nothing.
func Close(stream io.Closer) error {
	defer hurry(stream)()
	return stream.Close()
}

// CloseWrite ends the sending side of stream, within two times Goodbye where that is TLS and its
// peer takes nothing: a write that waits is ended first. It reports whether that is done, and not
// where the stream has no sending side of its own.
func CloseWrite(stream any) bool {
	half, ok := stream.(interface{ CloseWrite() error })
	if !ok {
		return false
	}
	defer hurry(stream)()
	return half.CloseWrite() == nil
}

// hurry ends the writes of a stream that lies over another, again and again until the function
// that it returns is called. crypto/tls gives its goodbye 5 s, even behind a write that has failed
// with a deadline: it puts one of its own in the place of what was set, once it has its turn.
func hurry(stream any) (stop func()) {
	over, ok := stream.(interface {
		NetConn() net.Conn
		SetWriteDeadline(time.Time) error
	})
	if !ok {
		return func() {}
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(Goodbye)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				over.SetWriteDeadline(Past)
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}
