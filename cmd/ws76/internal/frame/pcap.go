package frame

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/capture"
)

// maxCaptured bounds what is kept of a capture, in bytes.
const maxCaptured = 256 << 20

// dumpCapture dumps the WebSocket connections of a packet capture as to would dump each direction.
func dumpCapture(e *app.Env, in io.Reader, to *dumper) error {
	conns, err := capture.Conns(in, maxCaptured)
	var malformed *capture.FileError
	switch {
	case errors.Is(err, capture.ErrFormat), errors.As(err, &malformed):
		return app.WithCode(app.ExitProtocol, fmt.Errorf("reading the capture: %w", err))
	case err != nil:
		return fmt.Errorf("reading the capture: %w", err)
	}
	var all error
	shown := 0
	for _, c := range conns {
		if !opensWebSocket(c.Sent.Data) {
			continue
		}
		if shown++; shown > 1 {
			to.w.WriteByte('\n')
		}
		client := &dumper{r: bytes.NewReader(c.Sent.Data), w: to.w, max: to.max}
		server := &dumper{r: bytes.NewReader(c.Received.Data), w: to.w, max: to.max}
		for _, side := range []struct {
			d        *dumper
			from, to any
			stream   *capture.Stream
		}{{client, c.Client, c.Server, &c.Sent}, {server, c.Server, c.Client, &c.Received}} {
			if _, err := fmt.Fprintf(to.w, "%v to %v, %d bytes\n", side.from, side.to, len(side.stream.Data)); err != nil {
				return err
			}
			if err := side.d.run(); err != nil {
				all = errors.Join(all, fmt.Errorf("%v to %v: %w", side.from, side.to, err))
			}
			if side.stream.Lost > 0 {
				all = errors.Join(all, app.WithCode(app.ExitProtocol, fmt.Errorf("%v to %v: packets are missing behind these bytes; %d more are in the capture",
					side.from, side.to, side.stream.Lost)))
			}
			// The answer is held against the client's challenge.
			server.parts, server.good, server.want, server.asked = client.parts, client.good, client.want, client.asked
		}
	}
	if rest := len(conns) - shown; rest > 0 {
		e.Log.Infof("connections without a WebSocket handshake: %d", rest)
	}
	if shown == 0 {
		return errors.Join(all, app.WithCode(app.ExitProtocol, fmt.Errorf("no WebSocket handshake in the %d TCP connections of the capture", len(conns))))
	}
	return all
}

// opensWebSocket reports whether a client's stream begins with a request for one.
func opensWebSocket(stream []byte) bool {
	r, _, err := hixie.ParseRequest(stream)
	return err == nil && r.Fields.HasToken("Upgrade", "websocket")
}
