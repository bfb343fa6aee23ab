package hixie

import (
	"errors"
	"strings"
	"testing"
)

// A head is changed by lines: "Name: value" replaces the fields of that name or
// adds one, "+Name: value" adds one, "-Name" removes, any other line replaces the
// first one.
func edit(head string, edits ...string) string {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	for _, e := range edits {
		name, _, isField := strings.Cut(e, ":")
		if strings.HasPrefix(e, "+") {
			lines = append(lines, e[1:])
			continue
		}
		if !isField && !strings.HasPrefix(e, "-") || strings.Contains(name, " ") {
			lines[0] = e
			continue
		}
		name = strings.TrimPrefix(name, "-")
		kept := lines[:1:1]
		at := -1
		for _, line := range lines[1:] {
			if n, _, _ := strings.Cut(line, ":"); equalFold(n, name) {
				if at < 0 {
					at = len(kept)
				}
				continue
			}
			kept = append(kept, line)
		}
		if isField {
			if at < 0 {
				at = len(kept)
			}
			kept = append(kept[:at:at], append([]string{e}, kept[at:]...)...)
		}
		lines = kept
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func TestCheck(t *testing.T) {
	o76 := draftOpening(t)
	o75 := o76
	o75.Draft = Draft75
	noProtocol := o76
	noProtocol.Protocols = nil
	two := o76
	two.Protocols = []string{"sample", "other"}
	noOrigin := o76
	noOrigin.HasOrigin, noOrigin.Origin = false, ""
	mixedOrigin := o76
	mixedOrigin.Origin = "HTTP://Example.com"
	secure := o76
	secure.Secure = true
	query := o76
	query.Resource = "/demo?a=1&b=2"
	root := o76
	root.Resource = "/"
	port := o76
	port.Host = "example.com:8076"

	// Each case: edits of what the server says; then the step that fails, or the
	// field tolerated, or "" for neither. strict cases follow "/".
	const fine = ""
	for _, test := range []struct {
		name      string
		o         Opening
		edits     []string
		step      string // that fails
		text      string // of the error
		tolerated string // field, if no step fails
		strict    string // step that fails when strict, if none did
		protocol  string
	}{
		{name: "as the draft says", o: o76, protocol: "sample"},
		{name: "75 as the draft says", o: o75, protocol: "sample"},
		{name: "another phrase", o: o76, edits: []string{"HTTP/1.0 101 Switching Protocols"}, protocol: "sample"},
		{name: "another phrase in 75", o: o75, edits: []string{"HTTP/1.1 101 Switching Protocols"}, tolerated: "status line", strict: StepStatus, protocol: "sample"},
		{name: "other fields and cookies", o: o76, edits: []string{"+Set-Cookie: a=b", "+Set-Cookie: c=d", "+Server: x"}, protocol: "sample"},
		{name: "names in another case", o: o76, edits: []string{"UPGRADE: WebSocket", "sec-websocket-ORIGIN: http://example.com"}, protocol: "sample"},

		{name: "200", o: o76, edits: []string{"HTTP/1.1 200 OK"}, step: StepStatus, text: `status is "HTTP/1.1 200 OK", want 101`},
		{name: "407", o: o76, edits: []string{"HTTP/1.1 407 Proxy Authentication Required"}, step: StepStatus, text: "a proxy on the way wants credentials"},
		{name: "401", o: o76, edits: []string{"HTTP/1.1 401 Unauthorized"}, step: StepStatus, text: "the server wants credentials"},
		{name: "403", o: o76, edits: []string{"HTTP/1.1 403 Forbidden"}, step: StepStatus, text: "origin"},
		{name: "redirect", o: o76, edits: []string{"HTTP/1.1 302 Found", "+Location: http://portal.example/"}, step: StepStatus, text: `it redirects to "http://portal.example/"`},
		{name: "redirect to nowhere", o: o76, edits: []string{"HTTP/1.1 302 "}, step: StepStatus, text: `status is "HTTP/1.1 302", want 101`},
		{name: "RFC 6455 server", o: o76, edits: []string{"HTTP/1.1 426 Upgrade Required", "+Sec-WebSocket-Version: 13"}, step: StepStatus,
			text: `status is "HTTP/1.1 426 Upgrade Required", want 101; the server offers Sec-WebSocket-Version: 13, so it speaks RFC 6455`},
		{name: "426 alone", o: o76, edits: []string{"HTTP/1.1 426 Upgrade Required"}, step: StepStatus, text: "likely RFC 6455"},

		{name: "no upgrade", o: o76, edits: []string{"-Upgrade"}, step: StepUpgrade, text: "Upgrade is missing, want WebSocket"},
		{name: "two upgrades", o: o76, edits: []string{"+Upgrade: WebSocket"}, step: StepUpgrade, text: "Upgrade: 2 fields of this name, want exactly one"},
		{name: "upgrade to something else", o: o76, edits: []string{"Upgrade: h2c"}, step: StepUpgrade, text: `Upgrade is "h2c", want WebSocket`},
		{name: "upgrade in lower case", o: o76, edits: []string{"Upgrade: websocket"}, tolerated: "Upgrade", strict: StepUpgrade, protocol: "sample"},
		{name: "blank before the value", o: o76, edits: []string{"Upgrade:  WebSocket"}, tolerated: "Upgrade", strict: StepUpgrade, protocol: "sample"},

		{name: "no connection", o: o76, edits: []string{"-Connection"}, step: StepConnection, text: "Connection is missing"},
		{name: "connection closed", o: o76, edits: []string{"Connection: close"}, step: StepConnection, text: `Connection is "close", want Upgrade`},
		{name: "connection in lower case", o: o76, edits: []string{"Connection: upgrade"}, protocol: "sample"},
		{name: "connection list", o: o76, edits: []string{"Connection: keep-alive, Upgrade"}, tolerated: "Connection", strict: StepConnection, protocol: "sample"},
		{name: "connection twice", o: o76, edits: []string{"+Connection: keep-alive"}, tolerated: "Connection", strict: StepConnection, protocol: "sample"},
		{name: "connection twice without upgrade", o: o76, edits: []string{"Connection: close", "+Connection: keep-alive"}, step: StepConnection, text: "2 fields"},
		{name: "75 in another order", o: o75, edits: []string{"-Upgrade", "+Upgrade: WebSocket"}, tolerated: "order of fields", strict: StepUpgrade, protocol: "sample"},
		{name: "76 in another order", o: o76, edits: []string{"-Upgrade", "+Upgrade: WebSocket"}, protocol: "sample"},

		{name: "no origin back", o: o76, edits: []string{"-Sec-WebSocket-Origin"}, step: StepOrigin, text: "Sec-WebSocket-Origin is missing, want http://example.com"},
		{name: "RFC 6455 answer", o: o76, edits: []string{"-Sec-WebSocket-Origin", "+Sec-WebSocket-Accept: x"}, step: StepOrigin, text: "; the server answered in RFC 6455"},
		{name: "75 answer to 76", o: o76, edits: []string{"-Sec-WebSocket-Origin", "+WebSocket-Location: x"}, step: StepOrigin, text: "; the server answered in hixie-75"},
		{name: "76 answer to 75", o: o75, edits: []string{"-WebSocket-Origin", "+Sec-WebSocket-Location: x"}, step: StepOrigin, text: "; the server answered in hixie-76"},
		{name: "two origins", o: o76, edits: []string{"+Sec-WebSocket-Origin: http://example.com"}, step: StepOrigin, text: "2 fields"},
		{name: "another origin", o: o76, edits: []string{"Sec-WebSocket-Origin: http://other.example"}, step: StepOrigin, text: `Sec-WebSocket-Origin is "http://other.example", want http://example.com`},
		{name: "origin undefined", o: o76, edits: []string{"Sec-WebSocket-Origin: undefined"}, step: StepOrigin},
		{name: "origin empty", o: o76, edits: []string{"Sec-WebSocket-Origin:"}, step: StepOrigin},
		{name: "origin as sent in lower case", o: mixedOrigin, edits: []string{"Sec-WebSocket-Origin: http://example.com"}, protocol: "sample"},
		{name: "no origin sent, null back", o: noOrigin, protocol: "sample"},
		{name: "no origin sent, none back", o: noOrigin, edits: []string{"-Sec-WebSocket-Origin"}, tolerated: "Sec-WebSocket-Origin", strict: StepOrigin, protocol: "sample"},
		{name: "no origin sent, one made up", o: noOrigin, edits: []string{"Sec-WebSocket-Origin: undefined"}, tolerated: "Sec-WebSocket-Origin", strict: StepOrigin, protocol: "sample"},

		{name: "no location", o: o76, edits: []string{"-Sec-WebSocket-Location"}, step: StepLocation, text: "Sec-WebSocket-Location is missing, want ws://example.com/demo"},
		{name: "no location, no origin sent, RFC 6455", o: noOrigin, edits: []string{"-Sec-WebSocket-Location", "+Sec-WebSocket-Accept: x"}, step: StepLocation, text: "RFC 6455"},
		{name: "two locations", o: o76, edits: []string{"+Sec-WebSocket-Location: ws://example.com/demo"}, step: StepLocation, text: "2 fields"},
		{name: "another host", o: o76, edits: []string{"Sec-WebSocket-Location: ws://undefined/demo"}, step: StepLocation, text: `is "ws://undefined/demo", want ws://example.com/demo`},
		{name: "another path", o: o76, edits: []string{"Sec-WebSocket-Location: ws://example.com/"}, step: StepLocation},
		{name: "another port", o: o76, edits: []string{"Sec-WebSocket-Location: ws://example.com:8080/demo"}, step: StepLocation},
		{name: "port lost", o: port, edits: []string{"Sec-WebSocket-Location: ws://example.com/demo"}, step: StepLocation},
		{name: "http", o: o76, edits: []string{"Sec-WebSocket-Location: http://example.com/demo"}, step: StepLocation},
		{name: "no URL", o: o76, edits: []string{"Sec-WebSocket-Location: /demo"}, step: StepLocation},
		{name: "leading blank", o: o76, edits: []string{"Sec-WebSocket-Location:  ws://example.com/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "host in another case", o: o76, edits: []string{"Sec-WebSocket-Location: ws://EXAMPLE.com/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "default port", o: o76, edits: []string{"Sec-WebSocket-Location: ws://example.com:80/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "ws behind TLS", o: secure, edits: []string{"Sec-WebSocket-Location: ws://example.com/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "default port behind TLS", o: secure, edits: []string{"Sec-WebSocket-Location: wss://example.com:443/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "port of the other scheme", o: secure, edits: []string{"Sec-WebSocket-Location: wss://example.com:80/demo"}, step: StepLocation},
		{name: "slash left out", o: root, edits: []string{"Sec-WebSocket-Location: ws://EXAMPLE.com"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "only the slash left out", o: root, edits: []string{"Sec-WebSocket-Location: WS://example.com"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "query lost", o: query, edits: []string{"Sec-WebSocket-Location: ws://example.com/demo"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},
		{name: "query rewritten", o: query, edits: []string{"Sec-WebSocket-Location: ws://example.com/demo?b=2&a=1"}, tolerated: "Sec-WebSocket-Location", strict: StepLocation, protocol: "sample"},

		{name: "no protocol back", o: o76, edits: []string{"-Sec-WebSocket-Protocol"}, step: StepProtocol, text: "Sec-WebSocket-Protocol is missing, want sample; the server does not take"},
		{name: "two protocols back", o: o76, edits: []string{"+Sec-WebSocket-Protocol: sample"}, step: StepProtocol, text: "2 fields"},
		{name: "another protocol", o: o76, edits: []string{"Sec-WebSocket-Protocol: *"}, step: StepProtocol, text: `is "*", want sample`},
		{name: "protocol in another case", o: o76, edits: []string{"Sec-WebSocket-Protocol: Sample"}, step: StepProtocol},
		{name: "one of two", o: two, edits: []string{"Sec-WebSocket-Protocol: other"}, tolerated: "Sec-WebSocket-Protocol", strict: StepProtocol, protocol: "other"},
		{name: "both of two", o: two, edits: []string{"Sec-WebSocket-Protocol: sample, other"}, protocol: "sample, other"},
		{name: "none of two", o: two, edits: []string{"Sec-WebSocket-Protocol: third"}, step: StepProtocol},
		{name: "not asked for", o: noProtocol, edits: []string{"Sec-WebSocket-Protocol: None"}, tolerated: "Sec-WebSocket-Protocol"},
		{name: "in 75 the fields of 76 are others", o: o75, edits: []string{"+Sec-WebSocket-Origin: x", "+Sec-WebSocket-Protocol: y"}, protocol: "sample"},
	} {
		t.Run(test.name, func(t *testing.T) {
			protocol := ""
			if len(test.o.Protocols) > 0 {
				protocol = "sample"
			}
			said := test.o.Response(protocol, "")
			for i := range said.Fields { // the draft's server repeats the origin in lower case
				if said.Fields[i].Name == test.o.originField() {
					said.Fields[i].Value = toLower(said.Fields[i].Value)
				}
			}
			head := edit(string(AppendResponse(nil, &said)), test.edits...)
			resp, _, err := ParseResponse([]byte(head))
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			got, tolerated, err := test.o.Check(&resp, false)
			if test.step != fine {
				checkCheckError(t, err, test.step, test.text)
				_, _, err = test.o.Check(&resp, true)
				checkCheckError(t, err, test.step, test.text)
				return
			}
			checkTolerated(t, tolerated, err, test.tolerated)
			if got != test.protocol {
				t.Errorf("protocol %q, want %q", got, test.protocol)
			}
			_, _, err = test.o.Check(&resp, true)
			if test.strict != fine {
				checkCheckError(t, err, test.strict, "")
			} else if err != nil {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

func checkCheckError(t *testing.T, err error, step, text string) {
	t.Helper()
	var e *CheckError
	if !errors.As(err, &e) || e.Step != step {
		t.Errorf("got %#v; want a CheckError of step %q", err, step)
		return
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("got %q; want %q", err, text)
	}
}

func checkTolerated(t *testing.T, got []Tolerance, err error, field string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if field == "" {
		if len(got) > 0 {
			t.Errorf("tolerated %v", got)
		}
		return
	}
	if len(got) != 1 || got[0].Field != field || got[0].Why == "" || got[0].Want == "" {
		t.Errorf("tolerated %v, want one about %q", got, field)
	}
}

// The checks come in the draft's order: of several faults the first is reported.
func TestCheckOrder(t *testing.T) {
	o := draftOpening(t)
	resp := Response{Proto: "HTTP/1.1", Status: 500, Reason: "X"}
	for _, next := range []struct {
		step string
		fix  func()
	}{
		{StepStatus, func() { resp.Status = 101 }},
		{StepUpgrade, func() { resp.Fields = append(resp.Fields, Field{"Upgrade", "WebSocket"}) }},
		{StepConnection, func() { resp.Fields = append(resp.Fields, Field{"Connection", "Upgrade"}) }},
		{StepOrigin, func() { resp.Fields = append(resp.Fields, Field{"Sec-WebSocket-Origin", o.Origin}) }},
		{StepLocation, func() { resp.Fields = append(resp.Fields, Field{"Sec-WebSocket-Location", o.Location()}) }},
		{StepProtocol, func() { resp.Fields = append(resp.Fields, Field{"Sec-WebSocket-Protocol", "sample"}) }},
	} {
		_, _, err := o.Check(&resp, false)
		checkCheckError(t, err, next.step, "")
		next.fix()
	}
	if protocol, tolerated, err := o.Check(&resp, true); protocol != "sample" || len(tolerated) > 0 || err != nil {
		t.Errorf("got %q, %v, %v", protocol, tolerated, err)
	}
}

func TestCheckAnswer(t *testing.T) {
	want := [16]byte{1, 2, 3}
	if err := CheckAnswer(want, want); err != nil {
		t.Error(err)
	}
	got := want
	got[15] = 9
	checkCheckError(t, CheckAnswer(got, want), StepAnswer,
		`answer is "01020300000000000000000000000009", want 01020300000000000000000000000000`)
}

func TestToleranceString(t *testing.T) {
	got := Tolerance{"Upgrade", "websocket\x1b", "WebSocket", "several servers"}.String()
	if want := `Upgrade: got "websocket\x1b", the draft wants WebSocket: several servers`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
