package hixie

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// draftOpening is the handshake of the draft's section 1.2.
func draftOpening(t testing.TB) Opening {
	return Opening{
		Draft: Draft76, Host: "example.com", Resource: "/demo", Origin: "http://example.com", HasOrigin: true,
		Protocols: []string{"sample"}, Challenge: vectors(t)[0].challenge(t),
	}
}

func TestDraftString(t *testing.T) {
	for d, want := range map[Draft]string{Draft75: "hixie-75", Draft76: "hixie-76", 3: "Draft(3)"} {
		if got := d.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOpeningRequest(t *testing.T) {
	full := draftOpening(t)
	full75 := full
	full75.Draft, full75.Origin, full75.Protocols = Draft75, "HTTP://Example.COM", []string{"a", "b"}
	for _, test := range []struct {
		name string
		o    Opening
		want string
	}{
		{"76", full, crlf("GET /demo HTTP/1.1", "Upgrade: WebSocket", "Connection: Upgrade", "Host: example.com",
			"Origin: http://example.com", "Sec-WebSocket-Protocol: sample",
			"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00", "")},
		{"75", full75, crlf("GET /demo HTTP/1.1", "Upgrade: WebSocket", "Connection: Upgrade", "Host: example.com",
			"Origin: http://example.com", "WebSocket-Protocol: a, b", "")},
		{"75, bare", Opening{Draft: Draft75, Host: "h:8076", Resource: "/?q=1"},
			crlf("GET /?q=1 HTTP/1.1", "Upgrade: WebSocket", "Connection: Upgrade", "Host: h:8076", "")},
	} {
		req := test.o.Request()
		if got := string(AppendRequest(nil, &req)); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestOpeningResponse(t *testing.T) {
	full := draftOpening(t)
	secure75 := full
	secure75.Draft, secure75.Secure = Draft75, true
	for _, test := range []struct {
		name               string
		o                  Opening
		protocol, location string
		want               string
	}{
		{"76", full, "sample", "", crlf("HTTP/1.1 101 WebSocket Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
			"Sec-WebSocket-Origin: http://example.com", "Sec-WebSocket-Location: ws://example.com/demo", "Sec-WebSocket-Protocol: sample", "")},
		{"75 over TLS", secure75, "sample", "", crlf("HTTP/1.1 101 Web Socket Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
			"WebSocket-Origin: http://example.com", "WebSocket-Location: wss://example.com/demo", "WebSocket-Protocol: sample", "")},
		{"an origin in another case, a protocol with a space", Opening{Draft: Draft76, Host: "A:81", Resource: "/", Origin: "HTTP://Example.com", HasOrigin: true}, "a b", "",
			crlf("HTTP/1.1 101 WebSocket Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
				"Sec-WebSocket-Origin: http://example.com", "Sec-WebSocket-Location: ws://A:81/", "Sec-WebSocket-Protocol: a b", "")},
		{"no origin, no protocol, behind a proxy", Opening{Draft: Draft76, Host: "10.0.0.1:80", Resource: "/"}, "", "wss://public.example/x",
			crlf("HTTP/1.1 101 WebSocket Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
				"Sec-WebSocket-Origin: null", "Sec-WebSocket-Location: wss://public.example/x", "")},
	} {
		resp := test.o.Response(test.protocol, test.location)
		if got := string(AppendResponse(nil, &resp)); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// What one side of this package says the other takes, strict and with nothing to
// tolerate: each draft, with and without the optional parts.
func TestOpeningBothSides(t *testing.T) {
	for _, draft := range []Draft{Draft75, Draft76} {
		for _, secure := range []bool{false, true} {
			for _, protocols := range [][]string{nil, {"sample"}, {"a sample"}} {
				o := draftOpening(t)
				o.Draft, o.Secure, o.Protocols = draft, secure, protocols
				if draft == Draft75 {
					o.Challenge = Challenge{}
				}
				t.Run(fmt.Sprint(draft, secure, protocols), func(t *testing.T) {
					sent := o.Request()
					req, _, err := ParseRequest(AppendRequest(nil, &sent))
					if err != nil {
						t.Fatal(err)
					}
					read, tolerated, err := ReadOpening(&req, ReadOptions{Secure: secure, Strict: true})
					read.Challenge.Key3 = o.Challenge.Key3
					if err != nil || len(tolerated) > 0 || !reflect.DeepEqual(read, o) {
						t.Fatalf("read %+v, %v, %v\nwant %+v", read, tolerated, err, o)
					}
					protocol := strings.Join(protocols, "")
					answer := read.Response(protocol, "")
					resp, _, err := ParseResponse(AppendResponse(nil, &answer))
					if err != nil {
						t.Fatal(err)
					}
					got, tolerated, err := o.Check(&resp, true)
					if err != nil || len(tolerated) > 0 || got != protocol {
						t.Errorf("checked: %q, %v, %v", got, tolerated, err)
					}
				})
			}
		}
	}
}
