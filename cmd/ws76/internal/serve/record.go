package serve

import (
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/plugins/record"
	"github.com/ws76/ws76/scripts"
)

// record begins to record a connection; nil without --record.
func (s *service) record(p *scripts.Peer) *record.Conn {
	return s.recorder.Open(recording.Open{
		Role: recording.Server, Dialect: p.Dialect, Remote: p.Remote, Protocol: p.Protocol,
		Request: "GET " + p.Path + " HTTP/1.1", Header: p.Headers,
	})
}
