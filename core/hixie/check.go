package hixie

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Steps of an opening handshake, for CheckError.Step.
const (
	// A client's checks of a response, in this order: section 4.1 steps 31, 41 and 45.
	StepStatus     = "status"
	StepUpgrade    = "upgrade"
	StepConnection = "connection"
	StepOrigin     = "origin"
	StepLocation   = "location"
	StepProtocol   = "protocol"
	StepAnswer     = "answer"

	// A server's checks of a request, in this order: section 5.1 and 5.2.
	// Upgrade, connection, origin and protocol are checked as well.
	StepMethod   = "method"
	StepVersion  = "HTTP version"
	StepResource = "resource"
	StepFields   = "fields"
	StepHost     = "host"
	StepBody     = "body"
	StepKey1     = "key1"
	StepKey2     = "key2"
)

// A CheckError reports what is wrong with the other side's part of an opening handshake.
type CheckError struct {
	Step     string // a Step constant
	Field    string // the field's name as the draft writes it, "" for what is none
	Got      string // what was there
	Want     string // what should have been there, in words or as a literal
	Missing  bool   // the field is not there at all
	Repeated bool   // the field is there more than once
	Hint     string // what may be the cause, "" if nothing is known
	Err      error  // a *KeyError for StepKey1 and StepKey2, else nil
}

