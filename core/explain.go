package core

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// A stream over a device may know more of what went wrong than its errors say, and tell it by these methods.
type (
	// Ended returns why the stream came to its end, nil where that is not known. Close may find out more.
	endKnower interface{ Ended() error }
	// Doubt says how bytes of the stream may have been lost, "" where none can be.
	doubter interface{ Doubt() string }
)

// beneath finds what a stream, or the one that its TLS runs over, implements.
func beneath[T any](stream net.Conn) (found T, ok bool) {
	for {
		if found, ok = stream.(T); ok {
			return found, true
		}
		secure, is := stream.(interface{ NetConn() net.Conn })
		if !is {
			return found, false
		}
		stream = secure.NetConn()
	}
}

// endOf is what a stream that is closed knows of its end, nil if err tells of another.
func endOf(stream net.Conn, err error) error {
	if device, ok := beneath[endKnower](stream); ok && errors.Is(err, io.ErrUnexpectedEOF) {
		return device.Ended()
	}
	return nil
}

// doubtOf is what a stream says of lost bytes.
func doubtOf(stream net.Conn) string {
	if device, ok := beneath[doubter](stream); ok {
		return device.Doubt()
	}
	return ""
}

// explainHandshake adds to the error of a handshake what its stream knows, which is closed.
func explainHandshake(stream net.Conn, err error) error {
	he, ok := err.(*HandshakeError)
	if !ok {
		return err
	}
	if why := endOf(stream, he.Err); why != nil {
		he.Err = fmt.Errorf("%w: %w", he.Err, why)
		return he
	}
	switch he.Status {
	case 0, 101, 400, 408: // of a request that did not come whole, the last two
	default:
		return he
	}
	he.Hint = doubtOf(stream)
	return he
}

// explain adds to how a connection ended what its stream knows, which is closed.
func (c *Conn) explain(ce *CloseError) *CloseError {
	if ce.Err == nil {
		return ce
	}
	more := *ce
	if why := endOf(c.stream, ce.Err); why != nil {
		more.Err = fmt.Errorf("%w: %w", ce.Err, why)
		return &more
	}
	if doubt := doubtOf(c.stream); doubt != "" && c.framing.malformed(ce.Err) {
		more.Err = fmt.Errorf("%w; %s", ce.Err, doubt)
	}
	return &more
}
