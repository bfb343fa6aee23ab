package serve

import (
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/gate"
)

// quick returns the answer to r if Server.Quick has one, and whether the connection is kept; r
// is the first n bytes of b. from is what it came over.
func (s *Server) quick(r *hixie.Request, b []byte, from gate.Request) (answer []byte, n int, keep bool) {
	if s.Quick == nil || bodyLength(r.Fields) != 0 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, 0, false
	}
	status, fields, body := s.Quick(r)
	if status == 0 {
		return nil, 0, false
	}
	keep = true
	if s.Gate != nil {
		from.Head = r
		if _, refusal := s.Gate.Admit(&from); refusal != nil {
			return nil, 0, false // HTTP says so
		}
		keep = s.Gate.Users == nil // who is no user keeps no connection
	}
	keep = keep && r.Proto == "HTTP/1.1" && !r.Fields.HasToken("Connection", "close")
	proto := "HTTP/1.1"
	if r.Proto == "HTTP/1.0" {
		proto = r.Proto
	}
	response := hixie.Response{Proto: proto, Status: status, Reason: http.StatusText(status), Fields: append(fields[:len(fields):len(fields)],
		hixie.Field{Name: "Date", Value: time.Now().UTC().Format(http.TimeFormat)},
		hixie.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})}
	if !keep {
		response.Fields = append(response.Fields, hixie.Field{Name: "Connection", Value: "close"})
	}
	answer = hixie.AppendResponse(nil, &response)
	if r.Method == http.MethodGet {
		answer = append(answer, body...)
	}
	_, n, _ = hixie.ParseRequest(b)
	return answer, n, keep
}

// answerQuick does on a stream what quick says to a request that was read. answered says
// whether it was; rest is what came behind it then, nil where the connection is over.
func (s *Server) answerQuick(stream net.Conn, r *core.NotWebSocketError, secure bool) (rest []byte, answered bool) {
	answer, n, keep := s.quick(&r.Request, r.Read, gate.Request{Secure: secure, Transport: stream.LocalAddr().Network(), Peer: stream})
	if answer == nil {
		return r.Read, false
	}
	stream.SetDeadline(time.Now().Add(s.handshakeTimeout()))
	if _, err := stream.Write(answer); err == nil && keep {
		stream.SetDeadline(time.Time{})
		return r.Read[n:], true
	}
	lastWords(stream)
	return nil, true
}
