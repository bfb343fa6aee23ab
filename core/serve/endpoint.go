package serve

import (
	"context"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// Endpoint returns p as an endpoint of a relay.Session that is pushed: call
// Session.Queue from Events.Message, Session.Flush from Flush, and Session.Close,
// in a goroutine, after Closed. Nothing of it blocks but Receive, which gives no
// messages and waits for its context.
func (p *Peer) Endpoint() relay.Endpoint { return peerEndpoint{p} }

type peerEndpoint struct{ p *Peer }

var _ interface {
	relay.Batcher
	relay.HalfCloser
	relay.Nonblocker
} = peerEndpoint{}

func (e peerEndpoint) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, context.Cause(ctx)
}

func (e peerEndpoint) Send(_ context.Context, m core.Message) error  { return e.p.Send(m) }
func (e peerEndpoint) Queue(_ context.Context, m core.Message) error { return e.p.Send(m) }
func (e peerEndpoint) Flush(context.Context) error                   { return nil }
func (e peerEndpoint) Nonblocking() bool                             { return true }

func (e peerEndpoint) SendClose(_ context.Context, code int, reason string) error {
	e.p.Close(code, reason)
	return nil
}

func (e peerEndpoint) Close(context.Context) error {
	e.p.Close(codeNormal, "")
	return nil
}