// Error says what was got and what was wanted.
func (e *CheckError) Error() string {
	what := e.Field
	if what == "" {
		what = e.Step
	}
	var text string
	switch {
	case e.Missing:
		text = what + " is missing, want " + e.Want
	case e.Repeated:
		text = what + ": " + e.Got + ", want exactly one"
	case e.Err != nil:
		text = what + ": " + e.Err.Error()
	default:
		text = what + " is " + quote(e.Got) + ", want " + e.Want
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns e.Err.
func (e *CheckError) Unwrap() error { return e.Err }

// Check checks a server's response to o.Request() as section 4.1 steps 31 and 41 tell a client to, in that order, and
// returns the sub-protocol, "" if none was asked for, and what was tolerated, which is nothing when strict. The error
// is a *CheckError. The 16 bytes after the head of draft 76 are for CheckAnswer.
func (o *Opening) Check(resp *Response, strict bool) (protocol string, tolerated []Tolerance, err error) {
	c := &checker{strict: strict}
	for _, check := range []func(*checker, *Response) error{
		o.checkStatus,
		o.checkUpgrade,
		o.checkConnection,
		o.checkOrder,
		o.checkOrigin,
		o.checkLocation,
	} {
		if err := check(c, resp); err != nil {
			return "", nil, err
		}
	}
	protocol, err = o.checkProtocol(c, resp)
	if err != nil {
		return "", nil, err
	}
	return protocol, c.tolerances, nil
}

// CheckAnswer compares the 16 bytes after the head of the response with those that the challenge asks for: section 4.1
// step 45. The error is a *CheckError with both in hex.
func CheckAnswer(got, want [16]byte) error {
	if got == want {
		return nil
	}
	return &CheckError{Step: StepAnswer, Got: hex.EncodeToString(got[:]), Want: hex.EncodeToString(want[:])}
}

func (o *Opening) checkStatus(c *checker, resp *Response) error {
	line := strings.TrimRight(fmt.Sprintf("%s %03d %s", resp.Proto, resp.Status, resp.Reason), " ")
	// 31. Only 101 goes on.
	if resp.Status != 101 {
		return &CheckError{Step: StepStatus, Got: line, Want: "101", Hint: statusHint(resp)}
	}
	// Draft 75 compares the whole line; draft 76 only its code.
	if o.Draft == Draft75 && (resp.Proto != "HTTP/1.1" || resp.Reason != phrase75) {
		return c.tolerate(StepStatus, "status line", line, "HTTP/1.1 101 "+phrase75, "the reason phrase means nothing in HTTP")
	}
	return nil
}

// statusHint guesses why a server did not answer 101.
func statusHint(resp *Response) string {
	if version, ok := resp.Fields.Get("Sec-WebSocket-Version"); ok {
		return fmt.Sprintf("the server offers Sec-WebSocket-Version: %s, so it speaks RFC 6455", cut(trimBlanks(version)))
	}
	switch resp.Status {
	case 407:
		return "a proxy on the way wants credentials"
	case 401:
		return "the server wants credentials"
	case 403:
		return "the server may not like the origin"
	case 301, 302, 303, 307, 308:
		if location, ok := resp.Fields.Get("Location"); ok {
			return "it redirects to " + quote(trimBlanks(location))
		}
	case 426:
		return "the server wants another protocol, likely RFC 6455"
	}
	return ""
}

func (o *Opening) checkUpgrade(c *checker, resp *Response) error {
	value, err := c.one(resp.Fields, StepUpgrade, "Upgrade", "WebSocket")
	switch {
	case err != nil:
		return err
	case value == "WebSocket":
		return nil
	case equalFold(value, "WebSocket"):
		return c.tolerate(StepUpgrade, "Upgrade", value, "WebSocket", "several servers write it in another case")
	}
	return &CheckError{Step: StepUpgrade, Field: "Upgrade", Got: value, Want: "WebSocket"}
}

func (o *Opening) checkConnection(c *checker, resp *Response) error {
	const why = "proxies make a list of it"
	if resp.Fields.Count("Connection") > 1 && resp.Fields.HasToken("Connection", "upgrade") {
		// In HTTP several fields are the same as one with a list.
		if !c.strict {
			got := strings.Join(resp.Fields.Values("Connection"), ", ")
			return c.tolerate(StepConnection, "Connection", got, "Upgrade", why)
		}
	}
	value, err := c.one(resp.Fields, StepConnection, "Connection", "Upgrade")
	switch {
	case err != nil:
		return err
	case equalFold(value, "upgrade"):
		return nil
	case resp.Fields.HasToken("Connection", "upgrade"):
		return c.tolerate(StepConnection, "Connection", value, "Upgrade", why)
	}
	return &CheckError{Step: StepConnection, Field: "Connection", Got: value, Want: "Upgrade"}
}

func (o *Opening) checkOrder(c *checker, resp *Response) error {
	return c.order(o.Draft, resp.Fields)
}

func (o *Opening) checkOrigin(c *checker, resp *Response) error {
	name := o.originField()
	if !o.HasOrigin {
		// Nothing was sent that could come back; what comes is made up.
		value, ok := resp.Fields.Get(name)
		if ok && value == "null" {
			return nil
		}
		if !ok && c.strict {
			return o.withDialect(exactlyOne(resp.Fields, StepOrigin, name, "null"), resp)
		}
		return c.tolerate(StepOrigin, name, value, "null", "no origin was sent")
	}
	want := toLower(o.Origin)
	value, err := c.one(resp.Fields, StepOrigin, name, want)
	if err != nil {
		return o.withDialect(err, resp)
	}
	// Who sets the field by hand may send it in another case, and gets that back.
	if value != want && value != o.Origin {
		return &CheckError{Step: StepOrigin, Field: name, Got: value, Want: want, Hint: "the server serves another origin, or does not read the one sent"}
	}
	return nil
}

// withDialect adds to the error for a missing field which dialect the answer is
// in, if it is one in which that field has no place.
func (o *Opening) withDialect(err error, resp *Response) error {
	if e, ok := err.(*CheckError); ok && e.Missing {
		switch {
		case resp.Fields.Count("Sec-WebSocket-Accept") > 0:
			e.Hint = "the server answered in RFC 6455"
		case o.Draft != Draft75 && resp.Fields.Count("WebSocket-Location") > 0:
			e.Hint = "the server answered in hixie-75"
		case o.Draft == Draft75 && resp.Fields.Count("Sec-WebSocket-Location") > 0:
			e.Hint = "the server answered in hixie-76"
		}
	}
	return err
}

func (o *Opening) checkLocation(c *checker, resp *Response) error {
	name := o.locationField()
	want := o.Location()
	value, err := c.one(resp.Fields, StepLocation, name, want)
	if err != nil {
		return o.withDialect(err, resp)
	}
	if value == want {
		return nil
	}
	if why := sameLocation(value, want); why != "" {
		return c.tolerate(StepLocation, name, value, want, why)
	}
	return &CheckError{Step: StepLocation, Field: name, Got: value, Want: want, Hint: "the server takes itself for another one"}
}

// sameLocation says in what got differs from want where that is usual in the field, "" where they differ otherwise.
func sameLocation(got, want string) (why string) {
	gotScheme, gotHost, gotPath, gotQuery, ok := splitLocation(got)
	if !ok {
		return ""
	}
	wantScheme, wantHost, wantPath, wantQuery, _ := splitLocation(want)
	var differs []string
	if gotScheme != wantScheme {
		differs = append(differs, "servers behind a proxy for TLS confuse ws and wss")
	}
	if gotHost != wantHost {
		if !equalFold(withoutPort(gotScheme, gotHost), withoutPort(wantScheme, wantHost)) {
			return ""
		}
		differs = append(differs, "servers change the host's case or its default port")
	}
	if gotPath != wantPath {
		return ""
	}
	if gotQuery != wantQuery {
		differs = append(differs, "servers lose or rewrite the query")
	}
	if differs == nil {
		return "servers write the same URL in another way"
	}
	return strings.Join(differs, "; ")
}

// splitLocation cuts ws://host/path?query.
func splitLocation(s string) (scheme, host, path, query string, ok bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if scheme = toLower(scheme); !ok || scheme != "ws" && scheme != "wss" {
		return "", "", "", "", false
	}
	rest, query, _ = strings.Cut(rest, "?")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return scheme, rest[:i], rest[i:], query, true
	}
	return scheme, rest, "/", query, true
}

// withoutPort removes the default port of scheme from host.
func withoutPort(scheme, host string) string {
	if scheme == "wss" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

func (o *Opening) checkProtocol(c *checker, resp *Response) (string, error) {
	name := o.protocolField()
	if len(o.Protocols) == 0 {
		// The draft ignores a protocol that was not asked for, so it is noted even when strict.
		if value, ok := resp.Fields.Get(name); ok {
			c.tolerances = append(c.tolerances, Tolerance{name, value, "no such field", "no sub-protocol was asked for, it is ignored"})
		}
		return "", nil
	}
	asked := o.offer()
	value, err := c.one(resp.Fields, StepProtocol, name, asked)
	if missing, ok := err.(*CheckError); ok && missing.Missing {
		missing.Hint = "the server does not take the sub-protocol asked for"
	}
	if err != nil || value == asked {
		return value, err
	}
	if slices.Contains(o.Protocols, value) {
		return value, c.tolerate(StepProtocol, name, value, asked, "servers choose one of several")
	}
	return "", &CheckError{Step: StepProtocol, Field: name, Got: value, Want: asked}
}
