package scripts

import (
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

func requestOf(path string) *hixie.Request {
	return &hixie.Request{Method: "GET", Resource: path, Fields: hixie.Fields{
		{Name: "Host", Value: "example.org"}, {Name: "Origin", Value: "http://a"}, {Name: "X-Two", Value: "1"}, {Name: "X-Two", Value: "2"},
	}}
}

func TestHandshake(t *testing.T) {
	r := newRig(t, `
function on_handshake(conn, req)
  assert(req.host == "example.org" and req.origin == "http://a" and conn.origin == "http://a" and conn.path == req.path)
  assert(#req.headers == 4 and req.headers[4].name == "X-Two" and req.headers[4].value == "2" and req.headers["X-Two"] == "1")
  if req.path == "/no" then return {status = 403, body = "go away, " .. req.dialect} end
  if req.path == "/false" then return false end
  if req.path == "/p" then return {protocol = "sample"} end
  if req.path == "/bad" then return {status = 7} end
  if req.path == "/fails" then error("no") end
end`, Options{OnError: Drop})
	for path, want := range map[string]*Answer{
		"/":      nil,
		"/no":    {Status: 403, Body: "go away, hixie-76"},
		"/false": {Status: 403},
		"/p":     {Protocol: "sample"},
		"/bad":   {Status: 500, Body: "the script failed"},
		"/fails": {Status: 500, Body: "the script failed"},
	} {
		req := requestOf(path)
		got := (Set{r.script}).Handshake(RequestPeer(req, core.Hixie76, "1.2.3.4:5", "tcp"), req)
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v; logs %q", path, got, want, r.got(&r.logs))
		}
	}
}
