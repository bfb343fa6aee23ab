package core_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// What is ambiguous in a head is refused in every dialect.
func TestHeadsAreReadAlike(t *testing.T) {
	heads := map[core.Dialect]string{
		core.RFC6455: request6455, core.Hixie76: request76,
		core.Hixie75: "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: h\r\nOrigin: http://h\r\n\r\n",
	}
	for dialect, head := range heads {
		if _, err := core.NewHandshake(&core.AcceptOptions{}).Read([]byte(head)); err != nil {
			t.Fatalf("%s: %v", dialect, err)
		}
		host, _, _ := strings.Cut(head[strings.Index(head, "Host:"):], "\r\n")
		bad := map[string]string{
			"two Host":       strings.Replace(head, "\r\n\r\n", "\r\nHost: evil\r\n\r\n", 1),
			"no Host":        strings.Replace(head, host+"\r\n", "", 1),
			"Host of a path": strings.Replace(head, host, "Host: h/x", 1),
			"two Origin":     strings.Replace(head, "\r\n\r\n", "\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n", 1),
			"a body":         strings.Replace(head, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n", 1),
			"chunks":         strings.Replace(head, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1),
			"POST":           strings.Replace(head, "GET", "POST", 1),
			"a URL":          strings.Replace(head, "GET /", "GET http://h/", 1),
		}
		if dialect == core.RFC6455 {
			bad["HTTP/1.0"] = strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1)
			bad["two keys"] = strings.Replace(head, "\r\n\r\n", "\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", 1)
			bad["two versions"] = strings.Replace(head, "\r\n\r\n", "\r\nSec-WebSocket-Version: 8\r\n\r\n", 1)
		}
		for what, request := range bad {
			h := core.NewHandshake(&core.AcceptOptions{})
			_, err := h.Read([]byte(request))
			var refused *core.HandshakeError
			if !errors.As(err, &refused) || refused.Status != 400 {
				t.Errorf("%s with %s: got %v", dialect, what, err)
			}
		}
	}
}

// noDialer fails the test where something is dialled.
type noDialer struct{ t *testing.T }

func (d noDialer) Dial(context.Context, string) (net.Conn, error) {
	d.t.Error("dialled")
	return nil, errors.New("dialled")
}

// Whatever a request is made of, nothing in it makes another line.
func TestRequestIsChecked(t *testing.T) {
	for name, o := range map[string]core.DialOptions{
		"protocol":     {Protocols: []string{"chat\r\nX-Evil: 1"}},
		"origin":       {Origin: "http://h\r\nX-Evil: 1"},
		"header":       {Header: hixie.Fields{{Name: "Cookie", Value: "a=b\r\nX-Evil: 1"}}},
		"header name":  {Header: hixie.Fields{{Name: "X: 1\r\nX-Evil", Value: "1"}}},
		"host":         {Header: hixie.Fields{{Name: "Host", Value: "h\nX-Evil: 1"}}},
		"origin field": {Header: hixie.Fields{{Name: "Origin", Value: "h\x00"}}},
		"one LF":       {Protocols: []string{"chat\nX-Evil: 1"}},
	} {
		for _, dialect := range core.Dialects {
			o.Dialect, o.Dialer = dialect, noDialer{t}
			_, err := core.Dial(t.Context(), "ws://127.0.0.1:1/", &o)
			if want := (*core.RequestError)(nil); !errors.As(err, &want) {
				t.Errorf("%s, %s: got %v", name, dialect, err)
			}
		}
	}
}

// Nor in an answer; who asked is told that it is the server's fault.
func TestAnswerIsChecked(t *testing.T) {
	evil := "x\r\nX-Evil: 1"
	for name, o := range map[string]*core.AcceptOptions{
		"header":   {Header: hixie.Fields{{Name: "Set-Cookie", Value: evil}}},
		"location": {Location: func(*hixie.Request) string { return evil }},
		"refusal": {Check: func(*hixie.Request, core.Dialect) *core.Refusal {
			return &core.Refusal{Status: 403, Reason: evil, Text: "no", Fields: hixie.Fields{{Name: "X", Value: evil}}}
		}},
	} {
		h := core.NewHandshake(o)
		_, err := h.Read([]byte(request76))
		var out []byte
		if err == nil {
			out, err = h.AppendResponse(nil, nil, o.Header)
		}
		if err == nil {
			t.Errorf("%s: got %q", name, out)
			continue
		}
		if out = h.AppendRefusal(nil); strings.Contains(string(out), "X-Evil") || !strings.HasPrefix(string(out), "HTTP/1.1 ") {
			t.Errorf("%s: got %q", name, out)
		}
		if want := fmt.Sprint(map[bool]int{true: 403, false: 500}[name == "refusal"]); string(out[9:12]) != want {
			t.Errorf("%s: got %q, want %s", name, out, want)
		}
	}
}
