package hixie

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	upgrade, upgrade6455 := Field{"Upgrade", "WebSocket"}, Field{"Upgrade", "websocket"}
	key1, key2 := Field{"sec-websocket-key1", "1 2"}, Field{"SEC-WEBSOCKET-KEY2", "1 2"}
	for _, test := range []struct {
		name   string
		fields Fields
		want   Draft
		step   string
	}{
		{"both keys", Fields{upgrade, key1, key2}, Draft76, ""},
		{"both keys, upgrade lost", Fields{key1, key2}, Draft76, ""},
		{"key1 alone", Fields{upgrade, key1}, 0, StepKey2},
		{"key2 alone", Fields{upgrade, key2}, 0, StepKey1},
		{"upgrade alone", Fields{upgrade}, Draft75, ""},
		{"upgrade alone in lower case", Fields{upgrade6455}, Draft75, ""},
		{"RFC 6455", Fields{upgrade6455, {"Sec-WebSocket-Key", "x"}, {"Sec-WebSocket-Version", "13"}}, 0, ""},
		{"RFC 6455 without a version", Fields{upgrade6455, {"Sec-WebSocket-Key", "x"}}, 0, ""},
		{"a version wins over keys", Fields{upgrade, key1, key2, {"Sec-WebSocket-Version", "13"}}, 0, ""},
		{"another upgrade", Fields{{"Upgrade", "h2c"}}, 0, ""},
		{"plain HTTP", Fields{{"Host", "x"}}, 0, ""},
		{"nothing", nil, 0, ""},
	} {
		got, err := Detect(test.fields)
		if got != test.want {
			t.Errorf("%s: got %v, %v; want %v", test.name, got, err, test.want)
		}
		if test.step != "" {
			checkCheckError(t, err, test.step, "is missing, want a key, since there is Sec-WebSocket-Key")
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestReadOpening(t *testing.T) {
	o76 := draftOpening(t)
	o75 := o76
	o75.Draft = Draft75
	for _, test := range []struct {
		name      string
		o         Opening
		edits     []string
		step      string
		text      string
		tolerated string
		strict    string
		want      func(*Opening) // what differs from o
	}{
		{name: "as the draft says", o: o76},
		{name: "75 as the draft says", o: o75},
		{name: "other fields", o: o76, edits: []string{"+Cookie: a=b", "+User-Agent: x", "+Sec-WebSocket-Draft: 0"}},
		{name: "names in another case", o: o76, edits: []string{"HOST: example.com", "sec-websocket-KEY1: 4 @1  46546xW%0l 1 5"}},
		{name: "another order", o: o76, edits: []string{"-Upgrade", "+Upgrade: WebSocket"}},
		{name: "another order in 75", o: o75, edits: []string{"-Upgrade", "+Upgrade: WebSocket"}, tolerated: "order of fields", strict: StepUpgrade},

		{name: "POST", o: o76, edits: []string{"POST /demo HTTP/1.1"}, step: StepMethod, text: `method is "POST", want GET`},
		{name: "get", o: o76, edits: []string{"get /demo HTTP/1.1"}, step: StepMethod},
		{name: "absolute", o: o76, edits: []string{"GET http://example.com/demo HTTP/1.1"}, step: StepResource, text: "begins with a slash"},
		{name: "star", o: o76, edits: []string{"GET * HTTP/1.1"}, step: StepResource},
		{name: "HTTP/1.0", o: o76, edits: []string{"GET /demo HTTP/1.0"}},
		{name: "a resource that is not escaped", o: o76, edits: []string{"GET /d\x80mo HTTP/1.1"}, tolerated: "resource", strict: StepResource,
			want: func(o *Opening) { o.Resource = "/d\x80mo" }},
		{name: "no space behind a colon", o: o76, edits: []string{"+Cookie:a=b"}, tolerated: "Cookie", strict: StepFields},

		{name: "plain HTTP", o: o75, edits: []string{"-Upgrade", "-Connection"}, step: StepUpgrade, text: "Upgrade is missing, want WebSocket"},
		{name: "another upgrade", o: o75, edits: []string{"Upgrade: h2c"}, step: StepUpgrade, text: `Upgrade is "h2c", want WebSocket`},
		{name: "upgrade lost on the way", o: o76, edits: []string{"-Upgrade"}, step: StepUpgrade, text: "a proxy may have changed it"},
		{name: "upgrade in lower case", o: o76, edits: []string{"Upgrade: websocket"}},
		{name: "upgrade in upper case", o: o75, edits: []string{"Upgrade: WEBSOCKET"}},
		{name: "upgrade list", o: o76, edits: []string{"Upgrade: WebSocket, h2c"}, tolerated: "Upgrade", strict: StepUpgrade},
		{name: "RFC 6455", o: o75, edits: []string{"+Sec-WebSocket-Version: 13"}, step: StepKey1, text: "the client speaks RFC 6455"},

		{name: "no connection", o: o76, edits: []string{"-Connection"}, step: StepConnection, text: "Connection is missing"},
		{name: "connection closed", o: o76, edits: []string{"Connection: close"}, step: StepConnection},
		{name: "connection list", o: o76, edits: []string{"Connection: keep-alive, upgrade"}, tolerated: "Connection", strict: StepConnection},
		{name: "connection twice", o: o76, edits: []string{"+Connection: keep-alive"}, tolerated: "Connection", strict: StepConnection},

		{name: "no host", o: o76, edits: []string{"-Host"}, step: StepHost, text: "Host is missing, want the host asked for"},
		{name: "no host in HTTP/1.0", o: o75, edits: []string{"GET /demo HTTP/1.0", "-Host"}, step: StepHost},
		{name: "two hosts", o: o76, edits: []string{"+Host: example.com"}, step: StepHost, text: "2 fields"},
		{name: "empty host", o: o76, edits: []string{"Host:"}, step: StepHost, text: `Host is "", want a host`},
		{name: "host with a path", o: o76, edits: []string{"Host: evil.example/x"}, step: StepHost},
		{name: "host with a user", o: o76, edits: []string{"Host: a@evil.example"}, step: StepHost},
		{name: "host list", o: o76, edits: []string{"Host: a,b"}, step: StepHost},
		{name: "blanks around the host", o: o76, edits: []string{"Host: \texample.com "}, tolerated: "Host", strict: StepHost},
		{name: "host with a port", o: o76, edits: []string{"Host: [::1]:8076"}, want: func(o *Opening) { o.Host = "[::1]:8076" }},
		{name: "an address", o: o76, edits: []string{"Host: [::1]"}, want: func(o *Opening) { o.Host = "[::1]" }},
		{name: "a port that is no number", o: o76, edits: []string{"Host: example.com:x1"}, tolerated: "Host", strict: StepHost,
			want: func(o *Opening) { o.Host = "example.com:x1" }},
		{name: "no port behind the colon", o: o76, edits: []string{"Host: example.com:"}, tolerated: "Host", strict: StepHost,
			want: func(o *Opening) { o.Host = "example.com:" }},

		{name: "no origin", o: o76, edits: []string{"-Origin"}, tolerated: "Origin", strict: StepOrigin,
			want: func(o *Opening) { o.HasOrigin, o.Origin = false, "" }},
		{name: "two origins", o: o76, edits: []string{"+Origin: http://other.example"}, step: StepOrigin, text: "2 fields"},
		{name: "origin null", o: o76, edits: []string{"Origin: null"}, want: func(o *Opening) { o.Origin = "null" }},
		{name: "empty origin", o: o76, edits: []string{"Origin: "}, want: func(o *Opening) { o.Origin = "" }},

		{name: "Content-Length: 8", o: o76, edits: []string{"+Content-Length: 8"}, tolerated: "Content-Length", strict: StepBody},
		{name: "Content-Length: 0", o: o76, edits: []string{"+Content-Length: 0"}, tolerated: "Content-Length", strict: StepBody},
		{name: "Content-Length: 9", o: o76, edits: []string{"+Content-Length: 9"}, step: StepBody, text: `Content-Length is "9", want no such field`},
		{name: "Content-Length: 8 in 75", o: o75, edits: []string{"+Content-Length: 8"}, step: StepBody},
		{name: "chunked", o: o76, edits: []string{"+Transfer-Encoding: chunked"}, step: StepBody},

		{name: "two sub-protocols", o: o76, edits: []string{"Sec-WebSocket-Protocol: a, b"}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = []string{"a", "b"} }},
		{name: "two sub-protocols without blanks", o: o76, edits: []string{"Sec-WebSocket-Protocol: a,b"}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = []string{"a", "b"} }},
		{name: "a sub-protocol with spaces", o: o76, edits: []string{"Sec-WebSocket-Protocol: sub protocol"},
			want: func(o *Opening) { o.Protocols = []string{"sub protocol"} }},
		{name: "a sub-protocol with a tab", o: o76, edits: []string{"Sec-WebSocket-Protocol: sub\tprotocol"}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = []string{"sub\tprotocol"} }},
		{name: "a sub-protocol and nothing", o: o76, edits: []string{"Sec-WebSocket-Protocol: a, ,"}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = []string{"a"} }},
		{name: "two sub-protocol fields", o: o75, edits: []string{"+WebSocket-Protocol: b"}, tolerated: "WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = []string{"sample", "b"} }},
		{name: "empty sub-protocol", o: o76, edits: []string{"Sec-WebSocket-Protocol: "}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol,
			want: func(o *Opening) { o.Protocols = nil }},

		{name: "key1 alone", o: o76, edits: []string{"-Sec-WebSocket-Key2"}, step: StepKey2, text: "Sec-WebSocket-Key2 is missing"},
		{name: "key1 twice", o: o76, edits: []string{"+Sec-WebSocket-Key1: 1 2"}, step: StepKey1, text: "2 fields"},
		{name: "key1 without a space", o: o76, edits: []string{"Sec-WebSocket-Key1: 12"}, step: StepKey1,
			text: `Sec-WebSocket-Key1: key "12" has no spaces to divide by`},
		{name: "key2 with a remainder", o: o76, edits: []string{"Sec-WebSocket-Key2: 1 2 3"}, step: StepKey2, text: "123 are no multiple of its 2 spaces"},
		{name: "blanks after a key count", o: o76, edits: []string{"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5  "}, step: StepKey1, text: "no multiple of its 7 spaces"},
	} {
		t.Run(test.name, func(t *testing.T) {
			said := test.o.Request()
			head := edit(string(AppendRequest(nil, &said)), test.edits...)
			req, _, err := ParseRequest([]byte(head))
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			got, tolerated, err := ReadOpening(&req, ReadOptions{})
			if test.step != "" {
				checkCheckError(t, err, test.step, test.text)
				if !reflect.DeepEqual(got, Opening{}) || tolerated != nil {
					t.Errorf("with the error came %+v, %v", got, tolerated)
				}
				_, _, err = ReadOpening(&req, ReadOptions{Strict: true})
				if err == nil {
					t.Error("strict takes it")
				}
				return
			}
			checkTolerated(t, tolerated, err, test.tolerated)
			want := test.o
			if want.Draft == Draft75 {
				want.Challenge = Challenge{}
			}
			want.Challenge.Key3 = [8]byte{} // the caller reads it
			if test.want != nil {
				test.want(&want)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			_, _, err = ReadOpening(&req, ReadOptions{Strict: true})
			if test.strict != "" {
				checkCheckError(t, err, test.strict, "")
			} else if err != nil {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

func TestReadOpeningLenientKeys(t *testing.T) {
	o := draftOpening(t)
	for _, test := range []struct {
		key1      string
		tolerated bool
		err       error
	}{
		{"4 @1  46546xW%0l 1 5", false, nil},
		{"1 2 3", true, nil},
		{"8 589934 591", true, nil},
		{"8 589934 592", false, ErrKeyTooLarge},
		{"123", false, ErrNoSpaces},
		{"a b", false, ErrNoDigits},
	} {
		o.Challenge.Key1 = []byte(test.key1)
		req := o.Request()
		got, tolerated, err := ReadOpening(&req, ReadOptions{LenientKeys: true})
		if !errors.Is(err, test.err) || len(tolerated) > 0 != test.tolerated {
			t.Errorf("%q: %v, %v; want %v", test.key1, tolerated, err, test.err)
		}
		if err != nil {
			var key *KeyError
			if !errors.As(err, &key) || key.Key != test.key1 {
				t.Errorf("%q: %v is no KeyError", test.key1, err)
			}
			continue
		}
		if _, err := got.Challenge.AnswerLenient(); err != nil || string(got.Challenge.Key1) != test.key1 {
			t.Errorf("%q: %q, %v", test.key1, got.Challenge.Key1, err)
		}
	}
}

// Location and Secure of a server.
func TestReadOpeningSecure(t *testing.T) {
	o := draftOpening(t)
	req := o.Request()
	got, _, err := ReadOpening(&req, ReadOptions{Secure: true})
	if err != nil || got.Location() != "wss://example.com/demo" {
		t.Errorf("got %q, %v", got.Location(), err)
	}
}

func TestCheckErrorIsShort(t *testing.T) {
	o := draftOpening(t)
	req := o.Request()
	req.Fields[0].Value = strings.Repeat("x", MaxHead)
	if _, _, err := ReadOpening(&req, ReadOptions{}); err == nil || len(err.Error()) > 400 {
		t.Errorf("got %v", err)
	}
}
